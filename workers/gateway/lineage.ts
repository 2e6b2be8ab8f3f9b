/** Where an execution comes from, and what came of it: its ancestors and descendants within its lifetime. */
import { z } from "@hono/zod-openapi";
import { executionJson } from "../../src/data-plane/execution-json.ts";
import type { Line } from "../../src/data-plane/lineage.ts";
import { reject } from "../../src/rejection.ts";
import { ok } from "../../src/result.ts";
import { Api, route } from "./api.ts";
import { executionSchema } from "./execution-json.ts";
import { readProjected } from "./list.ts";
import { id, limit, ofTenant, TENANT } from "./parameters.ts";
import { problem } from "./problem.ts";
import { json } from "./responses.ts";

const request = {
  params: ofTenant.extend({ exec_id: id }),
  query: z.strictObject({ limit }),
};

const responses = {
  200: json(
    "What was found of them",
    z.object({
      items: z.array(executionSchema).readonly(),
      truncated: z
        .boolean()
        .optional()
        .openapi({ description: "There may be more: `limit`, or what one answer looks through, is used up" }),
    }),
  ),
};

const getAncestors = route("reader", {
  method: "get",
  path: `${TENANT}/executions/{exec_id}/ancestors`,
  summary: "The executions that led to one, the last of them first",
  request,
  responses,
});

const getDescendants = route("reader", {
  method: "get",
  path: `${TENANT}/executions/{exec_id}/descendants`,
  summary: "The executions that came of one, in the order of the log",
  request,
  responses,
});

interface Wanted {
  readonly tenant: string;
  readonly exec_id: string;
  readonly limit: number;
}

const readLine = async (env: Env, line: Line, { tenant, exec_id, limit }: Wanted) => {
  const read = await readProjected(env, tenant, (queries) => queries.lineage(tenant, exec_id, line, limit));
  if (!read.ok) return read;
  if (read.value === undefined)
    return reject("execution_not_found", `no execution ${exec_id} in this tenant`);
  const { items, truncated } = read.value;
  return ok({ items: items.map(executionJson), ...(truncated && { truncated }) });
};

export const lineage = new Api()
  .openapi(getAncestors, async (c) => {
    const found = await readLine(c.env, "ancestors", { ...c.req.valid("param"), ...c.req.valid("query") });
    return found.ok ? c.json(found.value, 200) : problem(c, found.error);
  })
  .openapi(getDescendants, async (c) => {
    const found = await readLine(c.env, "descendants", { ...c.req.valid("param"), ...c.req.valid("query") });
    return found.ok ? c.json(found.value, 200) : problem(c, found.error);
  });
