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
import type { Kind } from "../topics/topics.ts";
import { decodePlanExecution, decodeTaskExecution } from "../wire/codec.ts";
import type { TaskExecution, TaskResult } from "../wire/gen/escapement/v1/execution_pb.ts";
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
}

/** Throws where it is too large, or lies elsewhere: that is an evaluation error. */
export const inputValue = (carried: Carried): JsonValue => {
  const input = inputOf(carried);
  const results = "planName" in input ? resultsOfPlanInput(input) : resultsOfTaskInput(input);
  const outside = results.find((result) => result?.data.case === "externalData");
  if (outside) throw new Error("a result lies outside its message, where no policy can read it");
  if ("planName" in input) return planInputValue(upstreamTasks(input));
  return taskInputValue(parametersOf(input), upstreamResults(input));
};

export const boundedResult = (result: TaskResult | undefined): JsonValue => {
  if (result?.data.case === "externalData")
    throw new Error("the result lies outside its message, where no policy can read it");
  if (result?.data.case === "inlineData") bounded(result.data.value.value.byteLength);
  return readResult(result) ?? null;
};

/** The same for inputs that ask for the same; undefined where one is too large to be told. */
export const hashOf = (carried: Carried): string | undefined => {
  try {
    const input = inputOf(carried);
    const asked =
      "planName" in input
        ? input.taskExecutions.map(({ header, result }) => [header?.name ?? "", readResult(result) ?? null])
        : (parametersOf(input) ?? resultsOfTaskInput(input).map((result) => readResult(result) ?? null));
    return bytesToHex(sha256(utf8ToBytes(canonicalJson(asked))).subarray(0, HASH_BYTES));
  } catch {
    return undefined;
  }
};

/** Of a few inputs of one node of one lifetime, no two will meet by chance. */
const HASH_BYTES = 6;

const bounded = (bytes: number): void => {
  if (bytes > POLICY_PAYLOAD_BYTES_MAX)
    throw new Error(`the payload has ${bytes} bytes; policies read ${POLICY_PAYLOAD_BYTES_MAX} at the most`);
};

const inputOf = ({
  kind,
  node,
  carries,
  withoutResult,
  messageAt,
  parameters,
}: Carried): PlanInput | TaskInput => {
  const messages = carries.map(messageAt);
  bounded(messages.reduce((sum, { byteLength }) => sum + byteLength, 0));
  if (kind === "task") {
    const [message = new Uint8Array()] = messages;
    const planExecution = known(decodePlanExecution(message));
    return create(TaskInputSchema, { taskName: node, planExecution, ...(parameters && { parameters }) });
  }
  const taskExecutions = messages.map((message, i) => {
    const { result, ...execution } = known(decodeTaskExecution(message));
    const kept = result && !withoutResult.includes(carries[i] ?? 0);
    return (kept ? { ...execution, result } : execution) as TaskExecution;
  });
  return create(PlanInputSchema, { planName: node, taskExecutions });
};

const known = <T>(decoded: { ok: true; value: T } | { ok: false; error: string }): T => {
  if (decoded.ok) return decoded.value;
  throw new Error(`the log holds what is ${decoded.error}`);
};
