/** Records as producers and executors in Kafka write them, and a bridge that brings them. */
import { create, toBinary } from "@bufbuild/protobuf";
import type { Topic } from "../../../src/topics/topics.ts";
import {
  ExecutionStatus,
  PlanExecutionSchema,
  TaskExecutionSchema,
} from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { PlanInputSchema } from "../../../src/wire/gen/escapement/v1/input_pb.ts";
import { payloadOf } from "../../../src/wire/payload.ts";
import { type Arrived, arrivals, type Bridge, connect } from "./bridge-client.ts";
import { freshTenant } from "./client.ts";

const handed = (execId: string, value = "in") =>
  create(TaskExecutionSchema, {
    header: { name: "producer", execId, status: ExecutionStatus.SUCCEEDED },
    result: { id: execId, data: { case: "inlineData", value: payloadOf(value) } },
  });

interface Start {
  readonly plan?: string;
  readonly graph?: string;
  readonly lifetime?: string;
  readonly input?: string;
  readonly parents?: readonly string[];
}

export const start = ({
  plan = "begin",
  graph = "",
  lifetime = "",
  input = "",
  parents = ["e-1"],
}: Start = {}) =>
  toBinary(
    PlanInputSchema,
    create(PlanInputSchema, {
      inputId: input,
      planName: plan,
      graphId: graph,
      lifetimeId: lifetime,
      taskExecutions: parents.map((id) => handed(id)),
    }),
  );

/** As a peer answers that knows nothing but its node and its parents. */
export const taskAnswer = (name: string, parent: string, execId = "answer-1") =>
  toBinary(
    TaskExecutionSchema,
    create(TaskExecutionSchema, {
      header: { name, execId, status: ExecutionStatus.SUCCEEDED },
      parentPlanExecId: parent,
      result: { id: execId, data: { case: "inlineData", value: payloadOf("weighed") } },
    }),
  );

export const planAnswer = (name: string, parents: readonly string[], tasks: readonly string[]) =>
  toBinary(
    PlanExecutionSchema,
    create(PlanExecutionSchema, {
      header: { name, execId: "plan-answer", status: ExecutionStatus.SUCCEEDED },
      parentTaskExecIds: [...parents],
      result: { upstreamTasksResults: [], nextTaskNames: [...tasks], nextTaskParameters: {} },
    }),
  );

export const ready = async (...graphs: readonly string[]) => {
  const client = await freshTenant(...graphs);
  const bridge = await connect(client.tenant);
  await bridge.hello();
  return { ...client, bridge };
};

/** Sends records, and answers the marks once they are on disk. */
export const bring = async (bridge: Bridge, ...records: readonly Arrived[]) => {
  bridge.say(arrivals(records));
  const { marks } = await bridge.next("received");
  return marks.map(({ next }) => Number(next));
};

export const record = (
  topic: Topic,
  value: Uint8Array,
  offset: number,
  more: Partial<Arrived> = {},
): Arrived => ({
  topic,
  value,
  offset,
  ...more,
});
