/**
 * Input message → what a node sees of the nodes before it. Payloads are unpacked here, once each; what is kept
 * elsewhere was loaded before, and where it was not, asking for it says why.
 */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { LOADED_BYTES_MAX } from "../limits.ts";
import { ExecutionStatus, type TaskResult } from "../wire/gen/escapement/v1/execution_pb.ts";
import type { PlanInput, TaskInput } from "../wire/gen/escapement/v1/input_pb.ts";
import { readResult } from "../wire/payload.ts";
import { bytesOf } from "../wire/reference.ts";
import { NodeError } from "./failure.ts";
import type { UpstreamResult, UpstreamTask } from "./node.ts";
import type { Payload, Reading } from "./payload.ts";

/** Values of results that are kept elsewhere. */
export type Loaded = ReadonlyMap<TaskResult, JsonValue>;

const NONE_LOADED: Loaded = new Map();

const STATUS_NAMES = new Map<number, UpstreamTask["status"]>(
  Object.entries(ExecutionStatus).map(([name, number]) => [number, name as UpstreamTask["status"]]),
);

/** The results that an input comes with; a plan's task may have none. */
export const resultsOfPlanInput = (input: PlanInput): readonly (TaskResult | undefined)[] =>
  input.taskExecutions.map(({ result }) => result);

export const resultsOfTaskInput = ({ planExecution }: TaskInput): readonly TaskResult[] =>
  (planExecution?.result?.upstreamTasksResults ?? []).filter(({ data }) => data.case !== undefined);

/** Those that have to be loaded to be read as values; none where they would be too much together. */
export const wantedOf = (results: readonly (TaskResult | undefined)[]): readonly TaskResult[] => {
  const wanted = results.filter((result) => result?.data.case === "externalData") as TaskResult[];
  return sizeOf(wanted) <= LOADED_BYTES_MAX ? wanted : [];
};

/** Of what is kept elsewhere, as it is said of it. */
export const sizeOf = (results: readonly TaskResult[]): number =>
  results.reduce((sum, { data }) => sum + (data.case === "externalData" ? bytesOf(data.value) : 0), 0);

/** The entry with its value, if it has one. */
const valued = <Entry extends object>(
  entry: Entry,
  result: TaskResult | undefined,
  loaded: Loaded,
): Entry & { readonly value?: JsonValue } => {
  if (result?.data.case !== "externalData") {
    const value = readResult(result);
    return value === undefined ? entry : { ...entry, value };
  }
  const value = loaded.get(result);
  if (value !== undefined) return { ...entry, value };
  const get = () => {
    throw new NodeError(
      "input_too_large",
      "a result that is kept elsewhere was not loaded; read it by ctx.payload(…), or declare payload() as input",
    );
  };
  return Object.defineProperty({ ...entry }, "value", { get, enumerable: true });
};

export const upstreamTasks = (input: PlanInput, loaded = NONE_LOADED): UpstreamTask[] =>
  input.taskExecutions.map(({ header, result }) =>
    valued(
      {
        node: header?.name ?? "",
        execId: header?.execId ?? "",
        // A status of a newer peer is none that this code knows.
        status: STATUS_NAMES.get(header?.status ?? 0) ?? "UNSPECIFIED",
        ...(result?.errorMessage && { error: result.errorMessage }),
      },
      result,
      loaded,
    ),
  );

/** Results of the plan's tasks, by the tasks' names where the plan's parents tell them. */
export const upstreamResults = (input: TaskInput, loaded = NONE_LOADED): UpstreamResult[] => {
  const names = input.planExecution?.parentTaskNames ?? [];
  const ids = input.planExecution?.parentTaskExecIds ?? [];
  return resultsOfTaskInput(input).map((result) => {
    const node = names[ids.indexOf(result.id)];
    return valued(node === undefined ? {} : { node }, result, loaded) as UpstreamResult;
  });
};

export const parametersOf = ({ parameters, planExecution, taskName }: TaskInput): JsonObject | undefined =>
  parameters ?? planExecution?.result?.nextTaskParameters[taskName];

export type OpenPayload = (result: TaskResult) => Payload;

/** What opens the result of an entry. */
export const payloadsOf =
  <Entry>(
    entries: readonly Entry[],
    results: readonly (TaskResult | undefined)[],
    open: OpenPayload,
  ): ((entry: Entry) => Payload) =>
  (entry) => {
    const result = results[entries.indexOf(entry)];
    if (result?.data.case !== undefined) return open(result);
    throw new NodeError("error", "ctx.payload(…) takes an entry of ctx.upstream that has a result");
  };

export const unreadInput = (
  reading: Exclude<Reading, "values">,
  results: readonly (TaskResult | undefined)[],
  open: OpenPayload,
): Payload | readonly Payload[] | undefined => {
  const payloads = results.flatMap((result) => (result?.data.case === undefined ? [] : [open(result)]));
  return reading === "payloads" || payloads.length > 1 ? payloads : payloads[0];
};

/** How many there were decides the shape, so that a failed branch does not change it. */
export const planInputValue = (tasks: readonly UpstreamTask[]): JsonValue => {
  if (tasks.length <= 1) return tasks[0]?.value ?? null;
  return tasks.flatMap(({ value }) => (value === undefined ? [] : [value]));
};

export const taskInputValue = (
  parameters: JsonObject | undefined,
  results: readonly UpstreamResult[],
): JsonValue => {
  if (parameters) return parameters;
  return results.length <= 1 ? (results[0]?.value ?? null) : results.map(({ value }) => value);
};
