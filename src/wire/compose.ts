/**
 * Puts an input together from the records that it refers to. Executions are spliced in as the bytes that
 * were stored, so nothing is decoded or encoded on the way, and unknown fields reach the next executor as
 * they came.
 */
import { create } from "@bufbuild/protobuf";
import type { InputRecord } from "../topics/record.ts";
import { decodeTaskExecution, encodeExecution } from "./codec.ts";
import { delimitedFields, putField, written } from "./fields.ts";
import { fitted } from "./fit.ts";
import { TaskExecutionSchema } from "./gen/escapement/v1/execution_pb.ts";
import { encodeStruct } from "./value.ts";

/** Field numbers of PlanInput and TaskInput; only a task has parameters. */
const FIELD = {
  inputId: 1,
  name: 2,
  carried: 3,
  graphId: 4,
  lifetimeId: 5,
  header: 6,
  parameters: 7,
} as const;
/** Where an input's own fields stand in ExecutionHeader. */
const OF_HEADER = new Map<number, number>([
  [1, FIELD.name],
  [3, FIELD.graphId],
  [4, FIELD.lifetimeId],
  [12, FIELD.inputId],
]);
const HEADER_NAME = 1;
/** PlanExecution.result, PlanResult.next_task_parameters, and the two fields of an entry of a map. */
const RESULT = 3;
const NEXT_TASK_PARAMETERS = 4;
const [KEY, VALUE] = [1, 2];

const texts = new TextDecoder();

/**
 * PlanInput or TaskInput, encoded. `messageAt` gives the encoded execution at an offset. Throws when what the log
 * holds is no message: it was checked on the way in.
 */
export const composeInput = (
  { kind, header, carries, withoutResult, parameters: changed }: InputRecord,
  messageAt: (offset: number) => Uint8Array,
): Uint8Array => {
  const fields = delimitedFields(header);
  const name = texts.decode(fields.find(([field]) => field === HEADER_NAME)?.[1]);
  const messages = kind === "plan" ? carriedBy(carries, withoutResult, messageAt) : carries.map(messageAt);
  const given = kind === "task" && messages[0] ? parametersOf(messages[0], name) : undefined;
  const parameters = changed ? encodeStruct(changed) : given;
  return written((writer) => {
    for (const [field, value] of fields) {
      const own = OF_HEADER.get(field);
      if (own !== undefined) putField(writer, own, value);
    }
    for (const message of messages) putField(writer, FIELD.carried, message);
    putField(writer, FIELD.header, header);
    if (parameters) putField(writer, FIELD.parameters, parameters);
  });
};

/** The task executions that a plan's input carries, as it carries them. */
export const carriedBy = (
  carries: readonly number[],
  withoutResult: readonly number[],
  messageAt: (offset: number) => Uint8Array,
): readonly Uint8Array[] => {
  if (withoutResult.length === 0) return fitted(carries, messageAt);
  return fitted(carries, (offset) =>
    withoutResult.includes(offset) ? stripResult(messageAt(offset)) : messageAt(offset),
  );
};

const stripResult = (message: Uint8Array): Uint8Array => {
  const execution = decodeTaskExecution(message);
  if (!execution.ok) throw new Error(`the log holds what is ${execution.error}`);
  const { result: _, ...rest } = execution.value;
  return encodeExecution(create(TaskExecutionSchema, rest));
};

/** The plan that was looked through last: its tasks come one after the other. */
let latest: { readonly plan: Uint8Array; readonly given: ReadonlyMap<string, Uint8Array> } | undefined;

/** What the plan has given this task: google.protobuf.Struct, encoded. */
const parametersOf = (plan: Uint8Array, task: string): Uint8Array | undefined => {
  if (latest?.plan !== plan) latest = { plan, given: new Map(entriesOf(plan)) };
  return latest.given.get(task);
};

function* entriesOf(plan: Uint8Array): Generator<[task: string, parameters: Uint8Array]> {
  for (const [field, result] of delimitedFields(plan))
    if (field === RESULT)
      for (const [part, entry] of delimitedFields(result))
        if (part === NEXT_TASK_PARAMETERS) yield entryOf(entry);
}

const entryOf = (entry: Uint8Array): [key: string, value: Uint8Array] => {
  let key = "";
  let value = new Uint8Array();
  for (const [field, bytes] of delimitedFields(entry))
    if (field === KEY) key = texts.decode(bytes);
    else if (field === VALUE) value = Uint8Array.from(bytes);
  return [key, value];
};
