// Without this, what producers write could stay in Kafka for ever, though a bridge is there that should bring it.
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Follower, shareOut } from "../../bridge/kafka/assigner.ts";
import { kafkaTopic } from "../../src/mirror/names.ts";
import { TaskExecutionSchema } from "../../src/wire/gen/escapement/v1/execution_pb.ts";
import { askOf } from "../local/ask.ts";
import { brokers, brokerTest, testKafka, unique } from "./broker-test.ts";
import { type Runtime, startBridge, startRuntime } from "./lab.ts";

test("each partition goes to one of those that follow its topic, evenly, whatever others follow", () => {
  const followed = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d"), { maxLength: 4 });
  fc.assert(
    fc.property(fc.array(followed, { minLength: 1, maxLength: 5 }), (all) => {
      const members: Follower[] = all.map((topics, n) => ({
        memberId: `member-${n}`,
        topics: new Map(topics.map((topic) => [topic, 6])),
      }));
      const shares = shareOut(members);
      expect(shareOut([...members].reverse())).toEqual(shares);
      for (const topic of new Set(all.flat())) {
        const given = members.flatMap(({ memberId, topics }) => {
          const partitions = shares.get(memberId)?.[topic] ?? [];
          if (!topics.has(topic)) expect(partitions).toEqual([]);
          return partitions;
        });
        expect(given.sort()).toEqual([0, 1, 2, 3, 4, 5]);
      }
    }),
  );
  const even = shareOut([1, 2, 3].map((n) => ({ memberId: `${n}`, topics: new Map([["a", 6]]) })));
  expect([...even.values()].map(({ a }) => a?.length)).toEqual([2, 2, 2]);
});

let runtime: Runtime;
beforeAll(async () => {
  runtime = await startRuntime();
}, 120_000);
afterAll(() => runtime?.[Symbol.asyncDispose]());

const execution = (n: number) =>
  toBinary(
    TaskExecutionSchema,
    create(TaskExecutionSchema, { header: { name: "node", execId: `${crypto.randomUUID()}`, attempt: n } }),
  );

const place = async () => {
  const tenant = unique("inbound");
  const ask = askOf(runtime.local, tenant);
  await ask("PUT", "", {});
  const kafka = testKafka();
  const topic = kafkaTopic("task-executions", tenant);
  const produce = async (count: number) => {
    const producer = kafka.producer();
    await producer.connect();
    const messages = Array.from({ length: count }, (_, n) => ({
      key: `key-${n}`,
      value: Buffer.from(execution(n)),
    }));
    await producer.send({ topic, messages });
    await producer.disconnect();
  };
  interface Standing {
    readonly partitions: readonly { topic: string; next: number; regressed: boolean }[];
  }
  /** How much of the topic was taken in. */
  const taken = async () =>
    (await ask<Standing>("GET", "/mirror")).partitions
      .filter((each) => each.topic === "task-executions")
      .reduce((sum, { next }) => sum + next, 0);
  const bridge = () => startBridge(runtime, tenant, { KAFKA_BROKERS: brokers().join() });
  return { tenant, kafka, topic, produce, taken, bridge };
};

brokerTest("bridges of one group that have other tenants each bring what is theirs", async () => {
  const [one, two] = [await place(), await place()];
  await using first = await one.bridge();
  await using second = await two.bridge();
  for (const each of [first, second])
    await expect.poll(() => each.said("partitions_assigned").length).toBeGreaterThan(0);
  await one.produce(40);
  await two.produce(30);
  await expect.poll(one.taken).toBe(40);
  await expect.poll(two.taken).toBe(30);
});

brokerTest("a topic that is made anew under a bridge stops with offset_regressed", async () => {
  const { kafka, topic, produce, taken, bridge } = await place();
  await using running = await bridge();
  await expect.poll(() => running.said("partitions_assigned").length).toBeGreaterThan(0);
  await produce(40);
  await expect.poll(taken).toBe(40);
  const admin = kafka.admin();
  await admin.connect();
  await admin.deleteTopics({ topics: [topic] });
  await expect.poll(() => admin.createTopics({ topics: [{ topic, numPartitions: 4 }] })).toBe(true);
  await admin.disconnect();
  await produce(4);
  await expect
    .poll(() => running.said("partition_refused").map(({ code, topic }) => ({ code, topic })))
    .toContainEqual({ code: "offset_regressed", topic: "task-executions" });
});
