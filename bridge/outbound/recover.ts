/**
 * Progress that Kafka has lost, found again: the last record of this stream in each partition says by its origin how
 * far the mirror has come. Records are written in log order and whole transactions, so all before the last are there,
 * and none of those after it is older than it.
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
import { placeOf, type Range, readRanges } from "../kafka/ranges.ts";
import type { Topics } from "../kafka/topics.ts";

/** Of each partition, looked through at first from its end backwards; twice as many with each look further back. */
const WINDOW_RECORDS = 1_000;
/** Brokers that stamp what they append, and objects that move, need not have the same time. */
const CLOCKS_MS_MAX = 60_000;

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

/** What of them is not older than that. */
const since = async (topics: Topics, ranges: readonly Range[], at: number): Promise<readonly Range[]> => {
  const names = [...new Set(ranges.map(({ topic }) => topic))];
  const begins = new Map(
    await Promise.all(names.map(async (name) => [name, await topics.offsetsAt(name, at)] as const)),
  );
  return ranges.map((range) => ({
    ...range,
    from: Math.max(range.from, begins.get(range.topic)?.get(range.partition) ?? 0),
  }));
};

/** At least what was acknowledged: that is known to be in Kafka. */
export const recoverProgress = async (
  { kafka, topics }: { readonly kafka: Kafka; readonly topics: Topics },
  stream: Stream,
  acknowledged: number,
): Promise<number> => {
  let last = acknowledged;
  let youngest = 0;
  let left = await wholePartitions(topics, stream.tenant);
  for (let window = WINDOW_RECORDS; left.length > 0; window *= 2) {
    const windows = left.map((range) => ({
      ...range,
      from: Math.max(range.from, range.to - window),
    }));
    const found = new Set<string>();
    await readRanges(kafka, windows, (record) => {
      const origin = parseOrigin(String(record.headers[ORIGIN_HEADER] ?? ""));
      const place = parseKafkaTopic(record.topic);
      if (!isOf(stream, origin) || place === undefined || !isOwnOrigin(origin, place)) return;
      found.add(placeOf(record));
      last = Math.max(last, origin.offset);
      youngest = Math.max(youngest, record.timestamp);
    });
    const older = left
      .filter((range) => !found.has(placeOf(range)))
      .map((range) => ({ ...range, to: range.to - window }));
    left = (youngest > 0 ? await since(topics, older, youngest - CLOCKS_MS_MAX) : older).filter(
      ({ from, to }) => from < to,
    );
  }
  return last;
};
