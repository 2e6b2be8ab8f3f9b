/** Messages of the contract with nothing in them. */
import type { Any } from "@bufbuild/protobuf/wkt";
import type {
  ExecutionHeader,
  PlanExecution,
  PlanResult,
  StoredData,
  TaskExecution,
  TaskResult,
} from "./gen/escapement/v1/execution_pb.ts";
import type { PlanInput, TaskInput } from "./gen/escapement/v1/input_pb.ts";

const NOTHING = new Uint8Array();

export const blank = {
  any: (): Any => ({ $typeName: "google.protobuf.Any", typeUrl: "", value: NOTHING }),
  stored: (): StoredData => ({ $typeName: "escapement.v1.StoredData", uri: "", metadata: {} }),
  header: (): ExecutionHeader => ({
    $typeName: "escapement.v1.ExecutionHeader",
    name: "",
    execId: "",
    graphId: "",
    lifetimeId: "",
    tenantId: "",
    attempt: 0,
    iterationIdx: 0,
    createdAt: "",
    status: 0,
    edgeTaken: "",
    parentId: "",
    inputId: "",
    traceParent: "",
    graphVersion: 0,
  }),
  taskResult: (): TaskResult => ({
    $typeName: "escapement.v1.TaskResult",
    id: "",
    data: { case: undefined },
    errorMessage: "",
  }),
  taskExecution: (): TaskExecution => ({
    $typeName: "escapement.v1.TaskExecution",
    parentPlanExecId: "",
    parentPlanName: "",
    taskType: "",
  }),
  planResult: (): PlanResult => ({
    $typeName: "escapement.v1.PlanResult",
    upstreamTasksResults: [],
    nextTaskNames: [],
    errorMessage: "",
    nextTaskParameters: {},
  }),
  planExecution: (): PlanExecution => ({
    $typeName: "escapement.v1.PlanExecution",
    parentTaskExecIds: [],
    parentTaskNames: [],
    planType: "",
    inputTaskId: "",
  }),
  planInput: (): PlanInput => ({
    $typeName: "escapement.v1.PlanInput",
    inputId: "",
    planName: "",
    taskExecutions: [],
    graphId: "",
    lifetimeId: "",
  }),
  taskInput: (): TaskInput => ({
    $typeName: "escapement.v1.TaskInput",
    inputId: "",
    taskName: "",
    graphId: "",
    lifetimeId: "",
  }),
};
