/** Input + outcome → execution. The header is the input's own, so whatever it carries comes back. */
import { blank } from "../wire/blank.ts";
import {
  type ExecutionHeader,
  ExecutionStatus,
  type PlanExecution,
  type TaskExecution,
  type TaskResult,
  type Usage,
} from "../wire/gen/escapement/v1/execution_pb.ts";
import type { PlanInput, TaskInput } from "../wire/gen/escapement/v1/input_pb.ts";
import type { Decided } from "./verify.ts";

/** What every execution carries besides its outcome. */
export interface Ending {
  /** Of the input. */
  readonly header: ExecutionHeader;
  /** The registered plan or task that ran. */
  readonly kind: string;
  /** ISO-8601 with offset. */
  readonly createdAt: string;
  readonly usage?: Usage | undefined;
  readonly edgeTaken?: string | undefined;
}

export interface Failed {
  readonly status: ExecutionStatus;
  readonly error: string;
}

const headerOf = ({ header, ...ending }: Ending, status: ExecutionStatus): ExecutionHeader => ({
  ...header,
  status,
  createdAt: ending.createdAt,
  usage: ending.usage,
  edgeTaken: ending.edgeTaken ?? "",
});

export const planExecution = (input: PlanInput, outcome: Decided | Failed, ending: Ending): PlanExecution => {
  const failed = "error" in outcome;
  const executions = input.taskExecutions;
  return {
    ...blank.planExecution(),
    header: headerOf(ending, failed ? outcome.status : ExecutionStatus.SUCCEEDED),
    parentTaskExecIds: executions.map(({ header }) => header?.execId ?? ""),
    parentTaskNames: executions.map(({ header }) => header?.name ?? ""),
    planType: ending.kind,
    result: failed
      ? { ...blank.planResult(), errorMessage: outcome.error }
      : {
          ...blank.planResult(),
          upstreamTasksResults: executions.flatMap(({ result }) => (result ? [result] : [])),
          nextTaskNames: [...outcome.next],
          nextTaskParameters: { ...outcome.parameters },
        },
  };
};

export const taskExecution = (
  input: TaskInput,
  outcome: TaskResult["data"] | Failed,
  ending: Ending,
): TaskExecution => {
  const failed = "error" in outcome;
  const result = { ...blank.taskResult(), id: ending.header.execId };
  return {
    ...blank.taskExecution(),
    header: headerOf(ending, failed ? outcome.status : ExecutionStatus.SUCCEEDED),
    parentPlanExecId: input.planExecution?.header?.execId ?? "",
    parentPlanName: input.planExecution?.header?.name ?? "",
    taskType: ending.kind,
    result: failed ? { ...result, errorMessage: outcome.error } : { ...result, data: outcome },
  };
};
