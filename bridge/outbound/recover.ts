/**
 * Progress that Kafka has lost, found again: the last record of this stream in each partition says by its origin how
 * far the mirror has come. Records are written in log order and whole transactions, so all before the last are there.
 */
import { kafkaTopic, parseKafkaTopic } from "../../src/mirror/names.ts";
import {
  isOwnOrigin,
  ORIGIN_HEADER,
  type Origin,
  parseOrigin,
  type Stream,
} from "../../src/mirror/origin.ts";
import { TOPIC_NAMES } from "../../src/topics/topics.ts";
import type { Kafka } from "../kafka/client.ts";
import { type Range, readRanges } from "../kafka/ranges.ts";
import type { Topics } from "../kafka/topics.ts";

/** Of each partition, looked through at first from its end backwards; twice as many with each look further back. */
const WINDOW_RECORDS = 1_000;

const isOf = (stream: Stream, found: Origin | undefined): found is Origin =>
  found?.deployment === stream.deployment &&
  found.tenant === stream.tenant &&
  found.partition === stream.partition &&
  found.generation === stream.generation;

const wholePartitions = async (topics: Topics, tenant: string): Promise<readonly Range[]> => {
  const ranges: Range[] = [];
  for (const name of TOPIC_NAMES) {
    const topic = kafkaTopic(name, tenant);
    for (const [partition, { begin, end }] of (await topics.bounds(topic)) ?? [])
      if (begin < end) ranges.push({ topic, partition, from: begin, to: end });
  }
  return ranges;
};

const isIn = ({ topic, partition }: Range, place: { topic: string; partition: number }) =>
  topic === place.topic && partition === place.partition;

/** At least what was acknowledged: that is known to be in Kafka. */
export const recoverProgress = async (
  { kafka, topics }: { readonly kafka: Kafka; readonly topics: Topics },
  stream: Stream,
  acknowledged: number,
): Promise<number> => {
  let last = acknowledged;
  let left = await wholePartitions(topics, stream.tenant);
  for (let window = WINDOW_RECORDS; left.length > 0; window *= 2) {
    const windows = left.map((range) => ({
      ...range,
      from: Math.max(range.from, range.to - window),
    }));
    const found: { topic: string; partition: number }[] = [];
    await readRanges(kafka, windows, ({ topic, partition, headers }) => {
      const origin = parseOrigin(String(headers[ORIGIN_HEADER] ?? ""));
      const place = parseKafkaTopic(topic);
      if (!isOf(stream, origin) || place === undefined || !isOwnOrigin(origin, place)) return;
      found.push({ topic, partition });
      last = Math.max(last, origin.offset);
    });
    left = left
      .filter((range) => !found.some((record) => isIn(range, record)))
      .map((range) => ({ ...range, to: Math.max(range.from, range.to - window) }))
      .filter(({ from, to }) => from < to);
  }
  return last;
};
