/** An execution as callers read it, from its row in D1. What a row says nothing of is left out. */

import { base64Encode } from "@bufbuild/protobuf/wire";
import { z } from "@hono/zod-openapi";
import { decodeExecution, executionSchema as messageSchema } from "../../src/wire/codec.ts";
import { ExecutionStatus } from "../../src/wire/gen/escapement/v1/execution_pb.ts";
import type { ExecutionDetail, ExecutionSummary } from "../data-plane/queries.ts";
import { resultOf } from "./lifetime-json.ts";
import { showMessage } from "./message-json.ts";

export const EXECUTION_STATUSES = Object.keys(ExecutionStatus);

export const executionSchema = z
  .object({
    exec_id: z.string(),
    kind: z.enum(["plan", "task"]),
    node: z.string(),
    type: z.string().optional().openapi({ description: "The registered plan or task that ran it" }),
    lifetime: z.string(),
    graph: z.string(),
    graph_version: z.int(),
    input_id: z.string(),
    attempt: z.int(),
    iteration_idx: z.int(),
    status: z.string().openapi({ enum: EXECUTION_STATUSES }),
    created_at: z.string().openapi({ description: "As its executor wrote it, maybe without an offset" }),
    received_at: z.string().openapi({ format: "date-time" }),
    offset: z.int(),
    parent_exec_ids: z.array(z.string()).readonly(),
    parent_names: z.array(z.string()).readonly(),
    next_task_names: z.array(z.string()).readonly().optional(),
    edge_taken: z.string().optional(),
    result: z.any().optional().openapi({ description: "Of a task; in lists only where it is small" }),
    error: z.string().optional(),
    warnings: z.array(z.string()).readonly().optional(),
    usage: z
      .object({
        tokens_in: z.int().optional(),
        tokens_out: z.int().optional(),
        cost_usd_micros: z.int().optional(),
        latency_ms: z.int().optional(),
        model: z.string().optional(),
        custom: z.record(z.string(), z.number()).readonly().optional(),
      })
      .optional(),
  })
  .openapi("Execution");

export const executionDetailSchema = executionSchema
  .extend({
    message: z.any().optional().openapi({ description: "Proto JSON of the message" }),
    message_base64: z.string(),
  })
  .openapi("ExecutionDetail");

type Shown = z.input<typeof executionSchema>;

/** Without the members that are null. */
const present = <T extends object>(members: T): { [K in keyof T]?: NonNullable<T[K]> } =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null)) as never;

const usageOf = (row: ExecutionSummary): Pick<Shown, "usage"> => {
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

export const executionJson = (row: ExecutionSummary): Shown => ({
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
  ...present({ edge_taken: row.edgeTaken, error: row.errorMessage, warnings: row.warnings }),
  ...usageOf(row),
});

export const executionDetailJson = (row: ExecutionDetail): z.input<typeof executionDetailSchema> => {
  const decoded = decodeExecution(row.kind, row.message);
  return {
    ...executionJson(row),
    ...(decoded.ok &&
      row.kind === "task" &&
      row.errorMessage === null && { result: resultOf(decoded.value) }),
    message: showMessage(messageSchema(row.kind), row.message),
    message_base64: base64Encode(row.message),
  };
};
