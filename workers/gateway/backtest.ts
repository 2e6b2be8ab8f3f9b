/** What a policy would have decided of what was recorded, told while it is looked through. */
import { z } from "@hono/zod-openapi";
import { readPolicy } from "../../src/guardrails/document.ts";
import type { Rejection } from "../../src/rejection.ts";
import { objectOf } from "./address.ts";
import { Api, route } from "./api.ts";
import { NDJSON } from "./ndjson.ts";
import { id, ofTenant, time } from "./parameters.ts";
import { POLICIES } from "./policies.ts";
import { problem } from "./problem.ts";
import { jsonBody } from "./responses.ts";

const body = z
  .strictObject({
    policy: z
      .union([z.string(), z.looseObject({})])
      .optional()
      .openapi({ description: "A policy, as YAML or JSON" }),
    name: id.optional().openapi({ description: "Or that of a policy that holds" }),
    from: time.openapi({ description: "What was recorded from here on is judged" }),
    until: time,
  })
  .refine(({ policy, name }) => (policy === undefined) !== (name === undefined), "write `policy` or `name`");

const backtestPolicy = route("reader", {
  method: "post",
  path: `${POLICIES}:backtest`,
  summary: "Tell what a policy would have decided of what was recorded, and what that would have saved",
  request: { params: ofTenant, body: jsonBody(body) },
  responses: {
    200: {
      description:
        "A line each: `flip`, the first decision of a lifetime that is another; `progress`; `done`",
      content: { [NDJSON]: { schema: z.string() } },
    },
  },
});

export const backtest = new Api().openapi(backtestPolicy, async (c) => {
  const object = objectOf(c.env, c.req.valid("param").tenant);
  const { policy, name = "", from, until } = c.req.valid("json");
  const stored = policy === undefined ? await object.getPolicy(name) : undefined;
  if (stored && !stored.ok) return problem(c, stored.error);
  const written = stored ? stored.value.document : policy;
  const text = typeof written === "string" ? written : JSON.stringify(written);
  const read = readPolicy(new TextEncoder().encode(text));
  if (!read.ok) {
    const detail = "the policy has faults; each says where it is";
    return problem(c, { code: "policy_invalid", detail, fields: read.error });
  }
  const wanted = { backtest: { document: read.value, from, until } };
  const request = new Request("http://object/", { method: "POST", body: JSON.stringify(wanted) });
  const response = await object.fetch(request);
  if (response.status === 400) return problem(c, await response.json<Rejection>());
  const lines: ReadableStream<Uint8Array> | undefined = response.body ?? undefined;
  if (lines === undefined) return problem(c, { code: "internal", detail: "nothing was looked through" });
  // Of lines the types of routes know nothing.
  return c.body(lines, 200, { "content-type": NDJSON, "cache-control": "no-store" }) as never;
});
