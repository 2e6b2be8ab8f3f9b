/**
 * What a node settled with → the outcome that its execution carries, encoded. Never throws: what cannot be said
 * is said as a failure.
 */
import { INLINE_BYTES_MAX, MESSAGE_BYTES_MAX } from "../limits.ts";
import { type Execution, encodeExecution } from "../wire/codec.ts";
import { errorMessage } from "../wire/error-message.ts";
import { ExecutionStatus, type StoredData, type TaskResult } from "../wire/gen/escapement/v1/execution_pb.ts";
import { payloadOf } from "../wire/payload.ts";
import { JSON_TYPE } from "../wire/reference.ts";
import type { Failed } from "./execution.ts";
import { thrownMessage } from "./failure.ts";
import { jsonChunks } from "./json-chunks.ts";
import type { Task } from "./node.ts";
import { type Decided, verifyBody, verifyDecision, verifyOutput, verifySize } from "./verify.ts";

export type Settled =
  | { readonly value: unknown }
  | { readonly thrown: unknown }
  | { readonly timedOutMs: number };

export type Concluded<Outcome> = { readonly value: Outcome } | Exclude<Settled, { value: unknown }>;

/** A result that does not travel in its execution. */
export interface Unstored {
  readonly type: string;
  readonly chunks: Iterable<Uint8Array> | ReadableStream<Uint8Array>;
  /** The execution, encoded: `value` is the StoredData, `thrown` why there is none. */
  answer(stored: { readonly value: StoredData } | { readonly thrown: unknown }): Uint8Array;
}

const failed = (error: string): Failed => ({ status: ExecutionStatus.FAILED, error });

const failureOf = (settled: Exclude<Settled, { value: unknown }>): Failed =>
  "thrown" in settled
    ? failed(thrownMessage(settled.thrown))
    : {
        status: ExecutionStatus.TIMED_OUT,
        error: errorMessage("timed_out", `no answer within ${settled.timedOutMs} ms`),
      };

/** Encodes what the node came to, or the failure that it comes to. */
export const encodeOutcome = <Outcome>(
  concluded: Concluded<Outcome>,
  execution: (outcome: Outcome | Failed) => Execution,
): Uint8Array => {
  if (!("value" in concluded)) return encodeExecution(execution(failureOf(concluded)));
  try {
    const message = encodeExecution(execution(concluded.value));
    verifySize("the execution, with the results that it hands on,", message.byteLength, MESSAGE_BYTES_MAX);
    return message;
  } catch (thrown) {
    return encodeExecution(execution(failed(thrownMessage(thrown))));
  }
};

export const concludePlan = (settled: Settled): Concluded<Decided> => {
  if (!("value" in settled)) return settled;
  try {
    return { value: verifyDecision(settled.value) };
  } catch (thrown) {
    return { thrown };
  }
};

/** What a task returned: in its execution if it is JSON and small, else on its own. */
export const concludeTask = (
  node: Task,
  value: unknown,
): Concluded<TaskResult["data"]> | Omit<Unstored, "answer"> => {
  try {
    if (node.writes !== undefined) return { type: node.writes, chunks: verifyBody(value) };
    const json = verifyOutput(node.output, value);
    // A long text is not encoded only to see that it is too long.
    if (typeof json !== "string" || json.length <= INLINE_BYTES_MAX) {
      const payload = payloadOf(json);
      if (payload.value.byteLength <= INLINE_BYTES_MAX)
        return { value: { case: "inlineData", value: payload } };
    }
    return { type: JSON_TYPE, chunks: jsonChunks(json) };
  } catch (thrown) {
    return { thrown };
  }
};
