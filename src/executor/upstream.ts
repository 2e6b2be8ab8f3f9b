/** Input message → what a node sees of the nodes before it. Payloads are unpacked here, once each. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { ExecutionStatus, type TaskExecution } from "../wire/gen/escapement/v1/execution_pb.ts";
import type { PlanInput, TaskInput } from "../wire/gen/escapement/v1/input_pb.ts";
import { readResult } from "../wire/payload.ts";
import type { UpstreamResult, UpstreamTask } from "./node.ts";

const STATUS_NAMES = new Map<number, UpstreamTask["status"]>(
  Object.entries(ExecutionStatus).map(([name, number]) => [number, name as UpstreamTask["status"]]),
);

const upstreamTask = ({ header, result }: TaskExecution): UpstreamTask => {
  const value = readResult(result);
  return {
    node: header?.name ?? "",
    execId: header?.execId ?? "",
    // A status of a newer peer is none that this code knows.
    status: STATUS_NAMES.get(header?.status ?? 0) ?? "UNSPECIFIED",
    ...(value !== undefined && { value }),
    ...(result?.errorMessage && { error: result.errorMessage }),
  };
};

export const upstreamTasks = (input: PlanInput): UpstreamTask[] => input.taskExecutions.map(upstreamTask);

/** Results of the plan's tasks, by the tasks' names where the plan's parents tell them. */
export const upstreamResults = ({ planExecution }: TaskInput): UpstreamResult[] => {
  const names = planExecution?.parentTaskNames ?? [];
  const ids = planExecution?.parentTaskExecIds ?? [];
  return (planExecution?.result?.upstreamTasksResults ?? []).flatMap((result) => {
    const value = readResult(result);
    if (value === undefined) return [];
    const node = names[ids.indexOf(result.id)];
    return [{ ...(node !== undefined && { node }), value }];
  });
};

export const parametersOf = ({ parameters, planExecution, taskName }: TaskInput): JsonObject | undefined =>
  parameters ?? planExecution?.result?.nextTaskParameters[taskName];

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
