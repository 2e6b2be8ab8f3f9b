/**
 * Executions → bytes, field by field in the order of their numbers, as a writer that goes by descriptors would
 * write them in several times the time. Fields that are not known come last, as they came.
 */
import { toBinary } from "@bufbuild/protobuf";
import { type BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  type ExecutionHeader,
  type PlanExecution,
  type PlanResult,
  type TaskExecution,
  type TaskResult,
  UsageSchema,
} from "./gen/escapement/v1/execution_pb.ts";
import { encodeStruct } from "./value.ts";

type Write<T> = (writer: BinaryWriter, message: T) => void;

const text = (writer: BinaryWriter, field: number, value: string): void => {
  if (value !== "") writer.tag(field, WireType.LengthDelimited).string(value);
};

const number = (writer: BinaryWriter, field: number, value: number): void => {
  if (value !== 0) writer.tag(field, WireType.Varint).int32(value);
};

const texts = (writer: BinaryWriter, field: number, values: readonly string[]): void => {
  for (const value of values) writer.tag(field, WireType.LengthDelimited).string(value);
};

const sub = <T>(writer: BinaryWriter, field: number, message: T | undefined, write: Write<T>): void => {
  if (message === undefined) return;
  write(writer.tag(field, WireType.LengthDelimited).fork(), message);
  writer.join();
};

const unknown = (
  writer: BinaryWriter,
  { $unknown }: { $unknown?: readonly { no: number; wireType: WireType; data: Uint8Array }[] | undefined },
): void => {
  if ($unknown) for (const { no, wireType, data } of $unknown) writer.tag(no, wireType).raw(data);
};

export const writeHeader: Write<ExecutionHeader> = (writer, header) => {
  text(writer, 1, header.name);
  text(writer, 2, header.execId);
  text(writer, 3, header.graphId);
  text(writer, 4, header.lifetimeId);
  text(writer, 5, header.tenantId);
  number(writer, 6, header.attempt);
  number(writer, 7, header.iterationIdx);
  text(writer, 8, header.createdAt);
  number(writer, 9, header.status);
  text(writer, 10, header.edgeTaken);
  text(writer, 11, header.parentId);
  text(writer, 12, header.inputId);
  if (header.usage) writer.tag(13, WireType.LengthDelimited).bytes(toBinary(UsageSchema, header.usage));
  text(writer, 14, header.traceParent);
  number(writer, 15, header.graphVersion);
  unknown(writer, header);
};

const writeTaskResult: Write<TaskResult> = (writer, result) => {
  text(writer, 1, result.id);
  if (result.data.case === "inlineData") {
    const { typeUrl, value } = result.data.value;
    sub(writer, 2, result.data.value, (into, any) => {
      text(into, 1, typeUrl);
      if (value.length > 0) into.tag(2, WireType.LengthDelimited).bytes(value);
      unknown(into, any);
    });
  } else if (result.data.case === "externalData")
    sub(writer, 3, result.data.value, (into, stored) => {
      text(into, 1, stored.uri);
      for (const [key, value] of Object.entries(stored.metadata)) {
        into.tag(2, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).string(key);
        into.tag(2, WireType.LengthDelimited).string(value).join();
      }
      unknown(into, stored);
    });
  text(writer, 4, result.errorMessage);
  unknown(writer, result);
};

export const writeTaskExecution: Write<TaskExecution> = (writer, execution) => {
  sub(writer, 1, execution.header, writeHeader);
  text(writer, 2, execution.parentPlanExecId);
  sub(writer, 3, execution.result, writeTaskResult);
  text(writer, 4, execution.parentPlanName);
  text(writer, 5, execution.taskType);
  unknown(writer, execution);
};

const writePlanResult: Write<PlanResult> = (writer, result) => {
  for (const each of result.upstreamTasksResults) sub(writer, 1, each, writeTaskResult);
  texts(writer, 2, result.nextTaskNames);
  text(writer, 3, result.errorMessage);
  for (const [task, parameters] of Object.entries(result.nextTaskParameters)) {
    writer.tag(4, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).string(task);
    writer.tag(2, WireType.LengthDelimited).bytes(encodeStruct(parameters)).join();
  }
  unknown(writer, result);
};

export const writePlanExecution: Write<PlanExecution> = (writer, execution) => {
  sub(writer, 1, execution.header, writeHeader);
  texts(writer, 2, execution.parentTaskExecIds);
  sub(writer, 3, execution.result, writePlanResult);
  texts(writer, 4, execution.parentTaskNames);
  text(writer, 5, execution.planType);
  text(writer, 6, execution.inputTaskId);
  unknown(writer, execution);
};
