/**
 * One input at a node: decoded, handed to the node, answered. Where plans and tasks differ is in here, so
 * whoever runs attempts need not know. Never waits and keeps no time; those are the caller's.
 *
 * 1. `start` throws what the node throws, and may answer a promise.
 * 2. `answer` never throws: what cannot be said is said as a failure.
 */
import { err, ok, type Result } from "../result.ts";
import { decodePlanInput, decodeTaskInput } from "../wire/codec.ts";
import type {
  ExecutionHeader,
  StoredData,
  TaskResult,
  Usage,
} from "../wire/gen/escapement/v1/execution_pb.ts";
import type { PlanInput, TaskInput } from "../wire/gen/escapement/v1/input_pb.ts";
import { concludePlan, concludeTask, encodeOutcome, type Settled, type Unstored } from "./conclude.ts";
import type { Allowance, NodeSpec } from "./dispatch.ts";
import { type Ending, type Failed, planExecution, taskExecution } from "./execution.ts";
import { NodeError } from "./failure.ts";
import type { NodeContext, Plan, Task } from "./node.ts";
import {
  type Loaded,
  type OpenPayload,
  parametersOf,
  payloadsOf,
  planInputValue,
  resultsOfPlanInput,
  resultsOfTaskInput,
  taskInputValue,
  unreadInput,
  upstreamResults,
  upstreamTasks,
  wantedOf,
} from "./upstream.ts";
import { addUsage } from "./usage.ts";
import { progressText, verify } from "./verify.ts";

/** What a node reaches through its ctx that is not in the message. */
export interface Ports {
  readonly signal: AbortSignal;
  readonly env: NodeContext<unknown>["env"];
  readonly log: NodeContext<unknown>["log"];
  /** With the JSON text of how far the node has come, where it says so. */
  readonly heartbeat: (progress?: string) => void;
  readonly payload: OpenPayload;
  readonly allowance?: Allowance;
}

export type { Settled, Unstored } from "./conclude.ts";

export interface Attempt {
  readonly header: ExecutionHeader;
  /** What has to be loaded before the node starts; for nearly all nothing. */
  readonly wanted: readonly TaskResult[];
  start(ports: Ports, loaded?: Loaded): unknown;
  /** The execution, encoded; or first a result to be stored. */
  answer(settled: Settled, createdAt: string): Uint8Array | Unstored;
}

const NOTHING: readonly TaskResult[] = [];

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
  ...(header.traceParent !== "" && { traceParent: header.traceParent }),
  ...(ports.allowance && { allowance: ports.allowance }),
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

export const attemptPlan = (
  node: Plan,
  spec: NodeSpec,
  settings: unknown,
  bytes: Uint8Array,
): Result<Attempt, string> => {
  const decoded = decodePlanInput(bytes);
  if (!decoded.ok) return decoded;
  const input: PlanInput = decoded.value;
  const { header } = input;
  if (!header) return err("a PlanInput without a header");
  const said: Said = {};
  const results = resultsOfPlanInput(input);
  return ok({
    header,
    wanted: node.reads === "values" ? wantedOf(results) : NOTHING,
    start: (ports, loaded) => {
      const upstream = upstreamTasks(input, loaded);
      const extra = { upstream, payload: payloadsOf(upstream, results, ports.payload), next: spec.next };
      const ctx = Object.assign(ctxOf(spec, settings, header, said, ports), extra);
      const value =
        node.reads === "values" ? planInputValue(upstream) : unreadInput(node.reads, results, ports.payload);
      return node.run(verify(node.input, value, "invalid_input"), ctx);
    },
    answer: (settled, createdAt) => {
      const ending: Ending = { header, kind: spec.kind, createdAt, usage: said.usage };
      return encodeOutcome(concludePlan(settled), (outcome) => planExecution(input, outcome, ending));
    },
  });
};

export const attemptTask = (
  node: Task,
  spec: NodeSpec,
  settings: unknown,
  bytes: Uint8Array,
): Result<Attempt, string> => {
  const decoded = decodeTaskInput(bytes);
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
  const results = resultsOfTaskInput(input);
  const given = parametersOf(input);
  return ok({
    header,
    // What the plan gave is the input then: a thousand tasks do not each load what their plan had.
    wanted: node.reads === "values" && given === undefined ? wantedOf(results) : NOTHING,
    start: (ports, loaded) => {
      const upstream = upstreamResults(input, loaded);
      const payload = payloadsOf(upstream, results, ports.payload);
      const extra = { upstream, payload, parameters: given ?? {}, takeEdge };
      const ctx = Object.assign(ctxOf(spec, settings, header, said, ports), extra);
      const value =
        node.reads === "values"
          ? taskInputValue(given, upstream)
          : unreadInput(node.reads, results, ports.payload);
      return node.run(verify(node.input, value, "invalid_input"), ctx);
    },
    answer: (settled, createdAt) => {
      const ending: Ending = { header, kind: spec.kind, createdAt, usage: said.usage, edgeTaken: said.edge };
      const say = (outcome: TaskResult["data"] | Failed) => taskExecution(input, outcome, ending);
      const concluded = "value" in settled ? concludeTask(node, settled.value) : settled;
      if (!("chunks" in concluded)) return encodeOutcome(concluded, say);
      const external = (value: StoredData) => ({ value: { case: "externalData" as const, value } });
      return {
        ...concluded,
        answer: (stored) => encodeOutcome("value" in stored ? external(stored.value) : stored, say),
      };
    },
  });
};
