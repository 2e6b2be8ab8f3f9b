// Without this, a bridge that is told to end could be killed instead, keep its work from others, or say that all is well.
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { Topics } from "../../bridge/kafka/topics.ts";
import { type Broker, startBroker } from "../../bridge/local/broker.ts";
import { deadLettersTopic, kafkaTopic, topicsOf } from "../../src/mirror/names.ts";
import { freePort } from "../../workers/local/process.ts";
import { listen } from "../fixtures/loopback.ts";
import { askOf } from "../local/ask.ts";
import { brokerTest, ONCE, testKafka, unique } from "./broker-test.ts";
import { logged, origins } from "./consume.ts";
import {
  type BridgeEnvironment,
  type RunningBridge,
  type Runtime,
  startBridge,
  startRuntime,
} from "./lab.ts";
import { startLoad } from "./load.ts";

const TOPIC = "task-executions";

let runtime: Runtime;
let folder: string;
/** Only a broker of one's own may be stopped and killed. */
let broker: Broker;
beforeAll(async () => {
  runtime = await startRuntime();
  folder = await mkdtemp(join(tmpdir(), "escapement-kafka-"));
  broker = await startBroker({ folder });
}, 240_000);
afterAll(async () => {
  await runtime?.[Symbol.asyncDispose]();
  await broker?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

interface State {
  readonly lease?: { readonly holder: string };
}

const place = () => {
  const tenant = unique("shutdown");
  const ask = askOf(runtime.local, tenant);
  const bridge = (environment: BridgeEnvironment = {}) =>
    startBridge(runtime, tenant, { KAFKA_BROKERS: broker.address, ...environment });
  const lease = async () => (await ask<State>("GET", "/mirror")).lease?.holder;
  /** All of the log is in Kafka, once, and in its order. */
  const isMirrored = async () => {
    const kafka = testKafka(broker.address);
    const expected = await logged(ask, TOPIC);
    const written = async () => (await origins(kafka, TOPIC, tenant)).flat().sort((a, b) => a - b);
    await expect.poll(written, { interval: 500 }).toEqual(expected);
  };
  return { tenant, ask, bridge, lease, isMirrored };
};

const ends = async (bridge: RunningBridge): Promise<void> => {
  bridge.process.kill("SIGTERM");
  expect(await bridge.ended, bridge.output()).toBe(0);
  expect(bridge.said("stopped"), bridge.output()).toHaveLength(1);
  expect(bridge.said("stopped_late")).toEqual([]);
};

interface Ready {
  readonly ready: boolean;
  readonly gateway: boolean;
  readonly kafka: boolean;
  readonly disconnected: readonly string[];
  readonly failing: readonly string[];
}

const readinessOf = async ({ url }: RunningBridge): Promise<Ready> => {
  const response = await fetch(`${url}/ready`);
  const ready = (await response.json()) as Ready;
  expect(response.status).toBe(ready.ready ? 200 : 503);
  return ready;
};

/** What the other side lacks of a tenant; undefined where nothing is said of it. */
const lagOf = async ({ url }: RunningBridge, direction: string, tenant: string) => {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text
    .split("\n")
    .filter((line) =>
      line.startsWith(`escapement_bridge_lag_records{direction="${direction}",tenant="${tenant}"`),
    );
  return lines.length === 0
    ? undefined
    : lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
};

const isAlive = async ({ url }: RunningBridge): Promise<void> =>
  expect((await fetch(`${url}/health`)).status).toBe(200);

brokerTest("a bridge ends in time while the gateway takes connections and answers nothing", async () => {
  const heard = Promise.withResolvers<void>();
  const server = createServer(() => heard.resolve());
  const port = await freePort("127.0.0.1");
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  await using bridge = await place().bridge({ ESCAPEMENT_URL: `http://127.0.0.1:${port}` });
  await heard.promise;
  await isAlive(bridge);
  expect(await readinessOf(bridge)).toMatchObject({ ready: false, gateway: false });
  await ends(bridge);
  server.close();
});

brokerTest("a bridge ends in time while a connection to a tenant is being opened", async () => {
  const { tenant, bridge } = place();
  const opening = Promise.withResolvers<void>();
  const gateway = await listen((request, response) => {
    if (request.url?.startsWith("/v1/tenants?"))
      response.end(JSON.stringify({ items: [{ tenant, status: "ACTIVE" }] }));
    else opening.resolve();
  });
  await using running = await bridge({ ESCAPEMENT_URL: gateway.url });
  await opening.promise;
  await expect
    .poll(() => readinessOf(running))
    .toMatchObject({ ready: false, gateway: true, kafka: true, disconnected: [tenant] });
  await ends(running);
  gateway[Symbol.dispose]();
});

brokerTest("a bridge that began while Kafka was away is connected, not ready, and ends in time", async () => {
  const { tenant, ask, bridge, lease } = place();
  await using load = await startLoad(ask, 1);
  await load.more(1);
  await load.stop();
  await using running = await bridge({ KAFKA_BROKERS: `127.0.0.1:${await freePort("127.0.0.1")}` });
  await expect
    .poll(() => readinessOf(running))
    .toMatchObject({ ready: false, gateway: true, kafka: false, disconnected: [] });
  await expect.poll(() => lagOf(running, "to_kafka", tenant)).toBeGreaterThan(0);
  await isAlive(running);
  await ends(running);
  await expect.poll(lease).toBeUndefined();
});

brokerTest("a bridge whose gateway is gone says so, lives on, and ends in time", async () => {
  const own = await startRuntime();
  const tenant = unique("shutdown");
  await askOf(own.local, tenant)("PUT", "", {});
  const kafka = testKafka(broker.address);
  await using running = await startBridge(own, tenant, { KAFKA_BROKERS: broker.address });
  await expect.poll(() => readinessOf(running)).toMatchObject({ ready: true });
  await own[Symbol.asyncDispose]();
  await expect
    .poll(() => readinessOf(running))
    .toMatchObject({ ready: false, gateway: false, kafka: true, disconnected: [tenant] });
  const producer = kafka.producer(ONCE);
  await producer.connect();
  await producer.send({ topic: kafkaTopic(TOPIC, tenant), messages: [{ value: "one" }, { value: "two" }] });
  await producer.disconnect();
  await expect.poll(() => lagOf(running, "to_edge", tenant)).toBe(2);
  await isAlive(running);
  await ends(running);
});

brokerTest(
  "while Kafka does not answer a bridge is not ready, and ends in time: its lease is free, and nothing is lost or twice",
  async () => {
    const { ask, bridge, lease, isMirrored } = place();
    await using load = await startLoad(ask);
    await using first = await bridge();
    await expect.poll(() => first.said("mirror_resumed").length).toBeGreaterThan(0);
    await expect.poll(() => readinessOf(first)).toMatchObject({ ready: true });
    await load.more(10);
    process.kill(broker.pid, "SIGSTOP");
    try {
      // Some of these are in a transaction that does not end.
      await load.more(20);
      await expect
        .poll(() => readinessOf(first))
        .toMatchObject({ ready: false, gateway: true, kafka: false });
      await isAlive(first);
      await ends(first);
      expect(first.said("transaction_left_open")).toHaveLength(1);
      await expect.poll(lease).toBeUndefined();
    } finally {
      process.kill(broker.pid, "SIGCONT");
    }
    await using _ = await bridge();
    await load.more(10);
    await load.stop();
    await isMirrored();
  },
);

brokerTest("a second signal ends a bridge at once", async () => {
  const { ask, bridge } = place();
  await using load = await startLoad(ask);
  await using running = await bridge();
  await expect.poll(() => readinessOf(running)).toMatchObject({ ready: true });
  process.kill(broker.pid, "SIGSTOP");
  try {
    await load.more(10);
    running.process.kill("SIGTERM");
    await expect.poll(() => running.said("stopping").length).toBe(1);
    running.process.kill("SIGINT");
    expect(await running.ended).toBe(1);
    expect(running.said("stopped")).toEqual([]);
  } finally {
    process.kill(broker.pid, "SIGCONT");
  }
});

brokerTest(
  "a bridge that cannot write what one tenant sends says whose, and mirrors the others",
  async () => {
    const [good, bad] = [unique("good"), unique("bad")];
    for (const tenant of [good, bad]) await askOf(runtime.local, tenant)("PUT", "", {});
    const kafka = testKafka(broker.address);
    const topics = new Topics(kafka);
    await topics.connect();
    // Without the topic that its progress belongs to, and nobody makes it.
    const names = [...topicsOf(good), ...topicsOf(bad)].filter((name) => name !== deadLettersTopic(bad));
    await topics.provision(names, { partitions: 1, replication: 1, config: {} });
    await topics.close();
    const environment = { KAFKA_BROKERS: broker.address, BRIDGE_PROVISION: "false" };
    await using running = await startBridge(runtime, `${good},${bad}`, environment);
    await using loadBad = await startLoad(askOf(runtime.local, bad), 1);
    await loadBad.more(1);
    await expect
      .poll(() => readinessOf(running))
      .toMatchObject({ ready: false, gateway: true, kafka: true, disconnected: [], failing: [bad] });
    expect(running.said("mirror_failed")).toContainEqual(expect.objectContaining({ tenant: bad }));
    const ask = askOf(runtime.local, good);
    await using loadGood = await startLoad(ask, 1);
    await loadGood.more(5);
    await loadGood.stop();
    const all = (await logged(ask, TOPIC)).length;
    await expect.poll(async () => (await origins(kafka, TOPIC, good)).flat().length).toBe(all);
    await isAlive(running);
    await ends(running);
  },
);

brokerTest("while Kafka is gone a bridge ends in time, and another goes on once it is back", async () => {
  const { ask, bridge, lease, isMirrored } = place();
  await using load = await startLoad(ask);
  await using first = await bridge();
  await load.more(10);
  await broker.kill("SIGKILL");
  await load.more(10);
  await expect.poll(() => readinessOf(first)).toMatchObject({ ready: false, gateway: true, kafka: false });
  await ends(first);
  await expect.poll(lease).toBeUndefined();
  await broker.start();
  await using _ = await bridge();
  await load.more(10);
  await load.stop();
  await isMirrored();
});
