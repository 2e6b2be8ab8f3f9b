/**
 * One input at a node: decoded, handed to the node, answered. Where plans and tasks differ is in here, so
 * whoever runs attempts need not know. Never waits and keeps no time; those are the caller's.
 *
 * 1. `start` throws what the node throws, and may answer a promise.
 * 2. `answer` never throws: what cannot be said is said as a failure.
 */
import { MESSAGE_BYTES_MAX } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";
import { decode, type Execution, encodeExecution } from "../wire/codec.ts";
import { errorMessage } from "../wire/error-message.ts";
import { type ExecutionHeader, ExecutionStatus, type Usage } from "../wire/gen/escapement/v1/execution_pb.ts";
import {
  type PlanInput,
  PlanInputSchema,
  type TaskInput,
  TaskInputSchema,
} from "../wire/gen/escapement/v1/input_pb.ts";
import { payloadOf } from "../wire/payload.ts";
import type { NodeSpec } from "./dispatch.ts";
import { type Ending, type Failed, planExecution, taskExecution } from "./execution.ts";
import { NodeError, thrownMessage } from "./failure.ts";
import type { NodeContext, Plan, Task } from "./node.ts";
import { parametersOf, planInputValue, taskInputValue, upstreamResults, upstreamTasks } from "./upstream.ts";
import { addUsage } from "./usage.ts";
import { progressText, verify, verifyDecision, verifyOutput, verifySize } from "./verify.ts";

/** What a node reaches through its ctx that is not in the message. */
export interface Ports {
  readonly signal: AbortSignal;
  readonly env: NodeContext<unknown>["env"];
  readonly log: NodeContext<unknown>["log"];
  /** With the JSON text of how far the node has come, where it says so. */
  readonly heartbeat: (progress?: string) => void;
}

export type Settled =
  | { readonly value: unknown }
  | { readonly thrown: unknown }
  | { readonly timedOutMs: number };

export interface Attempt {
  readonly header: ExecutionHeader;
  start(ports: Ports): unknown;
  /** The execution, encoded. */
  answer(settled: Settled, createdAt: string): Uint8Array;
}

/** What the node has said through its ctx. */
interface Said {
  usage?: Usage;
  edge?: string;
}

const ctxOf = <Settings>(
  { name }: NodeSpec,
  settings: Settings,
  header: ExecutionHeader,
  said: Said,
  ports: Ports,
): NodeContext<Settings> => ({
  node: name,
  attempt: Math.max(1, header.attempt),
  iteration: header.iterationIdx,
  settings,
  idempotencyKey: header.inputId,
  env: ports.env,
  log: ports.log,
  heartbeat: (progress) => ports.heartbeat(progress === undefined ? undefined : progressText(progress)),
  // Read when asked for, because most nodes never need one.
  get signal() {
    return ports.signal;
  },
  usage: (report) => {
    said.usage = addUsage(said.usage, report);
  },
});

const failed = (error: string): Failed => ({ status: ExecutionStatus.FAILED, error });

const failureOf = (settled: Exclude<Settled, { value: unknown }>): Failed =>
  "thrown" in settled
    ? failed(thrownMessage(settled.thrown))
    : {
        status: ExecutionStatus.TIMED_OUT,
        error: errorMessage("timed_out", `no answer within ${settled.timedOutMs} ms`),
      };

/** Encodes what the node settled with, or the failure that it comes to. */
const encodeOutcome = <Outcome>(
  settled: Settled,
  conclude: (value: unknown) => Outcome,
  execution: (outcome: Outcome | Failed) => Execution,
): Uint8Array => {
  if (!("value" in settled)) return encodeExecution(execution(failureOf(settled)));
  try {
    const message = encodeExecution(execution(conclude(settled.value)));
    verifySize("the execution, with the results that it hands on,", message.byteLength, MESSAGE_BYTES_MAX);
    return message;
  } catch (thrown) {
    return encodeExecution(execution(failed(thrownMessage(thrown))));
  }
};

export const attemptPlan = (
  node: Plan,
  spec: NodeSpec,
  settings: unknown,
  bytes: Uint8Array,
): Result<Attempt, string> => {
  const decoded = decode(PlanInputSchema, bytes);
  if (!decoded.ok) return decoded;
  const input: PlanInput = decoded.value;
  const { header } = input;
  if (!header) return err("a PlanInput without a header");
  const said: Said = {};
  return ok({
    header,
    start: (ports) => {
      const upstream = upstreamTasks(input);
      const ctx = Object.assign(ctxOf(spec, settings, header, said, ports), { upstream, next: spec.next });
      return node.run(verify(node.input, planInputValue(upstream), "invalid_input"), ctx);
    },
    answer: (settled, createdAt) => {
      const ending: Ending = { header, kind: spec.kind, createdAt, usage: said.usage };
      return encodeOutcome(settled, verifyDecision, (outcome) => planExecution(input, outcome, ending));
    },
  });
};

export const attemptTask = (
  node: Task,
  spec: NodeSpec,
  settings: unknown,
  bytes: Uint8Array,
): Result<Attempt, string> => {
  const decoded = decode(TaskInputSchema, bytes);
  if (!decoded.ok) return decoded;
  const input: TaskInput = decoded.value;
  const { header } = input;
  if (!header) return err("a TaskInput without a header");
  const said: Said = {};
  const takeEdge = (plan: string) => {
    const plans = spec.next.map(({ name }) => name);
    if (!plans.includes(plan))
      throw new NodeError(
        "error",
        `takeEdge("${plan}"): the plans after ${spec.name} are ${plans.join(", ") || "none"}`,
      );
    said.edge = plan;
  };
  return ok({
    header,
    start: (ports) => {
      const upstream = upstreamResults(input);
      const given = parametersOf(input);
      const extra = { upstream, parameters: given ?? {}, takeEdge };
      const ctx = Object.assign(ctxOf(spec, settings, header, said, ports), extra);
      return node.run(verify(node.input, taskInputValue(given, upstream), "invalid_input"), ctx);
    },
    answer: (settled, createdAt) => {
      const ending: Ending = { header, kind: spec.kind, createdAt, usage: said.usage, edgeTaken: said.edge };
      const conclude = (value: unknown) => {
        const payload = payloadOf(verifyOutput(node.output, value));
        verifySize("the result", payload.value.byteLength);
        return { payload };
      };
      return encodeOutcome(settled, conclude, (outcome) => taskExecution(input, outcome, ending));
    },
  });
};
