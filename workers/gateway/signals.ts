/** Signals: a named JSON value for the waits of one lifetime. */
import { z } from "@hono/zod-openapi";
import { NAME_CHARS_MAX } from "../../src/limits.ts";
import { objectOfLifetime } from "./address.ts";
import { Api, route } from "./api.ts";
import { encodeJson } from "./encode-json.ts";
import { idempotencyHeader, keyed } from "./idempotency.ts";
import { id, ofTenant, TENANT } from "./parameters.ts";
import { problem } from "./problem.ts";
import { json, jsonBody } from "./responses.ts";

const signalBody = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(NAME_CHARS_MAX)
    .refine((text) => text.isWellFormed(), "half a surrogate pair is no text"),
  value: z.any().optional().openapi({ description: "Any JSON; null where absent" }),
});

const signalSchema = z
  .object({
    lifetime: z.string(),
    name: z.string(),
    kept: z.boolean().openapi({ description: "Whether it is kept for a wait to come" }),
    input_id: z.string().optional().openapi({ description: "Whose wait it has just ended" }),
  })
  .openapi("Signal");

const signalLifetime = route("operator", {
  method: "post",
  path: `${TENANT}/lifetimes/{lifetime}:signal`,
  summary: "Signal a lifetime: end a wait of it, or the next one for this name",
  request: {
    params: ofTenant.extend({ lifetime: id }),
    headers: idempotencyHeader,
    body: jsonBody(signalBody),
  },
  responses: { 200: json("A wait has it, or it is kept for one", signalSchema) },
});

export const signals = new Api().openapi(signalLifetime, async (c) => {
  const { tenant, lifetime } = c.req.valid("param");
  const { name, value = null } = c.req.valid("json");
  const encoded = encodeJson("value", value);
  if (!encoded.ok) return problem(c, encoded.error);
  const by = c.get("credential").name;
  const object = objectOfLifetime(c.env, tenant, lifetime);
  const signaled = await object.signal({ lifetime, name, value: encoded.value, by, ...keyed(c) });
  if (!signaled.ok) return problem(c, signaled.error);
  const { replayed, ...answer } = signaled.value;
  if (replayed) c.header("idempotency-replayed", "true");
  return c.json(answer, 200);
});
