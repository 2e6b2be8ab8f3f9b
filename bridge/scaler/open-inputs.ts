/** How much executors on premises have to do: open inputs by tenant and node, as the gateway has them. */
import { z } from "zod";
import { TENANT_ID } from "../../src/topics/tenant.ts";
import type { Gateway } from "../gateway.ts";

const page = z.object({
  items: z.array(
    z.object({ graph: z.string(), kind: z.enum(["plan", "task"]), node: z.string(), inputs: z.int() }),
  ),
});

/** Of which inputs; all of the tenant where it says no more. */
export const wantedSchema = z.object({
  tenant: z.string().regex(TENANT_ID),
  node: z.string().optional(),
  kind: z.enum(["plan", "task"]).optional(),
  graph: z.string().optional(),
});

export type Wanted = z.infer<typeof wantedSchema>;

export const openInputs = async (
  gateway: Gateway,
  { tenant, node, kind, graph }: Wanted,
): Promise<number> => {
  const { items } = page.parse(await (await gateway.get(`/v1/tenants/${tenant}/open-inputs`)).json());
  return items
    .filter((each) => (node ?? each.node) === each.node)
    .filter((each) => (kind ?? each.kind) === each.kind && (graph ?? each.graph) === each.graph)
    .reduce((sum, { inputs }) => sum + inputs, 0);
};
