/** Topics that are full already: real executions of 1 KiB by a producer that does nothing else. */
import type { Message } from "kafkajs";
import type { Kafka } from "../../../bridge/kafka/client.ts";
import { Topics } from "../../../bridge/kafka/topics.ts";
import { blank } from "../../../src/wire/blank.ts";
import { encodeExecution } from "../../../src/wire/codec.ts";

export const PARTITIONS = 4;
/** So that the records of one partition fit what a broker takes as one batch. */
const BATCH_RECORDS = 3_000;
/** With the header 1 KiB, about. */
const RESULT = new Uint8Array(960).fill(120);
const KEYS = 16;

/** Read and checked where it arrives as persisted, and nothing follows from it. */
export const executionRecord = (tenant: string, n: number): Message & { value: Buffer; key: Buffer } => {
  const name = `node-${n % KEYS}`;
  const header = { ...blank.header(), name, execId: `exec-${n}`, tenantId: tenant };
  const data = { case: "inlineData", value: { ...blank.any(), value: RESULT } } as const;
  const execution = { ...blank.taskExecution(), header, result: { ...blank.taskResult(), data } };
  const value = Buffer.from(encodeExecution(execution));
  return { key: Buffer.from(name), value, partition: n % PARTITIONS };
};

export const fill = async (kafka: Kafka, topic: string, tenant: string, records: number): Promise<void> => {
  const topics = new Topics(kafka);
  await topics.connect();
  await topics.provision([topic], { partitions: PARTITIONS, replication: 1, config: {} });
  await topics.close();
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  for (let from = 0; from < records; from += BATCH_RECORDS) {
    const length = Math.min(BATCH_RECORDS, records - from);
    const messages = Array.from({ length }, (_, n) => executionRecord(tenant, from + n));
    await producer.send({ topic, messages });
  }
  await producer.disconnect();
};
