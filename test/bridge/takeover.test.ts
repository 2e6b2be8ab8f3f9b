// Without this, work that moves from one bridge to another could be done twice, by nobody, or in another order.
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { Topics } from "../../bridge/kafka/topics.ts";
import { startBroker } from "../../bridge/local/broker.ts";
import { kafkaTopic, topicsOf } from "../../src/mirror/names.ts";
import { askOf } from "../local/ask.ts";
import { brokers, brokerTest, testKafka, unique } from "./broker-test.ts";
import { logged, origins } from "./consume.ts";
import { type BridgeEnvironment, type Runtime, startBridge, startRuntime } from "./lab.ts";
import { startLoad } from "./load.ts";
import { KEYS, startProducing } from "./producing.ts";

const OUT = ["plan-executions", "task-executions", "persisted-task-executions"] as const;

let runtime: Runtime;
beforeAll(async () => {
  runtime = await startRuntime();
}, 120_000);
afterAll(() => runtime?.[Symbol.asyncDispose]());

interface Records {
  readonly records: readonly { readonly value?: { readonly lifetime_id?: string; plan_name?: string } }[];
  readonly next_offset: number;
}

/** A tenant under load both ways, once its topics are there. */
const place = async (address = brokers().join()) => {
  const tenant = unique("takeover");
  const ask = askOf(runtime.local, tenant);
  const kafka = testKafka(address);
  const load = await startLoad(ask, 2);
  const bridge = (environment: BridgeEnvironment = {}) =>
    startBridge(runtime, tenant, { KAFKA_BROKERS: address, ...environment });
  /** Lifetimes that Kafka started, in the order in which they began. */
  const begun = async () => {
    const found: string[] = [];
    for (let from = 0; ; ) {
      const page = await ask<Records>("GET", `/topics/plan-inputs/records?limit=1000&offset=${from}`);
      if (page.records.length === 0) return found;
      for (const { value } of page.records)
        if (value?.plan_name === "first" && value.lifetime_id?.startsWith("key-"))
          found.push(value.lifetime_id);
      from = page.next_offset;
    }
  };
  /** All that was asked for on either side is on the other, once, and for each key in its order. */
  const isWhole = async (produced: number) => {
    await expect.poll(async () => (await begun()).length).toBeGreaterThanOrEqual(produced);
    const inOrder = Array.from({ length: produced / KEYS }, (_, n) => n);
    const all = await begun();
    for (let key = 0; key < KEYS; key++)
      expect(all.filter((name) => name.startsWith(`key-${key}-`))).toEqual(
        inOrder.map((n) => `key-${key}-${n}`),
      );
    // Two tasks each.
    const steps = 2 * (load.count() + produced);
    await expect.poll(async () => (await logged(ask, "task-executions")).length).toBe(steps);
    for (const topic of OUT) {
      const expected = await logged(ask, topic);
      const written = () => origins(kafka, topic, tenant);
      await expect.poll(async () => (await written()).flat().length).toBe(expected.length);
      for (const offsets of await written()) expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
      expect((await written()).flat().sort((a, b) => a - b)).toEqual(expected);
    }
  };
  return { tenant, kafka, load, bridge, isWhole };
};

brokerTest("what a bridge did that is killed under load goes on at another, both ways", async () => {
  const { tenant, kafka, load, bridge, isWhole } = await place();
  await using _ = load;
  await using first = await bridge();
  await expect.poll(() => first.said("mirror_resumed").length).toBeGreaterThan(0);
  await using second = await bridge();
  // Each has half of the partitions by then.
  await expect.poll(() => second.said("partitions_assigned").length).toBeGreaterThan(0);
  const producing = await startProducing(kafka, tenant);
  await load.more(20);
  first.process.kill("SIGKILL");
  await first.ended;
  await expect.poll(() => second.said("mirror_resumed").length).toBeGreaterThan(0);
  await load.more(20);
  await producing.stop();
  await load.stop();
  await isWhole(producing.count());
  expect(second.process.exitCode).toBe(null);
});

brokerTest(
  "a broker that is killed under load both ways has everything once, and so has the edge",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "escapement-kafka-"));
    // After the broker, which writes there until it has ended.
    await using _ = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
    // Only a broker of one's own may be killed.
    await using broker = await startBroker({ folder });
    const { tenant, kafka, load, bridge, isWhole } = await place(broker.address);
    await using __ = load;
    await using running = await bridge();
    await expect.poll(() => running.said("partitions_assigned").length).toBeGreaterThan(0);
    const producing = await startProducing(kafka, tenant);
    await Promise.all([load.more(20), producing.more(20)]);
    await broker.kill("SIGKILL");
    // Nobody in Kafka is waited for here.
    await load.more(20);
    await broker.start();
    await Promise.all([load.more(20), producing.more(20)]);
    await producing.stop();
    await load.stop();
    await isWhole(producing.count());
    expect(running.process.exitCode).toBe(null);
  },
);

const isStopped = (pid: number | undefined): boolean =>
  /\) T /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));

for (const point of [
  "departures-received:4",
  "records-written:4",
  "transaction-committed:4",
  "arrivals-sent:2",
])
  brokerTest(
    `a bridge that sleeps at ${point} past its lease does nothing twice when it wakes, and takes part again`,
    async () => {
      const { tenant, kafka, load, bridge, isWhole } = await place();
      await using _ = load;
      const topics = new Topics(kafka);
      await topics.connect();
      await topics.provision(topicsOf(tenant), { partitions: 4, replication: 1, config: {} });
      await topics.close();
      const producing = await startProducing(kafka, tenant);
      await using first = await bridge({ BRIDGE_CRASH_AT: point, BRIDGE_CRASH_SIGNAL: "SIGSTOP" });
      // Another that came before would have the lease.
      await expect.poll(() => isStopped(first.process.pid)).toBe(true);
      await using other = await bridge();
      await expect.poll(() => other.said("mirror_resumed").length).toBeGreaterThan(0);
      await load.more(20);
      first.process.kill("SIGCONT");
      // It has noticed, by its link or by Kafka, and asks for the lease again, which it does not get.
      const noticed = () => [...first.said("disconnected"), ...first.said("mirror_failed")].length;
      await expect.poll(noticed).toBeGreaterThan(0);
      // Whose transaction was open was fenced, and told so.
      if (point.startsWith("records-written"))
        expect(first.said("mirror_failed").map(({ error }) => String(error))).toContainEqual(
          expect.stringMatching(/epoch/i),
        );
      await load.more(20);
      other.process.kill("SIGKILL");
      await other.ended;
      // It may have been given the lease before.
      const leads = async () => (await (await fetch(`${first.url}/ready`)).json()) as unknown;
      await expect.poll(leads).toMatchObject({ leads: [tenant] });
      await load.more(20);
      await producing.stop();
      await load.stop();
      await isWhole(producing.count());
    },
  );

brokerTest(
  "a bridge that has to begin another producer looks first whether the lease is still its own",
  async () => {
    const { tenant, kafka, load, bridge } = await place();
    await using _ = load;
    const topics = new Topics(kafka);
    await topics.connect();
    // Some of what the load sends is more.
    const config = { "max.message.bytes": "300" };
    await topics.provision([kafkaTopic("plan-executions", tenant)], {
      partitions: 1,
      replication: 1,
      config,
    });
    await topics.close();
    await using first = await bridge({ BRIDGE_CRASH_AT: "refused-for-size", BRIDGE_CRASH_SIGNAL: "SIGSTOP" });
    await using other = await bridge();
    await expect.poll(() => other.said("record_undelivered").length).toBeGreaterThan(0);
    first.process.kill("SIGCONT");
    await expect
      .poll(() => first.said("mirror_failed").map(({ error }) => error))
      .toContainEqual("the lease is not this bridge's any more");
    await load.more(5);
    // It has fenced nobody.
    expect(other.said("mirror_failed")).toEqual([]);
  },
);
