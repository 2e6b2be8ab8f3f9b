// Without this, one record that the broker never takes could take others with it, or stop all that comes after it, and
// progress that Kafka has lost be looked for in all that was ever written.
import { create } from "@bufbuild/protobuf";
import { expect } from "vitest";
import { Topics } from "../../bridge/kafka/topics.ts";
import { Writer } from "../../bridge/kafka/writer.ts";
import { Delivery, type Undelivered } from "../../bridge/outbound/delivery.ts";
import { recoverProgress } from "../../bridge/outbound/recover.ts";
import { wireTopic } from "../../src/mirror/frame.ts";
import { deadLettersTopic, kafkaTopic } from "../../src/mirror/names.ts";
import { ORIGIN_HEADER, originHeader } from "../../src/mirror/origin.ts";
import { DepartureSchema } from "../../src/wire/gen/escapement/bridge/v1/frame_pb.ts";
import { brokerTest, testKafka, unique } from "./broker-test.ts";
import { origins } from "./consume.ts";

const SETTINGS = { partitions: 2, replication: 1, config: {} };
const WIDE = "task-executions";
const NARROW = "persisted-task-executions";

const HOUR_MS = 3_600_000;

const departure = (offset: number, bytes: number, at = Date.now()) =>
  create(DepartureSchema, {
    offset: BigInt(offset),
    topics: [wireTopic(WIDE), wireTopic(NARROW)],
    key: Buffer.from(`node-${offset % 3}`),
    value: Buffer.alloc(bytes, "x"),
    at: BigInt(at),
  });

const place = async (narrow: Readonly<Record<string, string>>) => {
  const kafka = testKafka();
  const topics = new Topics(kafka);
  await topics.connect();
  const tenant = unique("delivery");
  await topics.provision([kafkaTopic(WIDE, tenant), deadLettersTopic(tenant)], SETTINGS);
  await topics.provision([kafkaTopic(NARROW, tenant)], {
    ...SETTINGS,
    config: narrow,
  });
  const buried: Undelivered[] = [];
  const ports = {
    kafka,
    topics,
    bury: async (undelivered: readonly Undelivered[]) => void buried.push(...undelivered),
    holdsLease: async () => true,
    committed: () => {},
    aborted: () => {},
  };
  const stream = { deployment: "here", tenant, partition: 0, generation: 1 };
  const open = () => Delivery.open(ports, stream);
  /** What is committed is seen a moment later. */
  const reach = (topic: typeof WIDE | typeof NARROW, offsets: readonly number[]) =>
    expect
      .poll(async () => (await origins(kafka, topic, tenant)).flat().sort((a, b) => a - b))
      .toEqual(offsets);
  return { tenant, kafka, topics, stream, buried, open, reach, [Symbol.asyncDispose]: () => topics.close() };
};

brokerTest("what one topic does not take is passed over, and nothing else is missing or twice", async () => {
  await using at = await place({ "max.message.bytes": "20000" });
  const delivery = await at.open();
  const sizes = [10, 30_000, 20, 9_000, 9_000, 30, 40_000, 40];
  const offsets = sizes.map((_, n) => n + 1);
  await delivery.deliver(
    sizes.map((bytes, n) => departure(n + 1, bytes)),
    8,
  );
  await delivery.deliver([departure(9, 10)], 9);
  expect(delivery.written).toBe(9);
  await delivery.close();
  expect(at.buried.map(({ offset, topic }) => [offset, topic])).toEqual([
    [2, NARROW],
    [7, NARROW],
  ]);
  await at.reach(WIDE, [...offsets, 9]);
  await at.reach(NARROW, [1, 3, 4, 5, 6, 8, 9]);
});

brokerTest("what is too old for one topic is passed over likewise, and says so", async () => {
  await using at = await place({ "message.timestamp.before.max.ms": String(HOUR_MS) });
  const delivery = await at.open();
  const old = Date.now() - 2 * HOUR_MS;
  await delivery.deliver([departure(1, 10), departure(2, 10, old), departure(3, 10)], 3);
  await delivery.deliver([departure(4, 10)], 4);
  await delivery.close();
  expect(at.buried).toMatchObject([{ offset: 2, topic: NARROW, detail: expect.stringMatching(/timestamp/) }]);
  await at.reach(WIDE, [1, 2, 3, 4]);
  await at.reach(NARROW, [1, 3, 4]);
});

brokerTest("progress that is lost is found behind what others wrote, and not in what is older", async () => {
  await using at = await place({});
  const now = Date.now();
  const record = (topic: typeof WIDE | typeof NARROW, timestamp: number, offset?: number) => ({
    topic: kafkaTopic(topic, at.tenant),
    key: Buffer.from("one"),
    value: Buffer.from("any"),
    timestamp,
    headers: offset === undefined ? {} : { [ORIGIN_HEADER]: originHeader({ ...at.stream, offset, topic }) },
  });
  const writer = await Writer.open(at.kafka, unique("writer"));
  await writer.write([
    record(WIDE, now, 5),
    // No record of ours is older than one that is before it in the log: who reads this one has read too much.
    record(NARROW, now - HOUR_MS, 99),
    record(NARROW, now, 8),
    ...Array.from({ length: 1_500 }, () => record(NARROW, now)),
  ]);
  await writer.close();
  await at.reach(NARROW, [8, 99]);
  expect(await recoverProgress(at, at.stream, 1)).toBe(8);
});
