/** How a definition writes what a route answers with. */
import { z } from "@hono/zod-openapi";

export const json = <Schema extends z.ZodType>(description: string, schema: Schema) => ({
  description,
  content: { "application/json": { schema } },
});

export const jsonBody = <Schema extends z.ZodType>(schema: Schema) => ({
  content: { "application/json": { schema } },
});

export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({
    items: z.array(item).readonly(),
    next_cursor: z.string().optional().openapi({ description: "Absent on the last page" }),
  });
