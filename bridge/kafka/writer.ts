/**
 * A producer that writes records and the progress that they reach as one fact. Opening it ends whatever an earlier one
 * of the same transactional id had begun. After a failure it is closed, and another opened: nothing else is certain.
 */
import type { Kafka, Message, Producer, TopicMessages, Transaction } from "kafkajs";
import { crashPoint } from "../crash-points.ts";
import { isConcurrent, isUnsettled } from "./failure.ts";
import { partitionOf } from "./partitioner.ts";
import { RETRY, retried } from "./retry.ts";

type Label = string | Buffer;
/** By name; of a name that comes again, all. */
export type Labels = Readonly<Record<string, Label | Label[] | undefined>>;

export interface KafkaRecord {
  readonly topic: string;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly headers: Labels;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
}

export interface ProgressAt {
  readonly group: string;
  /** One of its partitions has the progress: 0 where it is not said. */
  readonly topic: string;
  readonly partition?: number;
  /** The next log offset. */
  readonly next: number;
}

/** Readers of committed records wait so long for a bridge that died, where no other takes over. */
const TRANSACTION_MS_MAX = 15_000;
/** A partition's records of one request are one batch at the broker, which by default takes 1 MiB. */
const REQUEST_BYTES_MAX = 700 * 1024;
/** The transaction before ends within a few. */
const CONCURRENT_MS = 1;
/** Of a record beside its key, value and headers: lengths, offset and time. */
const RECORD_BYTES = 80;

const sizeOf = ({ key, value, headers }: KafkaRecord): number => {
  let bytes = RECORD_BYTES + key.byteLength + value.byteLength;
  for (const name in headers) {
    const label = headers[name] ?? "";
    if (Array.isArray(label)) for (const each of label) bytes += name.length + each.length;
    else bytes += name.length + label.length;
  }
  return bytes;
};

/** kafkajs only hands them on to the partitioner and the encoder of this folder, which take any bytes. */
const handedOn = (bytes: Uint8Array): Buffer => bytes as Buffer;

/** In as few requests as fit, each in order. */
const requestsOf = (records: readonly KafkaRecord[]): readonly TopicMessages[][] => {
  const requests: TopicMessages[][] = [];
  let byTopic = new Map<string, Message[]>();
  let bytes = Number.POSITIVE_INFINITY;
  for (const record of records) {
    const { topic, key, value, headers, timestamp } = record;
    const size = sizeOf(record);
    if (bytes + size > REQUEST_BYTES_MAX) {
      byTopic = new Map();
      requests.push([]);
      bytes = 0;
    }
    let messages = byTopic.get(topic);
    if (messages === undefined) {
      messages = [];
      byTopic.set(topic, messages);
      requests.at(-1)?.push({ topic, messages });
    }
    messages.push({ key: handedOn(key), value: handedOn(value), headers, timestamp: String(timestamp) });
    bytes += size;
  }
  return requests;
};

export class Writer {
  readonly #producer: Producer;

  private constructor(producer: Producer) {
    this.#producer = producer;
  }

  static async open(kafka: Kafka, transactionalId: string): Promise<Writer> {
    const producer = kafka.producer({
      transactionalId,
      idempotent: true,
      maxInFlightRequests: 1,
      transactionTimeout: TRANSACTION_MS_MAX,
      allowAutoTopicCreation: false,
      // As Java's, so that a key has one partition whoever produces it.
      createPartitioner: partitionOf,
      retry: RETRY,
    });
    const writer = new Writer(producer);
    try {
      await producer.connect();
      // Not connecting, but the first transaction is what fences.
      await (await producer.transaction()).abort();
    } catch (error) {
      await writer.close();
      throw error;
    }
    return writer;
  }

  /** All of it or nothing, in order per key; throws when it is nothing, or when nobody knows. */
  async write(records: readonly KafkaRecord[], progress?: ProgressAt): Promise<void> {
    await this.#inTransaction(async (transaction) => {
      // First, so that it is what waits for the end of the transaction before: it is small, and asked for again at once.
      if (progress) await sendProgress(transaction, progress);
      for (const topicMessages of requestsOf(records))
        await transaction.sendBatch({ acks: -1, topicMessages });
      crashPoint("records-written");
      await transaction.commit();
    });
  }

  /** Whether the broker takes a record, without leaving it there. */
  async takes(record: KafkaRecord): Promise<boolean> {
    return this.#inTransaction(async (transaction) => {
      await transaction.sendBatch({ acks: -1, topicMessages: requestsOf([record]).flat() });
      await transaction.abort();
      return true;
    });
  }

  async #inTransaction<T>(act: (transaction: Transaction) => Promise<T>): Promise<T> {
    const transaction = await this.#producer.transaction();
    try {
      return await act(transaction);
    } catch (error) {
      // Where the commit was asked for it cannot be taken back, and the error says what there is to say.
      if (transaction.isActive()) await transaction.abort().catch(() => {});
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#producer.disconnect().catch(() => {});
  }
}

const sendProgress = (
  { sendOffsets }: Transaction,
  { group, topic, partition = 0, next }: ProgressAt,
): Promise<void> => {
  const topics = [{ topic, partitions: [{ partition, offset: String(next) }] }];
  const passes = (error: unknown) => isConcurrent(error) || isUnsettled(error);
  return retried(() => sendOffsets({ consumerGroupId: group, topics }), passes, CONCURRENT_MS);
};
