/** The Idempotency-Key header: what a key may be, and what makes two requests the same. */
import { createHash } from "node:crypto";
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { IDEMPOTENCY_KEY_CHARS_MAX } from "../../src/limits.ts";
import type { GatewayEnv } from "./api.ts";

export const idempotencyHeader = z.object({
  "idempotency-key": z
    .string()
    .regex(/^[\x21-\x7e]+$/, "write printable ASCII without spaces")
    .max(IDEMPOTENCY_KEY_CHARS_MAX)
    .optional()
    .openapi({
      description:
        "The same key and body act once: for 24 hours, signals and answers to approvals for as long as their lifetime may live",
    }),
});

/** What a request says of its key; `by` where two people who say the same have said two things. */
export const keyed = (
  c: Context<GatewayEnv, string, { out: { header: z.output<typeof idempotencyHeader> } }>,
  by?: string,
) => {
  const key = c.req.valid("header")["idempotency-key"];
  const bodyHash = () => requestHash(c.req.method, c.req.path, c.get("body"), by);
  return key === undefined ? {} : { idempotency: { key, bodyHash: bodyHash() } };
};

/** How long to wait for an answer is no part of a request. */
const requestHash = (method: string, path: string, body: Uint8Array, by?: string): string =>
  createHash("sha256")
    .update(`${method} ${path}\n${by === undefined ? "" : `${by}\n`}`)
    .update(body)
    .digest("hex");
