// Without this, one of several bridges could do nearly all the work, or what one was killed at be left lying.
import { afterAll, beforeAll, expect, test } from "vitest";
import { kafkaTopic } from "../../src/mirror/names.ts";
import { ORIGIN_HEADER, parseOrigin } from "../../src/mirror/origin.ts";
import { askOf } from "../local/ask.ts";
import { brokers, ONCE, testKafka, unique } from "./broker-test.ts";
import { consume, logged } from "./consume.ts";
import { ECHO } from "./graphs.ts";
import { type RunningBridge, type Runtime, startBridge, startRuntime } from "./lab.ts";

const TENANTS = 30;

let runtime: Runtime;
beforeAll(async () => {
  runtime = await startRuntime();
}, 120_000);
afterAll(() => runtime?.[Symbol.asyncDispose]());

const leads = async ({ url }: RunningBridge): Promise<number> => {
  const ready = (await (await fetch(`${url}/ready`)).json()) as { leads: readonly string[] };
  return ready.leads.length;
};

test("three bridges share the tenants evenly, and two go on with those of one that is killed", async () => {
  const tenants = Array.from({ length: TENANTS }, () => unique("spread"));
  const topics = tenants.map((tenant) => kafkaTopic("task-executions", tenant));
  const asks = tenants.map((tenant) => askOf(runtime.local, tenant));
  for (const ask of asks) {
    await ask("PUT", "", {});
    await ask("POST", "/graphs", { dot: ECHO });
  }
  const kafka = testKafka();
  const producer = kafka.producer(ONCE);
  await producer.connect();
  /** In each tenant a lifetime at the edge, and at Kafka a record that does not decode, so that it is kept as such. */
  const work = async () => {
    for (const ask of asks) await ask("POST", "/graphs/echo/lifetimes?wait=30s", { input: null });
    const messages = [{ key: "say", value: Buffer.from([0xff]) }];
    await producer.sendBatch({ topicMessages: topics.map((topic) => ({ topic, messages })) });
  };
  const environment = { KAFKA_BROKERS: brokers().join(), BRIDGE_TOPIC_PARTITIONS: "1" };
  const start = () => startBridge(runtime, tenants.join(), environment);
  await using first = await start();
  await using second = await start();
  await using third = await start();
  const spread = (bridges: readonly RunningBridge[]) => Promise.all(bridges.map(leads));
  const patient = { timeout: 90_000, interval: 500 };
  await expect.poll(() => spread([first, second, third]), patient).toEqual([10, 10, 10]);
  await work();
  first.process.kill("SIGKILL");
  await work();
  await expect.poll(() => spread([second, third]), patient).toEqual([15, 15]);
  await work();

  // Everything is on the other side, and once.
  const written = async () => {
    const found = new Map<string, number[]>();
    for (const { headers } of await consume(kafka, topics)) {
      const origin = parseOrigin(headers[ORIGIN_HEADER] ?? "");
      if (origin) found.set(origin.tenant, [...(found.get(origin.tenant) ?? []), origin.offset]);
    }
    return found;
  };
  const expected = new Map<string, readonly number[]>();
  for (const [n, ask] of asks.entries()) expected.set(tenants[n] ?? "", await logged(ask, "task-executions"));
  expect([...expected.values()].map((offsets) => offsets.length)).toEqual(tenants.map(() => 3));
  await expect.poll(written, patient).toEqual(expected);
  const taken = () =>
    Promise.all(asks.map(async (ask) => (await ask<{ items: [] }>("GET", "/dead-letters")).items.length));
  await expect.poll(taken, patient).toEqual(tenants.map(() => 3));
  await producer.disconnect();
}, 400_000);
