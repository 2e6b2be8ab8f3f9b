// An executor on premises that answers each input as its test says, or not at all.
import { randomUUID } from "node:crypto";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { Kafka } from "../../bridge/kafka/client.ts";
import { kafkaTopic } from "../../src/mirror/names.ts";
import type { Topic } from "../../src/topics/topics.ts";
import {
  type ExecutionHeaderSchema,
  ExecutionStatus,
  PlanExecutionSchema,
  TaskExecutionSchema,
} from "../../src/wire/gen/escapement/v1/execution_pb.ts";
import {
  type PlanInput,
  PlanInputSchema,
  type TaskInput,
  TaskInputSchema,
} from "../../src/wire/gen/escapement/v1/input_pb.ts";

/** In the place of what an answer has by default, which is a success that names the input by its id. */
export type Answer = MessageInitShape<typeof ExecutionHeaderSchema>;

export interface Answers {
  readonly plan?: (input: PlanInput) => Answer | undefined;
  readonly task?: (input: TaskInput) => Answer | undefined;
  /** Whom a plan chooses. */
  readonly next?: readonly string[];
  /** Where tasks are answered. */
  readonly into?: Topic;
}

const headerOf = (name: string, { header, inputId }: PlanInput | TaskInput, own: Answer): Answer => ({
  name,
  execId: randomUUID(),
  inputId,
  attempt: header?.attempt ?? 0,
  status: ExecutionStatus.SUCCEEDED,
  ...own,
});

export const startAnswering = async (kafka: Kafka, tenant: string, answers: Answers) => {
  const { plan, task, next = [], into = "task-executions" } = answers;
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  const consumer = kafka.consumer({ groupId: `answers-${tenant}`, maxWaitTimeInMs: 50 });
  const answerOf = (topic: string, value: Uint8Array): [Topic, Uint8Array] | undefined => {
    if (topic === kafkaTopic("plan-inputs", tenant)) {
      const input = fromBinary(PlanInputSchema, value);
      const own = plan?.(input);
      const header = own && headerOf(input.planName, input, own);
      const execution = { header, result: { nextTaskNames: [...next] } };
      return (
        header && ["plan-executions", toBinary(PlanExecutionSchema, create(PlanExecutionSchema, execution))]
      );
    }
    const input = fromBinary(TaskInputSchema, value);
    const own = task?.(input);
    const header = own && headerOf(input.taskName, input, own);
    return header && [into, toBinary(TaskExecutionSchema, create(TaskExecutionSchema, { header }))];
  };
  await producer.connect();
  await consumer.connect();
  const topics = [kafkaTopic("plan-inputs", tenant), kafkaTopic("task-inputs", tenant)];
  await consumer.subscribe({ topics, fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ topic, message: { value } }) => {
      const [to, bytes] = answerOf(topic, value ?? Buffer.alloc(0)) ?? [];
      // Judged by nobody.
      const messages = [{ key: "whatever", value: Buffer.from(bytes ?? []) }];
      if (to) await producer.send({ topic: kafkaTopic(to, tenant), messages });
    },
  });
  const end = async () => {
    await consumer.disconnect();
    await producer.disconnect();
  };
  return { [Symbol.asyncDispose]: end };
};
