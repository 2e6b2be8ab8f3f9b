/**
 * Bytes → the messages that pass with every step, field by field: a reader that goes by descriptors takes
 * several times as long. A tag is field number and wire type in one; a field of another type than the contract
 * gives it is kept as an unknown one. Throws on bytes that are no message.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import { fromBinary } from "@bufbuild/protobuf";
import type { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import type { Any } from "@bufbuild/protobuf/wkt";
import { blank } from "./blank.ts";
import {
  type ExecutionHeader,
  type ExecutionStatus,
  type PlanExecution,
  type PlanResult,
  type StoredData,
  type TaskExecution,
  type TaskResult,
  UsageSchema,
} from "./gen/escapement/v1/execution_pb.ts";
import type { PlanInput, TaskInput } from "./gen/escapement/v1/input_pb.ts";
import { decodeStruct } from "./value.ts";

/** Reads the fields up to `end` into a message: of one that is there twice the parts are merged. */
type Read<T> = (reader: BinaryReader, end: number, into: T) => T;

interface Open {
  $unknown?: { no: number; wireType: WireType; data: Uint8Array }[] | undefined;
}

const keep = (reader: BinaryReader, tag: number, message: Open): void => {
  const [no, wireType] = [tag >>> 3, (tag & 7) as WireType];
  if (no === 0) throw new Error("field 0, which no message has");
  message.$unknown ??= [];
  message.$unknown.push({ no, wireType, data: reader.skip(wireType, no) });
};

/** A field that is a message. */
const sub = <T>(reader: BinaryReader, read: Read<T>, into: T): T => {
  const end = reader.uint32() + reader.pos;
  if (end > reader.len) throw new RangeError("premature EOF");
  const message = read(reader, end, into);
  if (reader.pos !== end) throw new RangeError("a field reaches past the end of its message");
  return message;
};

export const readHeader: Read<ExecutionHeader> = (reader, end, header) => {
  while (reader.pos < end) {
    const tag = reader.uint32();
    switch (tag) {
      case 0x0a:
        header.name = reader.string(true);
        break;
      case 0x12:
        header.execId = reader.string(true);
        break;
      case 0x1a:
        header.graphId = reader.string(true);
        break;
      case 0x22:
        header.lifetimeId = reader.string(true);
        break;
      case 0x2a:
        header.tenantId = reader.string(true);
        break;
      case 0x30:
        header.attempt = reader.int32();
        break;
      case 0x38:
        header.iterationIdx = reader.int32();
        break;
      case 0x42:
        header.createdAt = reader.string(true);
        break;
      case 0x48:
        // An open enum: a newer peer may send what this code does not know.
        header.status = reader.int32() as ExecutionStatus;
        break;
      case 0x52:
        header.edgeTaken = reader.string(true);
        break;
      case 0x5a:
        header.parentId = reader.string(true);
        break;
      case 0x62:
        header.inputId = reader.string(true);
        break;
      case 0x6a:
        header.usage = fromBinary(UsageSchema, reader.bytes());
        break;
      case 0x72:
        header.traceParent = reader.string(true);
        break;
      case 0x78:
        header.graphVersion = reader.int32();
        break;
      default:
        keep(reader, tag, header);
    }
  }
  return header;
};

const readAny: Read<Any> = (reader, end, any) => {
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === 0x0a) any.typeUrl = reader.string(true);
    else if (tag === 0x12) any.value = reader.bytes();
    else keep(reader, tag, any);
  }
  return any;
};

/** An entry of a map whose keys are strings, and whose values are strings or messages. */
const readEntry = <V>(reader: BinaryReader, map: Record<string, V>, none: V, value: () => V): void => {
  const end = reader.uint32() + reader.pos;
  let [key, read] = ["", none];
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === 0x0a) key = reader.string(true);
    else if (tag === 0x12) read = value();
    else reader.skip((tag & 7) as WireType, tag >>> 3);
  }
  // An assignment to `__proto__` would be none.
  Object.defineProperty(map, key, { value: read, enumerable: true, writable: true, configurable: true });
};

const readStored: Read<StoredData> = (reader, end, stored) => {
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === 0x0a) stored.uri = reader.string(true);
    else if (tag === 0x12) readEntry(reader, stored.metadata, "", () => reader.string(true));
    else keep(reader, tag, stored);
  }
  return stored;
};

const readTaskResult: Read<TaskResult> = (reader, end, result) => {
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === 0x0a) result.id = reader.string(true);
    else if (tag === 0x12) {
      const into = result.data.case === "inlineData" ? result.data.value : blank.any();
      result.data = { case: "inlineData", value: sub(reader, readAny, into) };
    } else if (tag === 0x1a) {
      const into = result.data.case === "externalData" ? result.data.value : blank.stored();
      result.data = { case: "externalData", value: sub(reader, readStored, into) };
    } else if (tag === 0x22) result.errorMessage = reader.string(true);
    else keep(reader, tag, result);
  }
  return result;
};

export const readTaskExecution: Read<TaskExecution> = (reader, end, execution) => {
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === 0x0a) execution.header = sub(reader, readHeader, execution.header ?? blank.header());
    else if (tag === 0x12) execution.parentPlanExecId = reader.string(true);
    else if (tag === 0x1a)
      execution.result = sub(reader, readTaskResult, execution.result ?? blank.taskResult());
    else if (tag === 0x22) execution.parentPlanName = reader.string(true);
    else if (tag === 0x2a) execution.taskType = reader.string(true);
    else keep(reader, tag, execution);
  }
  return execution;
};

const NO_PARAMETERS: JsonObject = {};

const readPlanResult: Read<PlanResult> = (reader, end, result) => {
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === 0x0a) result.upstreamTasksResults.push(sub(reader, readTaskResult, blank.taskResult()));
    else if (tag === 0x12) result.nextTaskNames.push(reader.string(true));
    else if (tag === 0x1a) result.errorMessage = reader.string(true);
    else if (tag === 0x22)
      readEntry(reader, result.nextTaskParameters, NO_PARAMETERS, () => decodeStruct(reader.bytes()));
    else keep(reader, tag, result);
  }
  return result;
};

export const readPlanExecution: Read<PlanExecution> = (reader, end, execution) => {
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === 0x0a) execution.header = sub(reader, readHeader, execution.header ?? blank.header());
    else if (tag === 0x12) execution.parentTaskExecIds.push(reader.string(true));
    else if (tag === 0x1a)
      execution.result = sub(reader, readPlanResult, execution.result ?? blank.planResult());
    else if (tag === 0x22) execution.parentTaskNames.push(reader.string(true));
    else if (tag === 0x2a) execution.planType = reader.string(true);
    else if (tag === 0x32) execution.inputTaskId = reader.string(true);
    else keep(reader, tag, execution);
  }
  return execution;
};

export const readPlanInput: Read<PlanInput> = (reader, end, input) => {
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === 0x0a) input.inputId = reader.string(true);
    else if (tag === 0x12) input.planName = reader.string(true);
    else if (tag === 0x1a) input.taskExecutions.push(sub(reader, readTaskExecution, blank.taskExecution()));
    else if (tag === 0x22) input.graphId = reader.string(true);
    else if (tag === 0x2a) input.lifetimeId = reader.string(true);
    else if (tag === 0x32) input.header = sub(reader, readHeader, input.header ?? blank.header());
    else keep(reader, tag, input);
  }
  return input;
};

export const readTaskInput: Read<TaskInput> = (reader, end, input) => {
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === 0x0a) input.inputId = reader.string(true);
    else if (tag === 0x12) input.taskName = reader.string(true);
    else if (tag === 0x1a)
      input.planExecution = sub(reader, readPlanExecution, input.planExecution ?? blank.planExecution());
    else if (tag === 0x22) input.graphId = reader.string(true);
    else if (tag === 0x2a) input.lifetimeId = reader.string(true);
    else if (tag === 0x32) input.header = sub(reader, readHeader, input.header ?? blank.header());
    else if (tag === 0x3a) input.parameters = decodeStruct(reader.bytes());
    else keep(reader, tag, input);
  }
  return input;
};
