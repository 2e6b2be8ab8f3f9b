/** The Idempotency-Key header: what a key may be, and what makes two requests the same. */
import { createHash } from "node:crypto";
import { z } from "@hono/zod-openapi";
import { IDEMPOTENCY_KEY_CHARS_MAX } from "../../src/limits.ts";

export const idempotencyHeader = z.object({
  "idempotency-key": z
    .string()
    .regex(/^[\x21-\x7e]+$/, "write printable ASCII without spaces")
    .max(IDEMPOTENCY_KEY_CHARS_MAX)
    .optional()
    .openapi({ description: "The same key and body start one lifetime, for 24 hours" }),
});

/** How long to wait for an answer is no part of a request. */
export const requestHash = (method: string, path: string, body: Uint8Array): string =>
  createHash("sha256").update(`${method} ${path}\n`).update(body).digest("hex");
