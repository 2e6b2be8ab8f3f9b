/** What arrived and did not count: strays, which came too late or twice, and dead letters. Oldest first. */

import { base64Encode } from "@bufbuild/protobuf/wire";
import { z } from "@hono/zod-openapi";
import { DEAD_LETTER_REASONS } from "../../src/control-plane/tenant.ts";
import { executionSchema } from "../../src/wire/codec.ts";
import { objectOf } from "./address.ts";
import { Api, route } from "./api.ts";
import { listPage } from "./list.ts";
import { showMessage } from "./message-json.ts";
import { ofTenant, paging, TENANT } from "./parameters.ts";
import { problem } from "./problem.ts";
import { json, pageOf } from "./responses.ts";

const straySchema = z
  .object({
    id: z.int(),
    reason: z.enum(["late", "duplicate", "unknown", "unfinished"]),
    received_at: z.string().openapi({ format: "date-time" }),
    kind: z.enum(["plan", "task"]),
    message: z.any().optional().openapi({ description: "Proto JSON of the execution" }),
    message_base64: z.string(),
  })
  .openapi("Stray");

const deadLetterSchema = z
  .object({
    id: z.int(),
    reason: z.enum(DEAD_LETTER_REASONS),
    detail: z.string(),
    received_at: z.string().openapi({ format: "date-time" }),
    topic: z.string(),
    partition: z.int().optional().openapi({ description: "Of what came from Kafka; likewise its offset" }),
    offset: z.int().optional(),
    message_base64: z.string(),
  })
  .openapi("DeadLetter");

const listStrays = route("reader", {
  method: "get",
  path: `${TENANT}/strays`,
  summary: "Executions that were understood and are not the ones that count",
  request: { params: ofTenant, query: z.strictObject(paging) },
  responses: { 200: json("A page of strays", pageOf(straySchema)) },
});

const listDeadLetters = route("reader", {
  method: "get",
  path: `${TENANT}/dead-letters`,
  summary: "Messages that nothing can be done with",
  request: { params: ofTenant, query: z.strictObject(paging) },
  responses: { 200: json("A page of dead letters", pageOf(deadLetterSchema)) },
});

export const setAside = new Api()
  .openapi(listStrays, async (c) => {
    const object = objectOf(c.env, c.req.valid("param").tenant);
    const listed = await listPage(
      { path: c.req.path, query: c.req.valid("query") },
      z.int(),
      ({ limit, after = 0 }) => object.listStrays({ limit, after }),
      ({ message, ...stray }) => ({
        ...stray,
        message: showMessage(executionSchema(stray.kind), message),
        message_base64: base64Encode(message),
      }),
    );
    return listed.ok ? c.json(listed.value, 200) : problem(c, listed.error);
  })
  .openapi(listDeadLetters, async (c) => {
    const object = objectOf(c.env, c.req.valid("param").tenant);
    const listed = await listPage(
      { path: c.req.path, query: c.req.valid("query") },
      z.int(),
      ({ limit, after = 0 }) => object.listDeadLetters({ limit, after }),
      ({ message, ...letter }) => ({ ...letter, message_base64: base64Encode(message) }),
    );
    return listed.ok ? c.json(listed.value, 200) : problem(c, listed.error);
  });
