/** Executions, as the data plane has them: listed, told in the order of a lifetime, and one by its id. */
import { z } from "@hono/zod-openapi";
import { executionJson } from "../../src/data-plane/execution-json.ts";
import { reject } from "../../src/rejection.ts";
import { ok } from "../../src/result.ts";
import { Api, route } from "./api.ts";
import {
  EXECUTION_STATUSES,
  executionDetailJson,
  executionDetailSchema,
  executionSchema,
} from "./execution-json.ts";
import { findLifetime } from "./find-lifetime.ts";
import { answerList, listPage, readProjected } from "./list.ts";
import { attempt, id, labels, ofTenant, paging, period, periodOf, statuses, TENANT } from "./parameters.ts";
import { problem } from "./problem.ts";
import { json, listOf, pageOf } from "./responses.ts";

const EXECUTIONS = `${TENANT}/executions` as const;

const listExecutions = route("reader", {
  method: "get",
  path: EXECUTIONS,
  summary: "Executions, newest first",
  request: {
    params: ofTenant,
    query: z.strictObject({
      lifetime: id.optional(),
      graph: id.optional(),
      node: id.optional(),
      kind: z.enum(["plan", "task"]).optional(),
      status: statuses(EXECUTION_STATUSES),
      attempt,
      label: labels,
      ...period("received"),
      ...period("created"),
      ...paging,
    }),
  },
  responses: { 200: listOf("executions", executionSchema) },
});

const getExecution = route("reader", {
  method: "get",
  path: `${EXECUTIONS}/{exec_id}`,
  summary: "One execution with its message",
  request: { params: ofTenant.extend({ exec_id: id }) },
  responses: { 200: json("The execution", executionDetailSchema) },
});

const getTimeline = route("reader", {
  method: "get",
  path: `${TENANT}/lifetimes/{lifetime}/timeline`,
  summary: "The executions of a lifetime in the order of the log",
  request: { params: ofTenant.extend({ lifetime: id }), query: z.strictObject(paging) },
  responses: { 200: json("A page of executions", pageOf(executionSchema)) },
});

const inTime = z.strictObject({ receivedAt: z.int(), partition: z.int(), offset: z.int() });
const inLog = z.strictObject({ offset: z.int() });

export const executions = new Api()
  .openapi(listExecutions, async (c) => {
    const { tenant } = c.req.valid("param");
    const query = c.req.valid("query");
    const { lifetime, graph, node, kind, status: statuses, attempt, label: labels } = query;
    const times = { ...periodOf("received", query), created: periodOf("created", query) };
    const filter = { lifetime, graph, node, kind, statuses, attempt, labels, ...times };
    return answerList(
      c,
      tenant,
      query,
      inTime,
      (queries, page) => queries.listExecutions(tenant, filter, page),
      executionJson,
    );
  })
  .openapi(getExecution, async (c) => {
    const { tenant, exec_id } = c.req.valid("param");
    const read = await readProjected(c.env, tenant, (queries) => queries.getExecution(tenant, exec_id));
    const found = read.ok
      ? read.value
        ? ok(read.value)
        : reject("execution_not_found", `no execution ${exec_id} in this tenant`)
      : read;
    return found.ok ? c.json(executionDetailJson(found.value), 200) : problem(c, found.error);
  })
  .openapi(getTimeline, async (c) => {
    const { tenant, lifetime } = c.req.valid("param");
    const listed = await listPage(
      { path: c.req.path, query: c.req.valid("query") },
      inLog,
      (page) => readProjected(c.env, tenant, (queries) => queries.timeline(tenant, lifetime, page)),
      executionJson,
    );
    if (listed.ok && listed.value.items.length === 0) {
      const known = await findLifetime(c.env, tenant, lifetime, 0);
      if (!known.ok) return problem(c, known.error);
    }
    return listed.ok ? c.json(listed.value, 200) : problem(c, listed.error);
  });
