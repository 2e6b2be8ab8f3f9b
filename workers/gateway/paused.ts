/** How a pause is shown, of a tenant, a graph or a lifetime. */
import { z } from "@hono/zod-openapi";

export const pausedSchema = z.object({
  reason: z.string(),
  since: z.string().openapi({ format: "date-time" }),
});
