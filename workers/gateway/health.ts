/** Whether the gateway is up, and whether everything that it stands on answers. Needs no key. */
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { RETRY_AFTER_MS } from "../../src/limits.ts";
import { objectOf } from "./address.ts";
import type { GatewayEnv } from "./api.ts";
import { problem, problemResponse } from "./problem.ts";
import { json } from "./responses.ts";

const up = z.object({ status: z.literal("ok") });

const getHealth = createRoute({
  method: "get",
  path: "/health",
  summary: "Whether the gateway is up",
  responses: { 200: json("It is", up) },
});

const getReady = createRoute({
  method: "get",
  path: "/ready",
  summary: "Whether the tenant objects, D1 and R2 answer",
  responses: { 200: json("They do", up), default: problemResponse },
});

/** No tenant can have this name, so asking its object for nothing disturbs nobody. */
const NO_TENANT = "";

const CHECKS: Readonly<Record<string, (env: Env) => Promise<unknown>>> = {
  "the tenant objects": (env) => objectOf(env, NO_TENANT).describe(),
  D1: (env) => env.DB.prepare("SELECT offset FROM projections LIMIT 1").first(),
  R2: (env) => env.BLOBS.head("ready"),
};

export const health = new OpenAPIHono<GatewayEnv>()
  .openapi(getHealth, (c) => c.json({ status: "ok" as const }, 200))
  .openapi(getReady, async (c) => {
    const names = Object.keys(CHECKS);
    const settled = await Promise.allSettled(Object.values(CHECKS).map((ask) => ask(c.env)));
    const silent = names.filter((_, index) => settled[index]?.status === "rejected");
    if (silent.length === 0) return c.json({ status: "ok" as const }, 200);
    const detail = `no answer from ${silent.join(", ")}; a new database needs its migrations first`;
    return problem(c, { code: "unavailable", detail, retryAfterMs: RETRY_AFTER_MS });
  });
