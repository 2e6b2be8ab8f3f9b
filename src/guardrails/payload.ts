/**
 * The payload of an input as an expression reads it: what the node would get as its input, within a bound, and only
 * as far as it lies in the messages themselves. The hash of it counts repeats.
 */
import { create, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import {
  parametersOf,
  planInputValue,
  resultsOfPlanInput,
  resultsOfTaskInput,
  taskInputValue,
  upstreamResults,
  upstreamTasks,
} from "../executor/upstream.ts";
import { canonicalJson } from "../graph/canonical.ts";
import { POLICY_PAYLOAD_BYTES_MAX } from "../limits.ts";
import { recorded } from "../topics/record.ts";
import type { Kind } from "../topics/topics.ts";
import { decodeExecution, type Execution, isPlan } from "../wire/codec.ts";
import {
  PlanExecutionSchema,
  type TaskExecution,
  type TaskResult,
} from "../wire/gen/escapement/v1/execution_pb.ts";
import {
  type PlanInput,
  PlanInputSchema,
  type TaskInput,
  TaskInputSchema,
} from "../wire/gen/escapement/v1/input_pb.ts";
import { readResult } from "../wire/payload.ts";

/** An input, as its record refers to what it carries. */
export interface Carried {
  readonly kind: Kind;
  readonly node: string;
  readonly carries: readonly number[];
  readonly withoutResult: readonly number[];
  /** Instead of what the plan has given to the task. */
  readonly parameters?: JsonObject | undefined;
  /** The encoded execution at an offset. */
  readonly messageAt: (offset: number) => Uint8Array;
  /** Executions that were decoded already, by offset: the inputs of a wave carry the same one. */
  readonly executions?: Map<number, Execution> | undefined;
}

/** Throws where it is too large, or lies elsewhere: that is an evaluation error. */
export const inputValue = (carried: Carried): JsonValue => {
  const input = inputOf(carried);
  inside("planName" in input ? resultsOfPlanInput(input) : resultsOfTaskInput(input));
  if ("planName" in input) return planInputValue(upstreamTasks(input));
  return taskInputValue(parametersOf(input), upstreamResults(input));
};

export const boundedResult = (result: TaskResult | undefined): JsonValue => {
  if (result?.data.case === "externalData")
    throw new Error("the result lies outside its message, where no policy can read it");
  if (result?.data.case === "inlineData") bounded(result.data.value.value.byteLength);
  return readResult(result) ?? null;
};

/** Where it lies is another place each time, so it would never be the same. */
const inside = <R extends TaskResult | undefined>(results: readonly R[]): readonly R[] => {
  if (results.some((result) => result?.data.case === "externalData"))
    throw new Error("a result lies outside its message, where no policy can read it");
  return results;
};

/** The same for inputs that ask for the same; undefined where that cannot be told. */
export const hashOf = (carried: Carried): string | undefined => {
  try {
    return readHash(carried);
  } catch {
    return undefined;
  }
};

/** Throws where it cannot be told: that is an evaluation error. */
export const readHash = (carried: Carried): string => {
  const input = inputOf(carried);
  const read = (results: readonly (TaskResult | undefined)[]) =>
    inside(results).map((result) => readResult(result) ?? null);
  const asked =
    "planName" in input
      ? [input.taskExecutions.map(({ header }) => header?.name ?? ""), read(resultsOfPlanInput(input))]
      : (parametersOf(input) ?? read(resultsOfTaskInput(input)));
  return bytesToHex(sha256(utf8ToBytes(canonicalJson(asked))).subarray(0, HASH_BYTES));
};

/** Of a few inputs of one node of one lifetime, no two will meet by chance. */
const HASH_BYTES = 6;

const bounded = (bytes: number): void => {
  if (bytes > POLICY_PAYLOAD_BYTES_MAX)
    throw new Error(`the payload has ${bytes} bytes; policies read ${POLICY_PAYLOAD_BYTES_MAX} at the most`);
};

const inputOf = (carried: Carried): PlanInput | TaskInput => {
  const { kind, node, carries, withoutResult, messageAt, parameters } = carried;
  const messages = carries.map(messageAt);
  bounded(messages.reduce((sum, { byteLength }) => sum + byteLength, 0));
  const decoded = messages.map((message, i) => decodedAt(carried, carries[i] ?? 0, message));
  if (kind === "task") {
    const [planExecution = create(PlanExecutionSchema)] = decoded.filter(isPlan);
    return create(TaskInputSchema, { taskName: node, planExecution, ...(parameters && { parameters }) });
  }
  const taskExecutions = decoded.map((each, i) => {
    const { result, ...execution } = each as TaskExecution;
    const kept = result && !withoutResult.includes(carries[i] ?? 0);
    return (kept ? { ...execution, result } : execution) as TaskExecution;
  });
  return create(PlanInputSchema, { planName: node, taskExecutions });
};

const decodedAt = ({ kind, executions }: Carried, offset: number, message: Uint8Array): Execution => {
  const before = executions?.get(offset);
  if (before) return before;
  const execution = recorded(decodeExecution(kind === "task" ? "plan" : "task", message), offset);
  executions?.set(offset, execution);
  return execution;
};
