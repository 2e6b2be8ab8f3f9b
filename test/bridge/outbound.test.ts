// Without this, what Kafka has forgotten or refuses could come twice, be missing, or hold up what comes from there.
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect } from "vitest";
import { Gateway } from "../../bridge/gateway.ts";
import { Topics } from "../../bridge/kafka/topics.ts";
import { Measures } from "../../bridge/measures.ts";
import { SharedCredit } from "../../bridge/outbound/shared-credit.ts";
import { readSettings } from "../../bridge/settings.ts";
import { TenantMirror } from "../../bridge/tenant-mirror.ts";
import { deadLettersTopic, kafkaTopic, progressGroup } from "../../src/mirror/names.ts";
import { TOPIC_NAMES } from "../../src/topics/topics.ts";
import { PlanInputSchema } from "../../src/wire/gen/escapement/v1/input_pb.ts";
import { askOf } from "../local/ask.ts";
import { brokers, brokerTest, ONCE, testKafka, unique } from "./broker-test.ts";
import { consume, logged, origins } from "./consume.ts";
import { type BridgeEnvironment, type Runtime, startBridge, startRuntime } from "./lab.ts";
import { startLoad } from "./load.ts";

let runtime: Runtime;
beforeAll(async () => {
  runtime = await startRuntime();
}, 120_000);
afterAll(() => runtime?.[Symbol.asyncDispose]());

const place = () => {
  const tenant = unique("outbound");
  const ask = askOf(runtime.local, tenant);
  const kafka = testKafka();
  const bridge = (environment: BridgeEnvironment = {}) =>
    startBridge(runtime, tenant, { KAFKA_BROKERS: brokers().join(), ...environment });
  /** All of the log, once. */
  const isMirrored = async () => {
    const expected = await logged(ask, "task-executions");
    const written = async () =>
      (await origins(kafka, "task-executions", tenant)).flat().sort((a, b) => a - b);
    await expect.poll(written).toEqual(expected);
  };
  return { tenant, ask, kafka, bridge, isMirrored };
};

brokerTest("progress that Kafka has of long ago is made good by what was written since", async () => {
  const { tenant, ask, kafka, bridge, isMirrored } = place();
  await using load = await startLoad(ask);
  await using first = await bridge();
  await load.more(20);
  await expect
    .poll(() => ask<{ acknowledged: number }>("GET", "/mirror").then(({ acknowledged }) => acknowledged))
    .toBeGreaterThan(20);
  first.process.kill("SIGTERM");
  await first.ended;
  const groupId = progressGroup({ deployment: "escapement", tenant, partition: 0, generation: 1 });
  const admin = kafka.admin();
  await admin.connect();
  const partitions = [{ partition: 0, offset: "5" }];
  await admin.setOffsets({ groupId, topic: deadLettersTopic(tenant), partitions });
  await admin.disconnect();
  await using second = await bridge();
  await expect.poll(() => second.said("progress_recovered").length).toBe(1);
  expect(second.said("progress_lost")).toMatchObject([{ level: "error", found: 4 }]);
  await load.more(20);
  await load.stop();
  await isMirrored();
});

/** The key of a committed offset has the names of its group and topic. */
const commitsOf = async (kafka: ReturnType<typeof testKafka>, group: string): Promise<number> =>
  (await consume(kafka, ["__consumer_offsets"])).filter(({ key }) =>
    String(Buffer.from(key ?? [])).includes(group),
  ).length;

brokerTest("progress of a tenant that is idle is committed again by each bridge that comes", async () => {
  const { tenant, ask, kafka, bridge } = place();
  const group = progressGroup({ deployment: "escapement", tenant, partition: 0, generation: 1 });
  await using load = await startLoad(ask);
  await load.more(1);
  await load.stop();
  const lag = () => ask<{ lag: number }>("GET", "/mirror").then((state) => state.lag);
  await using first = await bridge();
  await expect.poll(lag).toBe(0);
  first.process.kill("SIGTERM");
  await first.ended;
  const before = await commitsOf(kafka, group);
  expect(before).toBeGreaterThan(0);
  await using second = await bridge();
  await expect.poll(() => second.said("mirror_resumed").length).toBeGreaterThan(0);
  await expect.poll(() => commitsOf(kafka, group)).toBeGreaterThan(before);
});

brokerTest(
  "while Kafka refuses what goes out, what comes in goes on, and nothing is missing afterwards",
  async () => {
    const { tenant, ask, kafka, bridge, isMirrored } = place();
    await using load = await startLoad(ask);
    await load.more(5);
    await load.stop();
    const topics = new Topics(kafka);
    await topics.connect();
    const lacking = kafkaTopic("task-executions", tenant);
    const settings = { partitions: 2, replication: 1, config: {} };
    const names = [...TOPIC_NAMES.map((topic) => kafkaTopic(topic, tenant)), deadLettersTopic(tenant)];
    await topics.provision(
      names.filter((name) => name !== lacking),
      settings,
    );
    await using running = await bridge({ BRIDGE_PROVISION: "false" });
    await expect.poll(() => running.said("mirror_failed").length).toBeGreaterThan(0);
    const producer = kafka.producer(ONCE);
    await producer.connect();
    const input = create(PlanInputSchema, { planName: "first", graphId: "chain", lifetimeId: "from-kafka" });
    const value = Buffer.from(toBinary(PlanInputSchema, input));
    await producer.send({ topic: kafkaTopic("plan-inputs", tenant), messages: [{ value }] });
    await producer.disconnect();
    const status = () =>
      ask<{ status: string }>("GET", "/lifetimes/from-kafka").then(
        ({ status }) => status,
        () => "none",
      );
    await expect.poll(status).toBe("SUCCEEDED");
    expect(running.said("disconnected")).toEqual([]);
    await topics.provision([lacking], settings);
    await topics.close();
    await isMirrored();
  },
);

brokerTest("progress is committed again each day where nothing else is", async () => {
  const { tenant, ask, kafka, isMirrored } = place();
  await using load = await startLoad(ask, 1);
  const topics = new Topics(kafka);
  await topics.connect();
  const settings = readSettings({
    KAFKA_BROKERS: brokers().join(),
    ESCAPEMENT_URL: runtime.local.url,
    ESCAPEMENT_KEY: "bridge-key",
  });
  const days: (() => void)[] = [];
  const later = (act: () => void, ms: number) => {
    expect(ms).toBe(24 * 3_600_000);
    days.push(act);
    return { [Symbol.dispose]: () => {} };
  };
  const gateway = new Gateway(settings.gateway);
  const [measures, credit] = [new Measures(), new SharedCredit()];
  const ports = { kafka, topics, measures, credit, gateway, settings, later, log: () => {} };
  const mirror = new TenantMirror(tenant, ports);
  await load.more(3);
  await load.stop();
  await isMirrored();
  const stream = { deployment: "escapement", tenant, partition: 0, generation: 1 };
  const at = { group: progressGroup(stream), topic: deadLettersTopic(tenant) };
  const written = await topics.progress(at);
  expect(written).toBeGreaterThan(1);
  // As the broker does once it has expired.
  const admin = kafka.admin();
  await admin.connect();
  const expired = async () => {
    await admin.deleteGroups([at.group]).catch(() => {});
    return topics.progress(at);
  };
  await expect.poll(expired).toBeUndefined();
  await admin.disconnect();
  days.at(-1)?.();
  await expect.poll(() => topics.progress(at)).toBeGreaterThanOrEqual(written ?? 0);
  // And the day after.
  const before = days.length;
  days.at(-1)?.();
  await expect.poll(() => days.length).toBeGreaterThan(before);
  await mirror.stop("the test is over");
  await topics.close();
});
