// Without this, what producers wrote for a tenant that came too late would be lost without a word, or come twice.
import { afterAll, beforeAll, expect } from "vitest";
import { consumerGroup } from "../../bridge/consumer-group.ts";
import { UnknownTenants } from "../../bridge/inbound/unknown-tenants.ts";
import { readRanges } from "../../bridge/kafka/ranges.ts";
import { Topics } from "../../bridge/kafka/topics.ts";
import { Measures } from "../../bridge/measures.ts";
import { readSettings } from "../../bridge/settings.ts";
import { deadLettersTopic, kafkaTopic } from "../../src/mirror/names.ts";
import { askOf } from "../local/ask.ts";
import { brokers, brokerTest, ONCE, testKafka, unique } from "./broker-test.ts";
import { consume } from "./consume.ts";
import { type BridgeEnvironment, type Runtime, startBridge, startRuntime } from "./lab.ts";

/** Which no text has. */
const RAW = Buffer.from([0xff, 0x00, 0xfe]);

let runtime: Runtime;
beforeAll(async () => {
  runtime = await startRuntime();
}, 120_000);
afterAll(() => runtime?.[Symbol.asyncDispose]());

/** A topic of a tenant that is not there. What is produced does not decode, so that the tenant keeps each record. */
const place = async () => {
  const tenant = unique("unknown");
  const ask = askOf(runtime.local, tenant);
  const kafka = testKafka();
  const topics = new Topics(kafka);
  await topics.connect();
  const topic = kafkaTopic("task-executions", tenant);
  await topics.provision([topic], { partitions: 2, replication: 1, config: {} });
  const producer = kafka.producer(ONCE);
  await producer.connect();
  const produce = (count: number, bytes = 2) =>
    producer.send({
      topic,
      messages: Array.from({ length: count }, (_, n) => ({
        key: `key-${n}`,
        value: Buffer.alloc(bytes, Buffer.from([0xff, n])),
        headers: { of: "a producer", raw: [RAW, "again"] },
      })),
    });
  const bridge = (environment: BridgeEnvironment = {}) =>
    startBridge(runtime, tenant, { KAFKA_BROKERS: brokers().join(), ...environment });
  /** What the tenant was handed. */
  const taken = async () => (await ask<{ items: unknown[] }>("GET", "/dead-letters?limit=1000")).items.length;
  const end = async () => {
    await producer.disconnect();
    await topics.close();
  };
  return { tenant, ask, kafka, topic, topics, produce, bridge, taken, [Symbol.asyncDispose]: end };
};

const metric = async (url: string, name: string, topic: string): Promise<number> => {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split("\n").find((each) => each.startsWith(`${name}{`) && each.includes(topic));
  return Number(line?.split(" ").at(-1) ?? 0);
};

brokerTest("records wait for their tenant, and are taken from the beginning once it is there", async () => {
  await using at = await place();
  await at.produce(30);
  await using running = await at.bridge();
  const waiting = () => metric(running.url, "escapement_bridge_unknown_tenant_records", at.topic);
  await expect.poll(waiting).toBe(30);
  await at.ask("PUT", "", {});
  await expect.poll(at.taken).toBe(30);
  await expect.poll(waiting).toBe(0);
});

brokerTest("records that waited too long are given up, stay in Kafka, and do not come later", async () => {
  await using at = await place();
  await at.produce(30);
  await using running = await at.bridge({ BRIDGE_UNKNOWN_TENANT_HOLD_MS: "0" });
  const gone = () => metric(running.url, "escapement_bridge_unknown_tenant_given_up_total", at.topic);
  await expect.poll(gone).toBe(30);
  expect(running.said("unknown_tenant_given_up")).toContainEqual(
    expect.objectContaining({ level: "error", topic: at.topic, from: 0 }),
  );
  expect(await consume(at.kafka, [at.topic])).toHaveLength(30);
  await at.ask("PUT", "", {});
  await expect.poll(() => running.said("partitions_assigned").length).toBeGreaterThan(0);
  await at.produce(5);
  await expect.poll(at.taken).toBe(5);
});

brokerTest(
  "records become dead letters once, also where two bridges are at it and one is killed",
  async () => {
    await using at = await place();
    const environment = { BRIDGE_UNKNOWN_TENANTS: "dead-letter" };
    await at.produce(500);
    await using first = await at.bridge({ ...environment, BRIDGE_CRASH_AT: "records-written:2" });
    expect(await first.ended, first.output()).toBe("SIGKILL");
    await using second = await at.bridge(environment);
    await using _ = await at.bridge(environment);
    const letters = deadLettersTopic(at.tenant);
    const written = async () => consume(at.kafka, [letters]).catch(() => []);
    await expect.poll(async () => (await written()).length, { interval: 500, timeout: 60_000 }).toBe(500);
    await at.produce(20);
    await expect.poll(async () => (await written()).length, { interval: 500, timeout: 60_000 }).toBe(520);
    const found = await written();
    const places = found.map(
      ({ headers }) => `${headers["escapement-partition"]}/${headers["escapement-offset"]}`,
    );
    expect(new Set(places).size).toBe(520);
    expect(found[0]?.headers).toMatchObject({
      of: "a producer",
      "escapement-reason": "unknown_tenant",
      "escapement-topic": at.topic,
    });
    expect(new Set(found.map(({ value }) => value?.[0]))).toEqual(new Set([0xff]));
    const raw: unknown[] = [];
    const one = { topic: letters, partition: found[0]?.partition ?? 0, from: found[0]?.offset ?? 0 };
    await readRanges(at.kafka, [{ ...one, to: one.from + 1 }], ({ headers }) => raw.push(headers.raw));
    expect(raw).toEqual([[RAW, Buffer.from("again")]]);
    // What was passed over is not taken as well.
    await at.ask("PUT", "", {});
    await expect.poll(() => second.said("partitions_assigned").length).toBeGreaterThan(0);
    await at.produce(5);
    await expect.poll(at.taken).toBe(5);
    expect(await written()).toHaveLength(520);
  },
  180_000,
);

brokerTest("all that becomes dead letters in one pass is read by one member of one group", async () => {
  await using at = await place();
  await at.produce(2_500);
  // A broker that is not of a test has whoever joins a group wait for some seconds.
  let joined = 0;
  const kafka = Object.create(at.kafka, {
    consumer: {
      value: (config: Parameters<typeof at.kafka.consumer>[0]) => {
        joined++;
        return at.kafka.consumer(config);
      },
    },
  }) as typeof at.kafka;
  const passed = Promise.withResolvers<void>();
  let letters = 0;
  const unknown = new UnknownTenants({
    kafka,
    topics: at.topics,
    measures: new Measures(),
    group: "nobody",
    log: (_, event, { from = 0, to = 0 } = {}) => {
      if (event === "unknown_tenant_dead_lettered") letters += Number(to) - Number(from);
      if (letters === 2_500) passed.resolve();
    },
    settings: readSettings({
      KAFKA_BROKERS: brokers().join(),
      ESCAPEMENT_DEPLOYMENT: unique("passes"),
      BRIDGE_UNKNOWN_TENANTS: "dead-letter",
    }),
    isUnknown: async () => true,
  });
  unknown.look([at.topic]);
  await passed.promise;
  await unknown.stop();
  expect(joined).toBe(1);
  expect(await consume(at.kafka, [deadLettersTopic(at.tenant)])).toHaveLength(2_500);
});

brokerTest(
  "what a tenant had before it was deleted becomes no dead letter, and what comes later does",
  async () => {
    await using at = await place();
    await at.ask("PUT", "", {});
    await using _ = await at.bridge({ BRIDGE_UNKNOWN_TENANTS: "dead-letter" });
    await at.produce(30);
    await expect.poll(at.taken).toBe(30);
    const group = consumerGroup(readSettings({ KAFKA_BROKERS: brokers().join(), BRIDGE_TENANTS: at.tenant }));
    const committed = async () =>
      [...((await at.topics.committed(group)).get(at.topic) ?? [])].reduce((sum, [, next]) => sum + next, 0);
    await expect.poll(committed).toBe(30);
    const { url, key } = runtime.local;
    const headers = { authorization: `Bearer ${key}` };
    const remove = () => fetch(`${url}/v1/tenants/${at.tenant}`, { method: "DELETE", headers });
    await expect.poll(async () => (await remove()).status).toBe(204);
    await at.produce(5);
    const written = async () =>
      (await consume(at.kafka, [deadLettersTopic(at.tenant)]).catch(() => [])).length;
    await expect.poll(written, { interval: 500 }).toBe(5);
  },
);

brokerTest("what cannot be a dead letter holds up no others, of its tenant or of another", async () => {
  await using at = await place();
  await using other = await place();
  const letters = deadLettersTopic(at.tenant);
  const config = { "max.message.bytes": "4000" };
  await at.topics.provision([letters], { partitions: 1, replication: 1, config });
  await at.produce(10);
  await at.produce(1, 8_000);
  await at.produce(10);
  await other.produce(10);
  const environment = { BRIDGE_UNKNOWN_TENANTS: "dead-letter", BRIDGE_PROVISION: "false" };
  await using running = await at.bridge({ ...environment, BRIDGE_TENANTS: `${at.tenant},${other.tenant}` });
  await expect
    .poll(() => running.said("unknown_tenant_not_dead_lettered"))
    .toContainEqual(expect.objectContaining({ topic: deadLettersTopic(other.tenant) }));
  await expect.poll(async () => (await consume(at.kafka, [letters])).length).toBe(20);
  const gone = () => metric(running.url, "escapement_bridge_unknown_tenant_given_up_total", at.topic);
  await expect.poll(gone).toBe(1);
  await other.topics.provision([deadLettersTopic(other.tenant)], {
    partitions: 1,
    replication: 1,
    config: {},
  });
  await expect.poll(async () => (await consume(at.kafka, [deadLettersTopic(other.tenant)])).length).toBe(10);
});
