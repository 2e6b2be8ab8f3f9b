/** How a pause is shown, of a tenant, a graph or a lifetime. */
import { z } from "@hono/zod-openapi";

export const pausedSchema = z.object({
  reason: z.string(),
  by: z.string().optional().openapi({ description: "The name of the key that it was paused with" }),
  since: z.string().openapi({ format: "date-time" }),
});
