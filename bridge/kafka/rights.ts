/**
 * Does what a bridge has to be allowed to do, each for real and without a trace: throws what the broker says against
 * it. A transaction is aborted, a group joined without topics, and of a record only its place in a transaction is asked for.
 */
import kafkajs, { type CompressionTypes, type Kafka, type Producer, type Transaction } from "kafkajs";
import { isConcurrent } from "./failure.ts";
import { RETRY, retried } from "./retry.ts";

/** Of no codec: a record that is to be compressed so is given up between its right to be written and the writing. */
const UNSENT = 7 as CompressionTypes;

class NothingSent extends Error {
  /** Else kafkajs tries it again. */
  readonly retriable = false;
}

const isUnsent = (error: unknown): boolean =>
  error instanceof NothingSent || (error instanceof Error && error.cause instanceof NothingSent);

export class RightsInTransaction {
  readonly #producer: Producer;
  readonly #transaction: Transaction;

  private constructor(producer: Producer, transaction: Transaction) {
    this.#producer = producer;
    this.#transaction = transaction;
  }

  static async begin(kafka: Kafka, transactionalId: string): Promise<RightsInTransaction> {
    (kafkajs.CompressionCodecs as Record<number, () => unknown>)[UNSENT] = () => {
      throw new NothingSent();
    };
    const producer = kafka.producer({
      transactionalId,
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      retry: RETRY,
    });
    try {
      await producer.connect();
      return new RightsInTransaction(producer, await producer.transaction());
    } catch (error) {
      await producer.disconnect().catch(() => {});
      throw error;
    }
  }

  async write(topic: string): Promise<void> {
    const messages = [{ value: null }];
    await this.#transaction.send({ topic, messages, compression: UNSENT }).catch((error) => {
      if (!isUnsent(error)) throw error;
    });
  }

  /** Needs the right to read the topic as well. */
  async commitOffset(consumerGroupId: string, topic: string): Promise<void> {
    const topics = [{ topic, partitions: [{ partition: 0, offset: "0" }] }];
    await retried(() => this.#transaction.sendOffsets({ consumerGroupId, topics }), isConcurrent);
  }

  async end(): Promise<void> {
    await this.#transaction.abort().catch(() => {});
    await this.#producer.disconnect().catch(() => {});
  }
}

/** As a member that wants no topic, so that nobody's work moves. */
export const joinGroup = async (kafka: Kafka, groupId: string): Promise<void> => {
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, allowAutoTopicCreation: false });
  const joined = Promise.withResolvers<void>();
  consumer.on("consumer.group_join", () => joined.resolve());
  consumer.on("consumer.crash", ({ payload: { error, restart } }) => restart || joined.reject(error));
  try {
    await consumer.connect();
    await Promise.all([consumer.run({ eachMessage: async () => {} }), joined.promise]);
  } finally {
    await consumer.disconnect().catch(() => {});
  }
};
