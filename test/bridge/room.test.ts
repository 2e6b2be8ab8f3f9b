// Without this a Kafka that is away could fill a tenant until it stands still, or lose what waits in it for room.
import { resolve } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect } from "vitest";
import { kafkaTopic } from "../../src/mirror/names.ts";
import { PlanInputSchema } from "../../src/wire/gen/escapement/v1/input_pb.ts";
import { askOf } from "../local/ask.ts";
import { brokers, brokerTest, ONCE, testKafka, unique } from "./broker-test.ts";
import { logged, origins } from "./consume.ts";
import { type Runtime, startBridge, startRuntime } from "./lab.ts";

const ECHO = `digraph echo {
  begin [type=plan, kind=parallel]
  say [type=task, kind=transform, expression="input"]
  begin -> say
}`;

let runtime: Runtime;
beforeAll(async () => {
  runtime = await startRuntime("escapement", resolve(import.meta.dirname, "small/wrangler.toml"));
}, 120_000);
afterAll(() => runtime?.[Symbol.asyncDispose]());

/** A multiple of ten. */
const WAITING = 200;

interface Lifetimes {
  readonly items: readonly { readonly lifetime: string }[];
}

interface Mirror {
  readonly acknowledged: number;
  readonly gap?: { readonly from: number; readonly to: number; readonly passed: boolean };
}

/** A tenant that a bridge had, whose storage has filled up since. */
const filled = async (atThreshold: string) => {
  const tenant = unique("room");
  const ask = askOf(runtime.local, tenant);
  const bridge = () => startBridge(runtime, tenant, { KAFKA_BROKERS: brokers().join() });
  const start = (input: unknown = null) =>
    fetch(`${runtime.local.url}/v1/tenants/${tenant}/graphs/echo/lifetimes?wait=30s`, {
      method: "POST",
      headers: { authorization: `Bearer ${runtime.local.key}`, "content-type": "application/json" },
      body: JSON.stringify({ input }),
    });
  let retention = 0;
  /** Looks for what can be trimmed at once, not with the next of its regular looks. */
  const trim = () => ask("PUT", "", { log_retention_ms: retention++ % 2 });
  await ask("PUT", "", { mirror: { at_threshold: atThreshold } });
  await ask("POST", "/graphs", { dot: ECHO });
  const before = await bridge();
  await expect.poll(() => before.said("mirror_resumed").length).toBeGreaterThan(0);
  before.process.kill("SIGTERM");
  await before.ended;
  let refused = await start();
  while (refused.ok) refused = await start("x".repeat(100_000));
  return { tenant, ask, bridge, start, trim, refused };
};

brokerTest("a tenant that waits for Kafka starts nothing until it is back, and loses nothing", async () => {
  const { tenant, ask, bridge, start, trim, refused } = await filled("refuse_starts");
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "60"]);
  expect(await refused.json()).toMatchObject({ code: "storage_full" });
  await trim();
  expect((await start()).status).toBe(503);
  expect(await ask<Mirror>("GET", "/mirror")).not.toHaveProperty("gap");
  // What producers start waits in Kafka, in many fetches.
  const waiting = Array.from({ length: WAITING }, (_, n) => `waits-${n}`);
  const kafka = testKafka();
  const producer = kafka.producer(ONCE);
  await producer.connect();
  const expected = await logged(ask, "task-executions");
  await using running = await bridge();
  await expect.poll(() => running.said("partitions_assigned").length).toBeGreaterThan(0);
  for (let from = 0; from < WAITING; from += WAITING / 10) {
    const messages = waiting.slice(from, from + WAITING / 10).map((lifetimeId) => ({
      value: Buffer.from(
        toBinary(PlanInputSchema, create(PlanInputSchema, { planName: "begin", lifetimeId })),
      ),
    }));
    await producer.send({ topic: kafkaTopic("plan-inputs", tenant), messages });
  }
  await producer.disconnect();
  await expect.poll(() => running.said("partition_refused").map(({ code }) => code)).toContain("no_room");
  const written = async () => (await origins(kafka, "task-executions", tenant)).flat().sort((a, b) => a - b);
  await expect.poll(written).toEqual(expect.arrayContaining([...expected]));
  // Long before the partition is looked at again by itself.
  const succeeded = async () => {
    const { items } = await ask<Lifetimes>("GET", "/lifetimes?limit=1000&status=SUCCEEDED");
    return items.filter(({ lifetime }) => lifetime.startsWith("waits-")).length;
  };
  await expect
    .poll(async () => {
      const found = await succeeded();
      if (found < WAITING) await trim();
      return found;
    })
    .toBe(WAITING);
  expect((await start()).ok).toBe(true);
  for (const event of ["mirror_gap", "mirror_failed"]) expect(running.said(event)).toEqual([]);
});

brokerTest(
  "a tenant that does not wait for Kafka goes on, and says on both sides what Kafka lacks",
  async () => {
    const { tenant, ask, bridge, start, trim } = await filled("drop_mirror");
    await expect.poll(() => ask<Mirror>("GET", "/mirror")).toMatchObject({ gap: { passed: false } });
    const { gap } = await ask<Mirror>("GET", "/mirror");
    await expect
      .poll(async () => {
        const { status } = await start();
        if (status === 503) await trim();
        return status;
      })
      .not.toBe(503);
    const [kept] = (await logged(ask, "task-executions")).slice(-1);
    await using running = await bridge();
    await expect.poll(() => running.said("mirror_gap")).toMatchObject([{ level: "error", tenant }]);
    const [said] = running.said("mirror_gap");
    expect(said?.from).toBe(gap?.from);
    await expect
      .poll(async () => (await origins(testKafka(), "task-executions", tenant)).flat())
      .toContain(kept);
    await expect.poll(() => ask<Mirror>("GET", "/mirror")).toMatchObject({ gap: { ...gap, passed: true } });
    const metrics = await (await fetch(`${running.url}/metrics`)).text();
    expect(metrics).toMatch(/^escapement_bridge_lost_offsets_total\{.*\} [1-9]/m);
  },
);
