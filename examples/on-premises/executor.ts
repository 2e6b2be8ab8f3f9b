/** An executor as there are on premises: it knows Kafka and the contract, and nothing of this runtime. */
import { randomUUID } from "node:crypto";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Kafka } from "../../bridge/kafka/client.ts";
import { kafkaTopic } from "../../src/mirror/names.ts";
import {
  ExecutionStatus,
  type TaskExecution,
  TaskExecutionSchema,
} from "../../src/wire/gen/escapement/v1/execution_pb.ts";
import { TaskInputSchema } from "../../src/wire/gen/escapement/v1/input_pb.ts";

/** With the header that the smallest of the peers sends. */
const answer = (value: Uint8Array, tenant: string): TaskExecution => {
  const { taskName, planExecution } = fromBinary(TaskInputSchema, value);
  const result = planExecution?.result?.upstreamTasksResults[0];
  return create(TaskExecutionSchema, {
    header: {
      name: taskName,
      execId: randomUUID(),
      tenantId: tenant,
      createdAt: new Date().toISOString(),
      status: ExecutionStatus.SUCCEEDED,
    },
    parentPlanExecId: planExecution?.header?.execId ?? "",
    parentPlanName: planExecution?.header?.name ?? "",
    result: { id: randomUUID(), data: result?.data ?? { case: undefined } },
  });
};

export interface Executor extends AsyncDisposable {
  count(): number;
}

/** Answers every input of the tenant's tasks; from the first on, also when it starts late. */
export const startExecutor = async (kafka: Kafka, tenant: string): Promise<Executor> => {
  let count = 0;
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  const consumer = kafka.consumer({ groupId: `executor-${tenant}`, maxWaitTimeInMs: 50 });
  await producer.connect();
  await consumer.connect();
  await consumer.subscribe({ topics: [kafkaTopic("task-inputs", tenant)], fromBeginning: true });
  await consumer.run({
    eachBatch: async ({ batch: { messages } }) => {
      const answers = messages.map(({ key, value }) => ({
        key,
        value: Buffer.from(toBinary(TaskExecutionSchema, answer(value ?? Buffer.alloc(0), tenant))),
      }));
      await producer.send({ topic: kafkaTopic("task-executions", tenant), messages: answers });
      count += answers.length;
    },
  });
  const end = async () => {
    await consumer.disconnect();
    await producer.disconnect();
  };
  return { count: () => count, [Symbol.asyncDispose]: end };
};
