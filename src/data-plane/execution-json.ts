/** An execution as callers read it, in lists and on streams alike. What a row says nothing of is left out. */
import type { PlanExecutionRow, TaskExecutionRow } from "./row.ts";

/** An execution as its row has it, its message aside. */
export type ExecutionSummary =
  | ({ readonly kind: "plan" } & Omit<PlanExecutionRow, "message">)
  | ({ readonly kind: "task" } & Omit<TaskExecutionRow, "message">);

/** Without the members that are null. */
const present = <T extends object>(members: T): { [K in keyof T]?: NonNullable<T[K]> } =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null)) as never;

const usageOf = (row: ExecutionSummary) => {
  const usage = present({
    tokens_in: row.tokensIn,
    tokens_out: row.tokensOut,
    cost_usd_micros: row.costUsdMicros,
    latency_ms: row.latencyMs,
    model: row.model,
    custom: row.usageCustom,
  });
  return Object.keys(usage).length > 0 ? { usage } : {};
};

const ofItsKind = (row: ExecutionSummary) =>
  row.kind === "plan"
    ? {
        ...present({ type: row.planType, next_task_names: row.nextTaskNames }),
        parent_exec_ids: row.parentTaskExecIds ?? [],
        parent_names: row.parentTaskNames ?? [],
      }
    : {
        ...present({ type: row.taskType, result: row.result }),
        parent_exec_ids: row.parentPlanExecId === null ? [] : [row.parentPlanExecId],
        parent_names: row.parentPlanName === null ? [] : [row.parentPlanName],
      };

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
  received_at: new Date(row.receivedAt).toISOString(),
  offset: row.offset,
  ...ofItsKind(row),
  ...present({
    edge_taken: row.edgeTaken,
    error: row.errorMessage,
    warnings: row.warnings,
    executor_version: row.version,
  }),
  ...usageOf(row),
});
