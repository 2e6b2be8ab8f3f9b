// Without this, what a tenant does could be missing in Kafka, be there twice, or in another order.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect } from "vitest";
import { Topics } from "../../bridge/kafka/topics.ts";
import { startBroker } from "../../bridge/local/broker.ts";
import { deadLettersTopic, kafkaTopic, progressGroup } from "../../src/mirror/names.ts";
import type { Topic } from "../../src/topics/topics.ts";
import { TaskExecutionSchema } from "../../src/wire/gen/escapement/v1/execution_pb.ts";
import { askOf } from "../local/ask.ts";
import { brokers, brokerTest, testKafka, unique } from "./broker-test.ts";
import { consume, logged, origins } from "./consume.ts";
import { type BridgeEnvironment, type Runtime, startBridge, startRuntime } from "./lab.ts";
import { startLoad } from "./load.ts";

const OUT = ["plan-executions", "task-executions", "persisted-task-executions"] as const;

let runtime: Runtime;
beforeAll(async () => {
  runtime = await startRuntime();
}, 120_000);
afterAll(() => runtime?.[Symbol.asyncDispose]());

const place = (address = brokers().join()) => {
  const tenant = unique("mirror");
  const ask = askOf(runtime.local, tenant);
  const kafka = testKafka(address);
  const bridge = (environment: BridgeEnvironment = {}) =>
    startBridge(runtime, tenant, { KAFKA_BROKERS: address, ...environment });
  /** Everything of the log is in Kafka, once, and in the order of the log in each partition. */
  const isMirrored = async (topic: Topic) => {
    const expected = await logged(ask, topic);
    expect(expected.length).toBeGreaterThan(0);
    const written = async () => (await origins(kafka, topic, tenant)).flat().length;
    await expect.poll(written, { interval: 500 }).toBeGreaterThanOrEqual(expected.length);
    const partitions = await origins(kafka, topic, tenant);
    for (const offsets of partitions) expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
    expect(partitions.flat().sort((a, b) => a - b)).toEqual(expected);
  };
  return { tenant, ask, kafka, bridge, isMirrored };
};

brokerTest("executions reach Kafka as they are in the log, under the name of their node", async () => {
  const { tenant, ask, kafka, bridge, isMirrored } = place();
  await using load = await startLoad(ask);
  await using _ = await bridge();
  await load.more(50);
  await load.stop();
  for (const topic of OUT) await isMirrored(topic);
  for (const { key, value } of await consume(kafka, [kafkaTopic("task-executions", tenant)])) {
    const { header } = fromBinary(TaskExecutionSchema, value ?? new Uint8Array());
    expect(header?.name).toBe(String(key));
    expect(header?.tenantId).toBe(tenant);
  }
});

const CRASHES = [
  "departures-received:1",
  "departures-received:5",
  "writer-opened:1",
  "records-written:3",
  "transaction-committed:1",
  "transaction-committed:4",
  "progress-said:3",
];

for (const crash of CRASHES)
  brokerTest(`a bridge that is killed at ${crash} leaves nothing missing and nothing twice`, async () => {
    const { ask, bridge, isMirrored } = place();
    await using load = await startLoad(ask);
    await load.more(5);
    await using first = await bridge({ BRIDGE_CRASH_AT: crash });
    expect(await first.ended, first.output()).toBe("SIGKILL");
    await using _ = await bridge();
    await load.more(20);
    await load.stop();
    for (const topic of OUT) await isMirrored(topic);
  });

brokerTest("another bridge goes on where one was killed", async () => {
  const { ask, bridge, isMirrored } = place();
  await using load = await startLoad(ask);
  await using first = await bridge({ BRIDGE_ID: "first" });
  await expect.poll(() => first.said("mirror_resumed").length).toBeGreaterThan(0);
  await using second = await bridge({ BRIDGE_ID: "second" });
  await expect.poll(() => second.said("connected").length).toBeGreaterThan(0);
  await load.more(20);
  first.process.kill("SIGKILL");
  await first.ended;
  await expect.poll(() => second.said("mirror_resumed").length).toBeGreaterThan(0);
  await load.more(20);
  await load.stop();
  for (const topic of OUT) await isMirrored(topic);
});

brokerTest("a bridge that is told to end does so at once, and gives its lease back", async () => {
  const { ask, bridge, isMirrored } = place();
  await using load = await startLoad(ask);
  await using first = await bridge();
  await expect.poll(() => first.said("mirror_resumed").length).toBeGreaterThan(0);
  await load.more(20);
  first.process.kill("SIGTERM");
  expect(await first.ended).toBe(0);
  expect(first.said("stopped_late")).toEqual([]);
  await using _ = await bridge();
  await load.more(20);
  await load.stop();
  for (const topic of OUT) await isMirrored(topic);
});

brokerTest("progress that Kafka has lost is found again in what was written", async () => {
  const { tenant, ask, kafka, bridge, isMirrored } = place();
  await using load = await startLoad(ask);
  await using first = await bridge();
  await load.more(30);
  await expect
    .poll(async () => (await origins(kafka, "task-executions", tenant)).flat().length)
    .toBeGreaterThan(10);
  first.process.kill("SIGTERM");
  await first.ended;
  const group = progressGroup({ deployment: "escapement", tenant, partition: 0, generation: 1 });
  const admin = kafka.admin();
  await admin.connect();
  await admin.deleteGroups([group]);
  await admin.disconnect();
  await using second = await bridge();
  await expect.poll(() => second.said("progress_recovered").length).toBe(1);
  expect(second.said("progress_lost")).toMatchObject([{ level: "error", tenant, group }]);
  await load.more(20);
  await load.stop();
  for (const topic of OUT) await isMirrored(topic);
  const topics = new Topics(kafka);
  await topics.connect();
  expect(await topics.progress({ group, topic: deadLettersTopic(tenant) })).toBeGreaterThan(0);
  await topics.close();
});

/** A tenant of which the broker refuses two steps of six for their size. */
const oversized = async () => {
  const at = place();
  const { tenant, ask, kafka } = at;
  await ask("PUT", "", {});
  const dot =
    'digraph echo { begin [type=plan, kind=parallel] say [type=task, kind=transform, expression="input"] begin -> say }';
  await ask("POST", "/graphs", { dot });
  const sizes = [10, 20_000, 10, 10, 30_000, 10];
  for (const size of sizes) await ask("POST", "/graphs/echo/lifetimes?wait=30s", { input: "x".repeat(size) });
  const bridge = (environment: BridgeEnvironment = {}) =>
    at.bridge({ BRIDGE_TOPIC_CONFIG: '{"max.message.bytes": "6000"}', ...environment });
  const letters = async () =>
    (await ask<{ items: Record<string, unknown>[] }>("GET", "/dead-letters?limit=100")).items;
  const isSorted = async () => {
    // Of each of the two a plan and a task, each in two topics.
    await expect.poll(async () => (await letters()).length).toBe(8);
    for (const letter of await letters()) expect(letter.reason).toBe("undeliverable");
    for (const topic of OUT) {
      const written = async () => (await origins(kafka, topic, tenant)).flat().length;
      await expect.poll(written).toBe(4);
    }
  };
  return { tenant, bridge, isSorted };
};

brokerTest("what the broker refuses for its size becomes a dead letter, and the others go on", async () => {
  const { tenant, bridge, isSorted } = await oversized();
  await using running = await bridge();
  await isSorted();
  const said = running.said("record_undelivered");
  expect(said).toHaveLength(8);
  for (const each of said)
    expect(each).toMatchObject({
      tenant,
      topic: expect.stringMatching(/^(persisted-)?(plan|task)-executions$/),
      offset: expect.any(Number),
      exec_id: expect.stringMatching(/^[\da-f-]{36}$/),
    });
});

for (const crash of [
  "refused-for-size:1",
  "refused-for-size:3",
  "undelivered-buried:1",
  "undelivered-buried:4",
])
  brokerTest(`a bridge that is killed at ${crash} leaves each refused record one dead letter`, async () => {
    const { bridge, isSorted } = await oversized();
    await using first = await bridge({ BRIDGE_CRASH_AT: crash });
    expect(await first.ended, first.output()).toBe("SIGKILL");
    await using _ = await bridge();
    await isSorted();
  });

brokerTest("a runtime that is killed goes on being mirrored", async () => {
  const { ask, bridge, isMirrored } = place();
  await using load = await startLoad(ask);
  await using first = await bridge();
  await expect.poll(() => first.said("mirror_resumed").length).toBeGreaterThan(0);
  await load.more(20);
  for (const pid of runtime.local.pids()) process.kill(pid, "SIGKILL");
  await load.more(20);
  await load.stop();
  await expect.poll(() => first.said("mirror_resumed").length).toBeGreaterThan(1);
  for (const topic of OUT) await isMirrored(topic);
});

brokerTest(
  "a broker that is killed and comes back has everything once, and steps went on meanwhile",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "escapement-kafka-"));
    // After the broker, which writes there until it has ended.
    await using _ = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
    // Only a broker of one's own may be killed.
    await using broker = await startBroker({ folder });
    const { ask, bridge, isMirrored } = place(broker.address);
    await using load = await startLoad(ask);
    await using first = await bridge();
    await load.more(20);
    await broker.kill("SIGKILL");
    await load.more(20);
    await broker.start();
    await load.more(20);
    await load.stop();
    for (const topic of OUT) await isMirrored(topic);
    expect(first.process.exitCode).toBe(null);
  },
);
