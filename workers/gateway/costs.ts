/** What the nodes of a tenant have used, and what was used along each edge. */
import { z } from "@hono/zod-openapi";
import { Api, route } from "./api.ts";
import { readProjected } from "./list.ts";
import { id, ofTenant, period, periodOf, TENANT } from "./parameters.ts";
import { problem } from "./problem.ts";
import { json } from "./responses.ts";

const costSchema = z
  .object({
    graph: z.string(),
    node: z.string(),
    kind: z.enum(["plan", "task"]),
    from: z.string().optional().openapi({ description: "With by=edge: the node that led to it" }),
    executions: z.int(),
    tokens: z.int(),
    cost_usd_micros: z.int(),
    estimated: z.int().openapi({ description: "Executions that did not say what they used" }),
  })
  .openapi("Cost");

const getCosts = route("reader", {
  method: "get",
  path: `${TENANT}/costs`,
  summary: "What executions have used, by node or by edge",
  request: {
    params: ofTenant,
    query: z.strictObject({
      by: z.enum(["node", "edge"]).default("node"),
      graph: id.optional(),
      lifetime: id.optional(),
      ...period("received"),
    }),
  },
  responses: {
    200: json(
      "What cost most first",
      z.object({
        items: z.array(costSchema).readonly(),
        truncated: z
          .boolean()
          .openapi({ description: "Older executions were left out; bound the time to sum in parts" }),
      }),
    ),
  },
});

export const costs = new Api().openapi(getCosts, async (c) => {
  const { tenant } = c.req.valid("param");
  const { by, graph, lifetime, ...query } = c.req.valid("query");
  const filter = { graph, lifetime, ...periodOf("received", query) };
  const read = await readProjected(c.env, tenant, (queries) => queries.costs(tenant, by, filter));
  return read.ok ? c.json(read.value, 200) : problem(c, read.error);
});
