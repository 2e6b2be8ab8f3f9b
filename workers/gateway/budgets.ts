/** Budgets: what steps may use, of a tenant, a graph, a lifetime or a node. */
import { z } from "@hono/zod-openapi";
import { OVER, SCOPES } from "../../src/guardrails/budget.ts";
import { WINDOWS } from "../../src/guardrails/window.ts";
import { BUDGET_THRESHOLDS_MAX } from "../../src/limits.ts";
import { objectOf } from "./address.ts";
import { amountsSchema } from "./amounts.ts";
import { Api, route } from "./api.ts";
import { id, ofTenant, TENANT } from "./parameters.ts";
import { problem } from "./problem.ts";
import { json, jsonBody } from "./responses.ts";

const BUDGETS = `${TENANT}/budgets`;

const shape = {
  scope: z.enum(SCOPES).openapi({ description: "Whose steps are counted together" }),
  graph: id
    .optional()
    .openapi({ description: "With scope graph and node; with lifetime those of this graph" }),
  node: id.optional().openapi({ description: "With scope node" }),
  window: z
    .enum(WINDOWS)
    .optional()
    .openapi({ description: "Of the calendar in UTC; for ever where absent" }),
  limits: amountsSchema,
  over: z.enum(OVER).openapi({ description: "What becomes of steps that there is no room for" }),
  thresholds: z
    .array(z.int().min(1).max(100))
    .max(BUDGET_THRESHOLDS_MAX)
    .readonly()
    .openapi({ description: "Percent of a limit at which a budget_threshold is told" }),
};

const THRESHOLDS = [50, 80, 100];

const budgetBody = z
  .strictObject({
    ...shape,
    scope: shape.scope.default("tenant"),
    over: shape.over.default("reject"),
    thresholds: shape.thresholds.default(THRESHOLDS),
  })
  .superRefine(({ scope, graph, node, window, limits }, c) => {
    const fault = (path: string, message: string) => c.addIssue({ code: "custom", path: [path], message });
    if (Object.keys(limits).length === 0) fault("limits", "set at least one limit");
    if ((scope === "graph" || scope === "node") && graph === undefined)
      fault("graph", `name the graph: the scope is ${scope}`);
    if (scope === "tenant" && graph !== undefined) fault("graph", "leave it out, or set scope to graph");
    if (scope === "node" && node === undefined) fault("node", "name the node: the scope is node");
    if (scope !== "node" && node !== undefined) fault("node", "leave it out, or set scope to node");
    if (scope === "lifetime" && window !== undefined)
      fault("window", "leave it out: a budget of lifetimes lasts as long as each of them");
  });

const spending = amountsSchema.optional();
const budgetSchema = z
  .object({
    budget: z.string(),
    ...shape,
    created_at: z.string().openapi({ format: "date-time" }),
    spent: spending.openapi({ description: "In this window; of budgets of lifetimes each of them tells" }),
    reserved: spending.openapi({ description: "For what is issued and has no outcome yet" }),
    overrun: spending.openapi({ description: "By how much steps have used more than was reserved for them" }),
    window_ends_at: z.string().optional().openapi({ format: "date-time" }),
    runs_out_at: z
      .string()
      .optional()
      .openapi({ format: "date-time", description: "If spending goes on as it has; absent where it lasts" }),
  })
  .openapi("Budget");

const ofBudget = ofTenant.extend({ budget: id });

const putBudget = route("operator", {
  method: "put",
  path: `${BUDGETS}/{budget}`,
  summary: "Set a budget: a new one, or other limits of one that there is",
  request: { params: ofBudget, body: jsonBody(budgetBody) },
  responses: { 200: json("It was there", budgetSchema), 201: json("It is new", budgetSchema) },
});

const getBudget = route("reader", {
  method: "get",
  path: `${BUDGETS}/{budget}`,
  summary: "What a budget limits, and how far it is spent",
  request: { params: ofBudget },
  responses: { 200: json("The budget", budgetSchema) },
});

const listBudgets = route("reader", {
  method: "get",
  path: BUDGETS,
  summary: "The budgets of a tenant, by name",
  request: { params: ofTenant },
  responses: { 200: json("All of them", z.object({ items: z.array(budgetSchema).readonly() })) },
});

const deleteBudget = route("operator", {
  method: "delete",
  path: `${BUDGETS}/{budget}`,
  summary: "Delete a budget, with what it has counted",
  request: { params: ofBudget },
  responses: { 204: { description: "It is gone" } },
});

/** Without the members that are undefined. */
const defined = <T extends object>(object: T) =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]: Exclude<T[Key], undefined>;
  };

export const budgets = new Api()
  .openapi(putBudget, async (c) => {
    const { tenant, budget: name } = c.req.valid("param");
    const { limits, thresholds, ...body } = c.req.valid("json");
    const put = await objectOf(c.env, tenant).putBudget({
      ...defined(body),
      name,
      limits: defined(limits),
      thresholds: [...new Set(thresholds)].sort((one, other) => one - other),
    });
    if (!put.ok) return problem(c, put.error);
    const { created, ...view } = put.value;
    return created ? c.json(view, 201) : c.json(view, 200);
  })
  .openapi(getBudget, async (c) => {
    const { tenant, budget } = c.req.valid("param");
    const found = await objectOf(c.env, tenant).getBudget(budget);
    return found.ok ? c.json(found.value, 200) : problem(c, found.error);
  })
  .openapi(listBudgets, async (c) => {
    const listed = await objectOf(c.env, c.req.valid("param").tenant).listBudgets();
    return listed.ok ? c.json({ items: listed.value }, 200) : problem(c, listed.error);
  })
  .openapi(deleteBudget, async (c) => {
    const { tenant, budget } = c.req.valid("param");
    const removed = await objectOf(c.env, tenant).removeBudget(budget);
    return removed.ok ? c.body(null, 204) : problem(c, removed.error);
  });
