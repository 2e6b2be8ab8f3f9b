/**
 * Puts an input together from the records that it refers to. Executions are spliced in as the bytes that
 * were stored, so nothing is encoded twice and unknown fields reach the next executor as they came.
 */

import { create, type DescMessage, fromJson, type MessageShape } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { StructSchema } from "@bufbuild/protobuf/wkt";
import type { Kind } from "../topics/topics.ts";
import { decode, encode } from "./codec.ts";
import {
  type ExecutionHeader,
  ExecutionHeaderSchema,
  PlanExecutionSchema,
  TaskExecutionSchema,
} from "./gen/escapement/v1/execution_pb.ts";

export interface Carried {
  /** PlanExecution or TaskExecution, encoded. */
  readonly message: Uint8Array;
  readonly withoutResult: boolean;
}

/** Field numbers that PlanInput and TaskInput share, and the one that they do not. */
const FIELD = {
  inputId: 1,
  name: 2,
  carried: 3,
  graphId: 4,
  lifetimeId: 5,
  header: 6,
  parameters: 7,
} as const;

/** PlanInput or TaskInput, encoded. Throws when what the log holds does not decode: it was checked on the way in. */
export const composeInput = (
  kind: Kind,
  headerBytes: Uint8Array,
  carried: readonly Carried[],
): Uint8Array => {
  const header = stored(ExecutionHeaderSchema, headerBytes);
  const writer = new BinaryWriter();
  text(writer, FIELD.inputId, header.inputId);
  text(writer, FIELD.name, header.name);
  for (const each of carried)
    bytes(writer, FIELD.carried, each.withoutResult ? stripResult(each.message) : each.message);
  text(writer, FIELD.graphId, header.graphId);
  text(writer, FIELD.lifetimeId, header.lifetimeId);
  bytes(writer, FIELD.header, headerBytes);
  const parameters = kind === "task" && carried[0] ? parametersOf(carried[0].message, header) : undefined;
  if (parameters) bytes(writer, FIELD.parameters, parameters);
  return writer.finish();
};

const text = (writer: BinaryWriter, field: number, value: string) =>
  writer.tag(field, WireType.LengthDelimited).string(value);

const bytes = (writer: BinaryWriter, field: number, value: Uint8Array) =>
  writer.tag(field, WireType.LengthDelimited).bytes(value);

const stripResult = (message: Uint8Array): Uint8Array => {
  const execution = stored(TaskExecutionSchema, message);
  return encode(TaskExecutionSchema, create(TaskExecutionSchema, { ...execution, result: undefined }));
};

/** What the plan has given this task, google.protobuf.Struct encoded. */
const parametersOf = (plan: Uint8Array, { name }: ExecutionHeader): Uint8Array | undefined => {
  const all = stored(PlanExecutionSchema, plan).result?.nextTaskParameters ?? {};
  // A task may have a name that every object has, say `constructor`.
  const parameters = Object.hasOwn(all, name) ? all[name] : undefined;
  return parameters && encode(StructSchema, fromJson(StructSchema, parameters));
};

const stored = <Desc extends DescMessage>(schema: Desc, message: Uint8Array): MessageShape<Desc> => {
  const decoded = decode(schema, message);
  if (!decoded.ok) throw new Error(`the log holds what is ${decoded.error}`);
  return decoded.value;
};
