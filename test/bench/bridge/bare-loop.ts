// Kafkajs alone in a process of its own, as the bridge is one: a loop as fast as it goes. Prints its rates as JSON.
import { Kafka, logLevel, type Producer } from "kafkajs";
import { isConcurrent, isUnsettled } from "../../../bridge/kafka/failure.ts";
import { RETRY, retried } from "../../../bridge/kafka/retry.ts";

export interface Loop {
  readonly brokers: string;
  /** Their partitions are as many as the mirror's, and so are the keys. */
  readonly topics: readonly string[];
  readonly total: number;
  readonly batch: number;
  readonly bytes: number;
}

/** Records a second. */
export interface Ceiling {
  readonly transactions: number;
  readonly idempotent: number;
}

const KEYS = 5;
/** Of a request: as the bridge has them. */
const REQUEST_RECORDS = 600;

const loop: Loop = JSON.parse(process.argv[2] ?? "");
const { brokers, topics, total, batch, bytes } = loop;

const requestOf = (from: number, records: number) =>
  topics.map((topic, t) => ({
    topic,
    messages: Array.from({ length: Math.ceil(records / topics.length) }, (_, n) => ({
      key: `${"abcde"[n % KEYS]}${t % 2}`,
      value: Buffer.alloc(bytes, n),
      headers: { "escapement-origin": `bench/bench/0/1/${from + n}` },
      timestamp: String(Date.now()),
    })),
  }));

const rate = async (write: (from: number) => Promise<void>): Promise<number> => {
  const began = performance.now();
  for (let from = 0; from < total; from += batch) await write(from);
  return (total * 1_000) / (performance.now() - began);
};

const sendAll = async (to: Pick<Producer, "sendBatch">, from: number): Promise<void> => {
  for (let sent = 0; sent < batch; sent += REQUEST_RECORDS)
    await to.sendBatch({
      acks: -1,
      topicMessages: requestOf(from + sent, Math.min(REQUEST_RECORDS, batch - sent)),
    });
};

const kafka = new Kafka({ brokers: brokers.split(","), retry: RETRY, logLevel: logLevel.NOTHING });

const transactions = async (): Promise<number> => {
  const transactionalId = topics[0] ?? "";
  const producer = kafka.producer({
    transactionalId,
    idempotent: true,
    maxInFlightRequests: 1,
    retry: RETRY,
  });
  await producer.connect();
  const progress = (offset: number) => ({
    consumerGroupId: transactionalId,
    topics: [{ topic: topics[0] ?? "", partitions: [{ partition: 0, offset: String(offset) }] }],
  });
  const found = await rate(async (from) => {
    const transaction = await producer.transaction();
    await sendAll(transaction, from);
    await retried(
      () => transaction.sendOffsets(progress(from)),
      (error) => isConcurrent(error) || isUnsettled(error),
    );
    await transaction.commit();
  });
  await producer.disconnect();
  return found;
};

const idempotent = async (): Promise<number> => {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, retry: RETRY });
  await producer.connect();
  const found = await rate((from) => sendAll(producer, from));
  await producer.disconnect();
  return found;
};

const ceiling: Ceiling = { transactions: await transactions(), idempotent: await idempotent() };
console.log(JSON.stringify(ceiling));
