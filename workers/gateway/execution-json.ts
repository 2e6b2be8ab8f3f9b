/** An execution as callers read it: how it is documented, and what its own page has beyond the lists. */

import { base64Encode } from "@bufbuild/protobuf/wire";
import { z } from "@hono/zod-openapi";
import { executionJson } from "../../src/data-plane/execution-json.ts";
import { decodeExecution, executionSchema as messageSchema } from "../../src/wire/codec.ts";
import { ExecutionStatus } from "../../src/wire/gen/escapement/v1/execution_pb.ts";
import type { ExecutionDetail } from "../data-plane/execution-rows.ts";
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
    executor_version: z
      .string()
      .optional()
      .openapi({ description: "Of the deployment whose code ran it; absent where somebody else did" }),
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
    estimated: z
      .object({ tokens: z.int().optional(), cost_usd_micros: z.int().optional() })
      .optional()
      .openapi({ description: "What budgets were charged of it, where nobody said what it used" }),
  })
  .openapi("Execution");

export const executionDetailSchema = executionSchema
  .extend({
    message: z.any().optional().openapi({ description: "Proto JSON of the message" }),
    message_base64: z.string(),
  })
  .openapi("ExecutionDetail");

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
