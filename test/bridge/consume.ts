// What Kafka has for a reader of committed records, and what it should have by the log of the tenant.
import type { Kafka } from "../../bridge/kafka/client.ts";
import { type Range, type Ranged, readRanges } from "../../bridge/kafka/ranges.ts";
import { Topics } from "../../bridge/kafka/topics.ts";
import { kafkaTopic } from "../../src/mirror/names.ts";
import { ORIGIN_HEADER, parseOrigin } from "../../src/mirror/origin.ts";
import type { Topic } from "../../src/topics/topics.ts";
import type { askOf } from "../local/ask.ts";

/** With headers as text. */
type Consumed = Omit<Ranged, "headers"> & { readonly headers: Readonly<Record<string, string>> };

/** All that is committed by now, each partition in its order. */
export const consume = async (kafka: Kafka, topics: readonly string[]): Promise<readonly Consumed[]> => {
  const admin = new Topics(kafka);
  await admin.connect();
  const ranges: Range[] = [];
  for (const topic of topics)
    for (const [partition, { begin, end }] of (await admin.bounds(topic)) ?? [])
      if (begin < end) ranges.push({ topic, partition, from: begin, to: end });
  await admin.close();
  const found: Consumed[] = [];
  await readRanges(kafka, ranges, (record) => {
    const texts = Object.entries(record.headers).map(([name, label]) => [name, String(label)]);
    found.push({ ...record, headers: Object.fromEntries(texts) });
  });
  return found;
};

/** Log offsets of what the bridge has written, by partition and in its order. */
export const origins = async (kafka: Kafka, topic: Topic, tenant: string): Promise<readonly number[][]> => {
  const partitions: number[][] = [];
  for (const { partition, headers } of await consume(kafka, [kafkaTopic(topic, tenant)])) {
    const origin = parseOrigin(headers[ORIGIN_HEADER] ?? "");
    if (origin === undefined) continue;
    partitions[partition] ??= [];
    partitions[partition].push(origin.offset);
  }
  return partitions.filter(Boolean);
};

interface Page {
  readonly records: readonly { readonly offset: number }[];
  readonly next_offset: number;
}

/** Offsets of a topic in the tenant's log. */
export const logged = async (ask: ReturnType<typeof askOf>, topic: Topic): Promise<readonly number[]> => {
  const offsets: number[] = [];
  for (let from = 0; ; ) {
    const page = await ask<Page>("GET", `/topics/${topic}/records?limit=1000&offset=${from}`);
    if (page.records.length === 0) return offsets;
    offsets.push(...page.records.map(({ offset }) => offset));
    from = page.next_offset;
  }
};
