// What a reader of committed records finds in a topic, once it has so many of them.
import type { Kafka } from "../../bridge/kafka/client.ts";
import { unique } from "./broker-test.ts";

export interface Consumed {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** All records of the topics from their beginning, until `enough` says so. */
export const consume = async (
  kafka: Kafka,
  topics: readonly string[],
  enough: (found: readonly Consumed[]) => boolean,
): Promise<readonly Consumed[]> => {
  const consumer = kafka.consumer({ groupId: unique("reader"), maxWaitTimeInMs: 100 });
  const found: Consumed[] = [];
  const done = Promise.withResolvers<void>();
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ topic, partition, message: { offset, key, value, headers } }) => {
        found.push({
          topic,
          partition,
          offset: Number(offset),
          key: String(key),
          value: value ?? Buffer.alloc(0),
          headers: Object.fromEntries(
            Object.entries(headers ?? {}).map(([name, each]) => [name, String(each)]),
          ),
        });
        if (enough(found)) done.resolve();
      },
    });
    await done.promise;
  } finally {
    await consumer.disconnect();
  }
  return found;
};
