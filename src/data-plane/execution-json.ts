/** An execution as callers read it, in lists and on streams alike. What a row says nothing of is left out. */

import { isoOf } from "../wire/timestamp.ts";
import type { PlanExecutionRow, TaskExecutionRow } from "./row.ts";

/** An execution as its row has it, its message aside. */
export type ExecutionSummary =
  | ({ readonly kind: "plan" } & Omit<PlanExecutionRow, "message">)
  | ({ readonly kind: "task" } & Omit<TaskExecutionRow, "message">);

/** A row says of all of these something, or of none. */
const usageOf = (row: ExecutionSummary) =>
  row.tokensIn === null
    ? undefined
    : {
        tokens_in: row.tokensIn,
        tokens_out: row.tokensOut ?? undefined,
        cost_usd_micros: row.costUsdMicros ?? undefined,
        latency_ms: row.latencyMs ?? undefined,
        model: row.model ?? undefined,
        custom: row.usageCustom ?? undefined,
      };

const ofItsKind = (row: ExecutionSummary) =>
  row.kind === "plan"
    ? {
        type: row.planType ?? undefined,
        next_task_names: row.nextTaskNames ?? undefined,
        parent_exec_ids: row.parentTaskExecIds ?? [],
        parent_names: row.parentTaskNames ?? [],
      }
    : {
        type: row.taskType ?? undefined,
        result: row.result ?? undefined,
        parent_exec_ids: row.parentPlanExecId === null ? [] : [row.parentPlanExecId],
        parent_names: row.parentPlanName === null ? [] : [row.parentPlanName],
      };

/** JSON leaves out what is undefined. */
export const executionJson = (row: ExecutionSummary) => ({
  exec_id: row.execId,
  kind: row.kind,
  node: row.node,
  lifetime: row.lifetime,
  graph: row.graph,
  graph_version: row.graphVersion,
  input_id: row.inputId,
  attempt: row.attempt,
  iteration_idx: row.iterationIdx,
  status: row.status,
  created_at: row.createdAt,
  received_at: isoOf(row.receivedAt),
  offset: row.offset,
  ...ofItsKind(row),
  edge_taken: row.edgeTaken ?? undefined,
  error: row.errorMessage ?? undefined,
  warnings: row.warnings ?? undefined,
  executor_version: row.version ?? undefined,
  usage: usageOf(row),
  estimated: row.estimated ?? undefined,
});
