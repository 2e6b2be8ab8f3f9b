/** Committed records of partitions between two offsets each, read once and for nobody's group. */
import type { Kafka, KafkaMessage } from "kafkajs";
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

export const placeOf = ({ topic, partition }: { topic: string; partition: number }) =>
  `${topic}/${partition}`;

/** Without anything that was read: a transaction that somebody leaves open keeps what comes after it from being read. */
const SILENT_MS_MAX = 60_000;

export interface Batch {
  readonly records: readonly Ranged[];
  /** The offset after what was read by now. */
  readonly next: number;
}

/** Each partition in its order, and one batch at a time; ends early where `read` answers false, or throws. */
export const readBatches = async <Of extends Range>(
  kafka: Kafka,
  ranges: readonly Of[],
  read: (of: Of, batch: Batch) => Promise<boolean>,
): Promise<void> => {
  const left = new Map(
    ranges.filter(({ from, to }) => from < to).map((of) => [placeOf(of), { of, from: of.from }]),
  );
  if (left.size === 0) return;
  const groupId = `escapement-ranges-${crypto.randomUUID()}`;
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, allowAutoTopicCreation: false });
  const done = Promise.withResolvers<void>();
  done.promise.catch(() => {});
  await consumer.connect();
  const late = setTimeout(
    () => done.reject(new Error(`not read to the end: ${[...left.keys()].join(", ")}`)),
    SILENT_MS_MAX,
  );
  const reached = (place: string, next: number) => {
    late.refresh();
    const range = left.get(place);
    if (range && next >= range.of.to) left.delete(place);
    else if (range) range.from = next;
    if (left.size === 0) done.resolve();
  };
  try {
    await consumer.subscribe({ topics: [...new Set(ranges.map(({ topic }) => topic))], fromBeginning: true });
    consumer.on("consumer.crash", ({ payload: { error, restart } }) => restart || done.reject(error));
    // `run` may settle before it has joined, and it may join again.
    consumer.on("consumer.group_join", () => {
      for (const { of, from } of left.values())
        consumer.seek({ topic: of.topic, partition: of.partition, offset: String(from) });
    });
    // Told of batches too of which nothing is left, say because they were aborted.
    consumer.on("consumer.end_batch_process", ({ payload }) =>
      reached(placeOf(payload), Number(payload.lastOffset) + 1),
    );
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch, pause, heartbeat }) => {
        const place = placeOf(batch);
        const range = left.get(place);
        if (range === undefined) return void pause();
        const { of, from } = range;
        const records = batch.messages
          .map((message) => rangedOf(of, message))
          .filter(({ offset }) => offset >= from && offset < of.to);
        const next = Math.min(Number(batch.lastOffset()) + 1, of.to);
        const goesOn = await read(of, { records, next }).catch((error) => {
          done.reject(error);
          return false;
        });
        if (!goesOn) {
          left.clear();
          done.resolve();
          return;
        }
        // Before anything can fail that has the batch fetched again.
        reached(place, next);
        await heartbeat();
      },
    });
    await done.promise;
  } finally {
    clearTimeout(late);
    await consumer.disconnect();
  }
};

export const readRanges = (
  kafka: Kafka,
  ranges: readonly Range[],
  read: (record: Ranged) => void,
): Promise<void> =>
  readBatches(kafka, ranges, async (_, { records }) => {
    for (const record of records) read(record);
    return true;
  });

const rangedOf = ({ topic, partition }: Range, message: KafkaMessage): Ranged => {
  const { offset, key, value, headers = {}, timestamp } = message;
  return {
    topic,
    partition,
    offset: Number(offset),
    key,
    value,
    headers,
    timestamp: Number(timestamp),
  };
};
