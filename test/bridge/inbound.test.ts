// Without this, what producers write could stay in Kafka for ever, though a bridge is there that should bring it.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Follower, shareOut } from "../../bridge/kafka/assigner.ts";
import { Topics } from "../../bridge/kafka/topics.ts";
import { startBroker } from "../../bridge/local/broker.ts";
import { kafkaTopic, topicsOf } from "../../src/mirror/names.ts";
import type { Topic } from "../../src/topics/topics.ts";
import { TaskExecutionSchema } from "../../src/wire/gen/escapement/v1/execution_pb.ts";
import { askOf } from "../local/ask.ts";
import { brokers, brokerTest, ONCE, testKafka, unique } from "./broker-test.ts";
import { type Runtime, startBridge, startRuntime } from "./lab.ts";
import { startLoad } from "./load.ts";

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

const place = async (address = brokers().join()) => {
  const tenant = unique("inbound");
  const ask = askOf(runtime.local, tenant);
  await ask("PUT", "", {});
  const kafka = testKafka(address);
  const topic = kafkaTopic("task-executions", tenant);
  const produce = async (count: number, into: Topic = "task-executions") => {
    const producer = kafka.producer(ONCE);
    await producer.connect();
    const messages = Array.from({ length: count }, (_, n) => ({
      key: `key-${n}`,
      value: Buffer.from(execution(n)),
    }));
    await producer.send({ topic: kafkaTopic(into, tenant), messages });
    await producer.disconnect();
  };
  interface Standing {
    readonly partitions: readonly { topic: string; partition: number; next: number; regressed: boolean }[];
  }
  const partitionsOf = async (from: Topic) =>
    (await ask<Standing>("GET", "/mirror")).partitions.filter((each) => each.topic === from);
  /** How much of the topic was taken in. */
  const takenOf = async (from: Topic) => (await partitionsOf(from)).reduce((sum, { next }) => sum + next, 0);
  const taken = () => takenOf("task-executions");
  const bridge = () => startBridge(runtime, tenant, { KAFKA_BROKERS: address });
  return { tenant, ask, kafka, topic, produce, partitionsOf, taken, takenOf, bridge };
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

brokerTest(
  "a topic that is made anew under a bridge stops until an operator begins a new generation",
  async () => {
    const { ask, kafka, topic, produce, partitionsOf, taken, bridge } = await place();
    await using running = await bridge();
    await expect.poll(() => running.said("partitions_assigned").length).toBeGreaterThan(0);
    await produce(40);
    await expect.poll(taken).toBe(40);
    const admin = kafka.admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [topic] });
    await expect.poll(() => admin.createTopics({ topics: [{ topic, numPartitions: 4 }] })).toBe(true);
    await admin.disconnect();
    // Some in each of the partitions, and in none as many as before.
    await produce(20);
    await expect
      .poll(() => running.said("partition_refused").map(({ code, topic }) => ({ code, topic })))
      .toContainEqual({ code: "offset_regressed", topic: "task-executions" });
    const regressed = async () => (await partitionsOf("task-executions")).filter((each) => each.regressed);
    await expect.poll(async () => (await regressed()).length).toBe(4);
    expect(await taken()).toBe(40);
    for (const { partition } of await regressed())
      await ask("POST", `/mirror/partitions/task-executions/${partition}/generations`);
    await expect.poll(taken).toBe(20);
    await produce(10);
    await expect.poll(taken).toBe(30);
    // What matches nothing is kept as such.
    const { items } = await ask<{ items: unknown[] }>("GET", "/dead-letters?limit=1000");
    expect(items).toHaveLength(40 + 20 + 10);
    expect(await regressed()).toEqual([]);
  },
);

brokerTest(
  "its metrics tell what came back, what became of the rest, and how far behind each side is",
  async () => {
    const { tenant, topic, kafka, bridge } = await place();
    await using load = await startLoad(askOf(runtime.local, tenant), 1);
    await using running = await bridge();
    await expect.poll(() => running.said("partitions_assigned").length).toBeGreaterThan(0);
    await load.more(5);
    await load.stop();
    const producer = kafka.producer(ONCE);
    await producer.connect();
    await producer.send({ topic, messages: [1, 2, 3].map(() => ({ key: "k", value: Buffer.from([0xff]) })) });
    await producer.disconnect();
    const metric = async (name: string) => {
      const text = await (await fetch(`${running.url}/metrics`)).text();
      const found = text.split("\n").filter((line) => line.startsWith(`escapement_bridge_${name}`));
      return found.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
    };
    await expect.poll(() => metric(`dead_letters_total{direction="to_edge",tenant="${tenant}"}`)).toBe(3);
    // Whatever it has written comes back.
    const written = () => metric('records_total{direction="to_kafka"');
    const echoes = () => metric(`echoes_total{tenant="${tenant}"}`);
    await expect.poll(async () => (await echoes()) > 0 && (await echoes()) === (await written())).toBe(true);
    await expect.poll(() => metric('lag_records{direction="to_edge"')).toBe(0);
    await expect.poll(() => metric(`lag_records{direction="to_kafka",tenant="${tenant}"}`)).toBe(0);
  },
);

brokerTest("a tenant that is new, and a topic that is, are found with their first records", async () => {
  const kafka = testKafka();
  const topics = new Topics(kafka);
  await topics.connect();
  const environment = { KAFKA_BROKERS: brokers().join(), BRIDGE_TENANTS: "", BRIDGE_PROVISION: "false" };
  await using running = await startBridge(runtime, "", environment);
  const connected = () => running.said("connected").map(({ tenant }) => tenant);
  for (const round of [1, 2]) {
    const at = await place();
    await expect.poll(connected).toContain(at.tenant);
    const made = async (name: string) =>
      topics.provision([name], { partitions: round, replication: 1, config: {} });
    await made(at.topic);
    await at.produce(20);
    await expect.poll(at.taken).toBe(20);
    await made(kafkaTopic("plan-executions", at.tenant));
    await at.produce(20, "plan-executions");
    await expect.poll(() => at.takenOf("plan-executions")).toBe(20);
  }
  await topics.close();
});

brokerTest(
  "a topic that has lost its leader is left out, and the others go on",
  async () => {
    const folders = await Promise.all([0, 1].map(() => mkdtemp(join(tmpdir(), "escapement-kafka-"))));
    const [folder = "", another = ""] = folders;
    // After the brokers, which write there until they have ended.
    await using _ = {
      [Symbol.asyncDispose]: async () => {
        for (const each of folders) await rm(each, { recursive: true, force: true });
      },
    };
    // Only brokers of one's own may be killed.
    await using first = await startBroker({ folder });
    const [lost, other] = [await place(first.address), await place(first.address)];
    // Kafka's own topics are made while there is no second.
    const before = await other.bridge();
    await expect.poll(() => before.said("partitions_assigned").length).toBeGreaterThan(0);
    await expect.poll(() => before.said("mirror_resumed").length).toBeGreaterThan(0);
    const second = await startBroker({ folder: another, joins: first });
    const admin = lost.kafka.admin();
    await admin.connect();
    const topics = topicsOf(lost.tenant).map((topic) => ({
      topic,
      replicaAssignment: [{ partition: 0, replicas: [topic === lost.topic ? 2 : 1] }],
    }));
    await expect.poll(() => admin.createTopics({ topics }).catch(() => false)).toBe(true);
    await using running = await lost.bridge();
    await lost.produce(10);
    await expect.poll(lost.taken).toBe(10);
    await second.kill("SIGKILL");
    await expect.poll(() => running.said("topic_leaderless")).toMatchObject([{ topic: lost.topic }]);
    expect(await (await fetch(`${running.url}/metrics`)).text()).toContain("leaderless_topics 1");
    await other.produce(20);
    await expect.poll(other.taken).toBe(20);
    // Nor does it keep a bridge from beginning.
    await before[Symbol.asyncDispose]();
    await using later = await other.bridge();
    await expect.poll(() => later.said("mirror_resumed").length).toBeGreaterThan(0);
    await other.produce(20);
    await expect.poll(other.taken).toBe(40);
    await second.start();
    await expect.poll(() => running.said("topic_not_leaderless").length).toBe(1);
    await lost.produce(10);
    await expect.poll(lost.taken).toBe(20);
    await admin.disconnect();
    await second[Symbol.asyncDispose]();
  },
  240_000,
);
