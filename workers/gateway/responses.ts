/** How a definition writes what a route answers with. */
import { z } from "@hono/zod-openapi";
import { NDJSON } from "./ndjson.ts";

export const json = <Schema extends z.ZodType>(description: string, schema: Schema) => ({
  description,
  content: { "application/json": { schema } },
});

/** A body that is served as it lies, maybe in part or not again. */
export const bytes = (description: string) => {
  const content = { "*/*": { schema: { type: "string" as const, format: "binary" } } };
  return {
    200: { description, content },
    206: { description: "The range that was asked for", content },
    304: { description: "It is what the caller has" },
    412: { description: "It is not what the caller named" },
    416: { description: "It has no such range" },
  };
};

export const jsonBody = <Schema extends z.ZodType>(schema: Schema) => ({
  content: { "application/json": { schema } },
});

export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({
    items: z.array(item).readonly(),
    next_cursor: z.string().optional().openapi({ description: "Absent on the last page" }),
  });

/** A page, and likewise all of it as lines. */
export const listOf = <Item extends z.ZodType>(items: string, item: Item) => {
  const page = json(`A page of ${items}, or all of them as lines`, pageOf(item));
  const lines = { schema: z.string().openapi({ description: "One of them a line" }) };
  return { ...page, content: { ...page.content, [NDJSON]: lines } } as typeof page;
};
