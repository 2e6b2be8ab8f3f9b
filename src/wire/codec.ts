/**
 * Bytes ↔ messages of the wire contract. Decoding never throws: truncated, oversized and too deeply nested
 * bytes are an error value. Unknown fields survive a round trip.
 */
import { type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { MESSAGE_BYTES_MAX } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";
import type { Kind } from "../topics/topics.ts";
import {
  type PlanExecution,
  PlanExecutionSchema,
  type TaskExecution,
  TaskExecutionSchema,
} from "./gen/escapement/v1/execution_pb.ts";

/** An execution of either kind, told apart by its `$typeName`. */
export type Execution = PlanExecution | TaskExecution;

export const isPlan = (execution: Execution): execution is PlanExecution =>
  execution.$typeName === PlanExecutionSchema.typeName;

export const encode = <Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Uint8Array =>
  toBinary(schema, message);

export const decode = <Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
  bytesMax = MESSAGE_BYTES_MAX,
): Result<MessageShape<Desc>, string> => {
  if (bytes.byteLength > bytesMax)
    return err(`${schema.name} of ${bytes.byteLength} bytes; the bound is ${bytesMax}`);
  try {
    return ok(fromBinary(schema, bytes));
  } catch (cause) {
    return err(`not a ${schema.name}: ${(cause as Error).message}`);
  }
};

export const executionSchema = (kind: Kind) => (kind === "plan" ? PlanExecutionSchema : TaskExecutionSchema);

export const encodeExecution = (execution: Execution): Uint8Array =>
  isPlan(execution) ? encode(PlanExecutionSchema, execution) : encode(TaskExecutionSchema, execution);

export const decodeExecution = (kind: Kind, bytes: Uint8Array): Result<Execution, string> =>
  kind === "plan" ? decode(PlanExecutionSchema, bytes) : decode(TaskExecutionSchema, bytes);
