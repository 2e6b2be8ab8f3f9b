// The ceiling: kafkajs alone in a loop, as fast as it goes with the same records.
import type { Kafka } from "../../../bridge/kafka/client.ts";
import { Topics } from "../../../bridge/kafka/topics.ts";
import { type KafkaRecord, Writer } from "../../../bridge/kafka/writer.ts";

export interface Ceiling {
  /** Records a second. */
  readonly transactions: number;
  readonly idempotent: number;
}

const KEYS = 4;

const recordsOf = (topics: readonly string[], count: number, bytes: number): readonly KafkaRecord[] =>
  Array.from({ length: count }, (_, n) => ({
    topic: topics[n % topics.length] ?? "",
    key: Buffer.from(`node-${n % KEYS}`),
    value: Buffer.alloc(bytes, n),
    headers: { "escapement-origin": `bench/bench/0/1/${n}` },
    timestamp: Date.now(),
  }));

const rate = async (
  total: number,
  batch: number,
  write: (from: number) => Promise<void>,
): Promise<number> => {
  const began = performance.now();
  for (let from = 0; from < total; from += batch) await write(from);
  return (total * 1_000) / (performance.now() - began);
};

/** In transactions with offsets of so many records each, and without any. */
export const ceilingOf = async (
  kafka: Kafka,
  of: { readonly total: number; readonly batch: number; readonly bytes: number },
): Promise<Ceiling> => {
  const topics = new Topics(kafka);
  await topics.connect();
  const stamp = Date.now().toString(36);
  const names = ["a", "b", "c", "d"].map((each) => `bench-${stamp}-${each}`);
  await topics.provision(names, { partitions: 4, replication: 1, config: {} });
  const records = recordsOf(names, of.batch, of.bytes);
  const writer = await Writer.open(kafka, `bench.${stamp}`);
  const progress = { group: `bench.${stamp}`, topic: names[0] ?? "" };
  const transactions = await rate(of.total, of.batch, (from) =>
    writer.write(records, { ...progress, next: from }),
  );
  await writer.close();
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  const messages = names.map((topic) => ({
    topic,
    messages: records
      .filter((record) => record.topic === topic)
      .map(({ key, value, headers }) => ({ key: Buffer.from(key), value: Buffer.from(value), headers })),
  }));
  const idempotent = await rate(of.total, of.batch, async () => {
    await producer.sendBatch({ acks: -1, topicMessages: messages });
  });
  await producer.disconnect();
  await topics.delete(names);
  await topics.close();
  return { transactions, idempotent };
};
