// Inputs as the control plane composes them, with every part defaulted, and a way to run one at a node.
import { create, type JsonObject, type JsonValue, type MessageInitShape } from "@bufbuild/protobuf";
import type { Attempt, Ports, Settled } from "../../../src/executor/attempt.ts";
import type { NodeSpec } from "../../../src/executor/dispatch.ts";
import type { Plan, Task } from "../../../src/executor/node.ts";
import { registry } from "../../../src/executor/registry.ts";
import { decodeExecution, encode, isPlan } from "../../../src/wire/codec.ts";
import {
  type ExecutionHeader,
  ExecutionHeaderSchema,
  ExecutionStatus,
  type PlanExecution,
  StoredDataSchema,
  type TaskExecution,
} from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import {
  type PlanInput,
  PlanInputSchema,
  type TaskInput,
  TaskInputSchema,
} from "../../../src/wire/gen/escapement/v1/input_pb.ts";
import { payloadOf } from "../../../src/wire/payload.ts";

export const specOf = (part: Partial<NodeSpec> & Pick<NodeSpec, "type" | "kind">): NodeSpec => ({
  name: "node",
  timeoutMs: 1_000,
  settings: {},
  next: [],
  ...part,
});

/** As a dispatch carries them. */
export const textsOf = (...specs: readonly NodeSpec[]): string[] => specs.map((spec) => JSON.stringify(spec));

type Header = MessageInitShape<typeof ExecutionHeaderSchema>;

export const headerOf = (part: Header = {}): ExecutionHeader =>
  create(ExecutionHeaderSchema, {
    name: "node",
    execId: "exec-of-node",
    graphId: "graph",
    lifetimeId: "lifetime",
    tenantId: "tenant",
    attempt: 1,
    inputId: "input",
    ...part,
  } as Header);

const resultOf = (id: string, value: JsonValue | undefined, errorMessage = "") => ({
  id,
  errorMessage,
  ...(value !== undefined && { data: { case: "inlineData" as const, value: payloadOf(value) } }),
});

/** What came before, in order: the value of a task that succeeded, or the error of one that did not. */
export type Upstream = readonly ({ readonly value: JsonValue } | { readonly error: string })[];

const before = (upstream: Upstream) =>
  upstream.map((each, index) => ({
    header: headerOf({
      name: `before_${index}`,
      execId: `exec-${index}`,
      status: "value" in each ? ExecutionStatus.SUCCEEDED : ExecutionStatus.FAILED,
    }),
    result:
      "value" in each
        ? resultOf(`exec-${index}`, each.value)
        : resultOf(`exec-${index}`, undefined, each.error),
  }));

export const planInput = (upstream: Upstream = [], header: Header = {}): PlanInput =>
  create(PlanInputSchema, {
    inputId: "input",
    planName: "node",
    header: headerOf(header),
    taskExecutions: before(upstream),
  });

export const taskInput = (
  upstream: Upstream = [],
  parameters?: JsonObject,
  header: Header = {},
): TaskInput => {
  const tasks = before(upstream);
  return create(TaskInputSchema, {
    inputId: "input",
    taskName: "node",
    header: headerOf(header),
    planExecution: {
      header: headerOf({ name: "plan", execId: "exec-of-plan" }),
      parentTaskNames: tasks.map((task) => task.header.name),
      parentTaskExecIds: tasks.map((task) => task.header.execId),
      result: { upstreamTasksResults: tasks.map((task) => task.result), nextTaskNames: ["node"] },
    },
    ...(parameters && { parameters }),
  });
};

const NOW = "2026-01-01T00:00:00.000Z";

export const portsOf = (env: Record<string, unknown> = {}): Ports => ({
  env,
  signal: new AbortController().signal,
  log: () => {},
  heartbeat: () => {},
  payload: () => {
    throw new Error("nothing is kept elsewhere here");
  },
});

/** The execution, encoded; a result that does not travel in it is taken for stored under what it says. */
export const answerOf = async (
  attempt: Attempt,
  settled: Settled,
  createdAt: string,
): Promise<Uint8Array> => {
  const answer = attempt.answer(settled, createdAt);
  if (answer instanceof Uint8Array) return answer;
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.chunks) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  return answer.answer({ value: create(StoredDataSchema, { uri: text, metadata: { type: answer.type } }) });
};

const run = async (node: Plan | Task, part: Partial<NodeSpec>, bytes: Uint8Array) => {
  const known = registry(node.type === "plan" ? { plans: [node], tasks: [] } : { plans: [], tasks: [node] });
  const attempt = known
    .bind(JSON.stringify(specOf({ type: node.type, kind: node.name, ...part })))
    ?.attempt(bytes);
  if (!attempt?.ok) throw new Error(attempt?.error);
  const ports = portsOf({ KEY: "of the deployment" });
  const settled = await (async () => attempt.value.start(ports))().then(
    (value) => ({ value }),
    (thrown: unknown) => ({ thrown }),
  );
  const execution = decodeExecution(node.type, await answerOf(attempt.value, settled, NOW));
  if (!execution.ok) throw new Error(execution.error);
  return execution.value;
};

export const runPlan = async (
  node: Plan,
  input: PlanInput,
  part: Partial<NodeSpec> = {},
): Promise<PlanExecution> => {
  const execution = await run(node, part, encode(PlanInputSchema, input));
  if (!isPlan(execution)) throw new Error("a plan answered as a task");
  return execution;
};

export const runTask = async (
  node: Task,
  input: TaskInput,
  part: Partial<NodeSpec> = {},
): Promise<TaskExecution> => {
  const execution = await run(node, part, encode(TaskInputSchema, input));
  if (isPlan(execution)) throw new Error("a task answered as a plan");
  return execution;
};
