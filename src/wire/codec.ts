/**
 * Bytes ↔ messages of the wire contract. Decoding never throws: truncated, oversized and too deeply nested
 * bytes are an error value. Unknown fields survive a round trip.
 */
import { type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { MESSAGE_BYTES_MAX } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";
import type { Kind } from "../topics/topics.ts";
import { blank } from "./blank.ts";
import { written } from "./fields.ts";
import {
  type PlanExecution,
  PlanExecutionSchema,
  type TaskExecution,
  TaskExecutionSchema,
} from "./gen/escapement/v1/execution_pb.ts";
import type { PlanInput, TaskInput } from "./gen/escapement/v1/input_pb.ts";
import {
  readHeader,
  readPlanExecution,
  readPlanInput,
  readTaskExecution,
  readTaskInput,
} from "./read-message.ts";
import { writePlanExecution, writeTaskExecution } from "./write-message.ts";

/** An execution of either kind, told apart by its `$typeName`. */
export type Execution = PlanExecution | TaskExecution;

export const isPlan = (execution: Execution): execution is PlanExecution =>
  execution.$typeName === PlanExecutionSchema.typeName;

/** Of messages that do not pass with every step. */
export const encode = <Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Uint8Array =>
  toBinary(schema, message);

const guarded = <T>(name: string, bytes: Uint8Array, read: () => T): Result<T, string> => {
  if (bytes.byteLength > MESSAGE_BYTES_MAX)
    return err(`${name} of ${bytes.byteLength} bytes; the bound is ${MESSAGE_BYTES_MAX}`);
  try {
    return ok(read());
  } catch (cause) {
    return err(`not a ${name}: ${(cause as Error).message}`);
  }
};

/** Of messages that do not pass with every step. */
export const decode = <Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
): Result<MessageShape<Desc>, string> => guarded(schema.name, bytes, () => fromBinary(schema, bytes));

const decoder =
  <T>(name: string, none: () => T, read: (reader: BinaryReader, end: number, into: T) => T) =>
  (bytes: Uint8Array): Result<T, string> =>
    guarded(name, bytes, () => {
      const message = read(new BinaryReader(bytes), bytes.length, none());
      return message;
    });

export const decodePlanExecution = decoder("PlanExecution", blank.planExecution, readPlanExecution);
export const decodeTaskExecution = decoder("TaskExecution", blank.taskExecution, readTaskExecution);
export const decodePlanInput: (bytes: Uint8Array) => Result<PlanInput, string> = decoder(
  "PlanInput",
  blank.planInput,
  readPlanInput,
);
export const decodeTaskInput: (bytes: Uint8Array) => Result<TaskInput, string> = decoder(
  "TaskInput",
  blank.taskInput,
  readTaskInput,
);

/** Of an input record. */
export const decodeHeader = decoder("ExecutionHeader", blank.header, readHeader);

export const executionSchema = (kind: Kind) => (kind === "plan" ? PlanExecutionSchema : TaskExecutionSchema);

export const encodeExecution = (execution: Execution): Uint8Array =>
  written((writer) =>
    isPlan(execution) ? writePlanExecution(writer, execution) : writeTaskExecution(writer, execution),
  );

export const decodeExecution = (kind: Kind, bytes: Uint8Array): Result<Execution, string> =>
  kind === "plan" ? decodePlanExecution(bytes) : decodeTaskExecution(bytes);
