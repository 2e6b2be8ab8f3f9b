/** Committed records of partitions between two offsets each, read once and for nobody's group. */
import type { Kafka } from "kafkajs";
import type { Labels } from "./writer.ts";

export interface Range {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  /** Not included. */
  readonly to: number;
}

export interface Ranged {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: Labels;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
}

const placeOf = ({ topic, partition }: { topic: string; partition: number }) => `${topic}/${partition}`;

/** Without anything that was read: a transaction that somebody leaves open keeps what comes after it from being read. */
const SILENT_MS_MAX = 60_000;

/** Each partition in its order. */
export const readRanges = async (
  kafka: Kafka,
  ranges: readonly Range[],
  read: (record: Ranged) => void,
): Promise<void> => {
  const left = new Map(ranges.map((range) => [placeOf(range), range]));
  if (left.size === 0) return;
  const groupId = `escapement-ranges-${crypto.randomUUID()}`;
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, allowAutoTopicCreation: false });
  const done = Promise.withResolvers<void>();
  await consumer.connect();
  const late = setTimeout(
    () => done.reject(new Error(`not read to the end: ${[...left.keys()].join(", ")}`)),
    SILENT_MS_MAX,
  );
  try {
    await consumer.subscribe({ topics: [...new Set(ranges.map(({ topic }) => topic))], fromBeginning: true });
    consumer.on("consumer.crash", ({ payload: { error, restart } }) => restart || done.reject(error));
    // `run` may settle before it has joined, and it may join again.
    consumer.on("consumer.group_join", () => {
      for (const { topic, partition, from } of left.values())
        consumer.seek({ topic, partition, offset: String(from) });
    });
    // Told of batches too of which nothing is left, say because they were aborted.
    consumer.on("consumer.end_batch_process", ({ payload }) => {
      late.refresh();
      const place = placeOf(payload);
      const range = left.get(place);
      const from = Number(payload.lastOffset) + 1;
      if (range && from >= range.to) left.delete(place);
      else if (range) left.set(place, { ...range, from });
      if (left.size === 0) done.resolve();
    });
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch: { topic, partition, messages }, pause }) => {
        const range = left.get(placeOf({ topic, partition }));
        if (range === undefined) return void pause();
        for (const { offset: at, key, value, headers, timestamp } of messages) {
          const offset = Number(at);
          if (offset < range.from || offset >= range.to) continue;
          read({
            topic,
            partition,
            offset,
            key,
            value,
            headers: headers ?? {},
            timestamp: Number(timestamp),
          });
        }
      },
    });
    await done.promise;
  } finally {
    clearTimeout(late);
    await consumer.disconnect();
  }
};
