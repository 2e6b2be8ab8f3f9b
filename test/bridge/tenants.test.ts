// Without this, a tenant that was deleted could leave its topics behind, or take those of the next one of its name.
import { afterAll, beforeAll, expect } from "vitest";
import { consumerGroup } from "../../bridge/consumer-group.ts";
import { Topics } from "../../bridge/kafka/topics.ts";
import { kafkaTopic, progressGroup, topicsOf } from "../../src/mirror/names.ts";
import { askOf } from "../local/ask.ts";
import { brokers, brokerTest, ONCE, testKafka, unique } from "./broker-test.ts";
import { logged, origins } from "./consume.ts";
import { type BridgeEnvironment, type Runtime, startBridge, startRuntime } from "./lab.ts";
import { startLoad } from "./load.ts";

let runtime: Runtime;
beforeAll(async () => {
  runtime = await startRuntime();
}, 120_000);
afterAll(() => runtime?.[Symbol.asyncDispose]());

const place = async () => {
  const tenant = unique("tenants");
  const ask = askOf(runtime.local, tenant);
  const kafka = testKafka();
  const topics = new Topics(kafka);
  await topics.connect();
  const admin = kafka.admin();
  await admin.connect();
  const bridge = (environment: BridgeEnvironment = {}) =>
    startBridge(runtime, tenant, { KAFKA_BROKERS: brokers().join(), ...environment });
  /** Of the tenant, in Kafka. */
  const left = async () => {
    const there = await topics.list();
    const { groups } = await admin.listGroups();
    return {
      topics: topicsOf(tenant).filter((topic) => there.includes(topic)),
      groups: groups.map(({ groupId }) => groupId).filter((group) => group.includes(`.${tenant}.`)),
    };
  };
  /** 202 while it is being deleted, 204 once it is gone. */
  const remove = async (query = "") => {
    const { url, key } = runtime.local;
    const headers = { authorization: `Bearer ${key}` };
    return (await fetch(`${url}/v1/tenants/${tenant}${query}`, { method: "DELETE", headers })).status;
  };
  const end = async () => {
    await admin.disconnect();
    await topics.close();
  };
  return { tenant, ask, kafka, topics, bridge, left, remove, [Symbol.asyncDispose]: end };
};

const mirrored = async ({ tenant, ask, kafka }: Awaited<ReturnType<typeof place>>) => {
  const written = async () => (await origins(kafka, "task-executions", tenant)).flat();
  const expected = await logged(ask, "task-executions");
  expect(expected.length).toBeGreaterThan(0);
  await expect.poll(async () => (await written()).sort((a, b) => a - b)).toEqual(expected);
};

brokerTest("a tenant that is deleted leaves its topics, and with topics=delete nothing", async () => {
  await using at = await place();
  const { tenant, ask, bridge, left, remove } = at;
  await using running = await bridge();
  const group = (generation: number) =>
    progressGroup({ deployment: "escapement", tenant, partition: 0, generation });
  for (const query of ["", "?topics=delete"]) {
    await using load = await startLoad(ask, 1);
    await load.more(3);
    await load.stop();
    await expect.poll(async () => (await left()).topics).toEqual(topicsOf(tenant));
    const generation = query === "" ? 1 : 2;
    await expect.poll(async () => (await left()).groups).toContain(group(generation));
    await remove(query);
    await expect.poll(() => remove()).toBe(204);
    await expect.poll(() => running.said("tenant_gone").length).toBe(generation);
    const metrics = async () => (await fetch(`${running.url}/metrics`)).text();
    await expect.poll(metrics).not.toMatch(new RegExp(`lag_records{.*tenant="${tenant}"`));
  }
  expect(await left()).toEqual({ topics: [], groups: [] });
  expect(running.said("topics_deleted")).toMatchObject([{ tenant, generation: 2 }]);
  // The next of its name begins in topics of its own.
  await using load = await startLoad(ask, 1);
  await load.more(3);
  await load.stop();
  await mirrored(at);
});

brokerTest("the next of its name is handed nothing that the one before was", async () => {
  await using at = await place();
  const { tenant, ask, kafka, topics, bridge, remove } = at;
  await ask("PUT", "", {});
  const topic = kafkaTopic("task-executions", tenant);
  await topics.provision([topic], { partitions: 1, replication: 1, config: {} });
  const producer = kafka.producer(ONCE);
  await producer.connect();
  await using running = await bridge();
  // What does not decode the tenant keeps, each with where it was.
  const produce = (count: number) =>
    producer.send({ topic, messages: Array.from({ length: count }, () => ({ value: Buffer.from([0xff]) })) });
  const taken = async () => {
    const { items } = await ask<{ items: { offset: number }[] }>("GET", "/dead-letters?limit=100");
    return items.map(({ offset }) => offset).sort((a, b) => a - b);
  };
  await produce(20);
  await expect.poll(async () => (await taken()).length).toBe(20);
  await expect
    .poll(async () =>
      (await topics.committed(consumerGroup({ deployment: "escapement", tenants: [tenant] } as never)))
        .get(topic)
        ?.get(0),
    )
    .toBe(20);
  await remove();
  await expect.poll(() => remove()).toBe(204);
  await expect.poll(() => running.said("tenant_gone").length).toBe(1);
  await ask("PUT", "", {});
  await produce(5);
  await expect.poll(taken).toEqual([20, 21, 22, 23, 24]);
  await producer.disconnect();
});

for (const crash of ["groups-deleted", "topics-deleted"])
  brokerTest(
    `a bridge that is killed at ${crash} leaves it to the next, also where the runtime ended meanwhile`,
    async () => {
      await using at = await place();
      const { tenant, ask, bridge, left, remove } = at;
      // The same one comes again; another would have to wait until the claim has run out.
      await using first = await bridge({ BRIDGE_CRASH_AT: crash, BRIDGE_ID: tenant });
      await using load = await startLoad(ask, 1);
      await load.more(3);
      await load.stop();
      await expect.poll(async () => (await left()).topics).toEqual(topicsOf(tenant));
      await remove("?topics=delete");
      expect(await first.ended, first.output()).toBe("SIGKILL");
      expect(await remove()).toBe(202);
      for (const pid of runtime.local.pids()) process.kill(pid, "SIGKILL");
      await using _ = await bridge({ BRIDGE_ID: tenant });
      await expect.poll(() => remove().catch(() => 0)).toBe(204);
      expect(await left()).toEqual({ topics: [], groups: [] });
    },
  );
