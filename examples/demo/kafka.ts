/** `npm run demo -- --kafka`: a broker, a bridge, and an executor on premises that answers a task of a graph. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { styleText } from "node:util";
import { kafkaClient } from "../../bridge/kafka/client.ts";
import { Topics } from "../../bridge/kafka/topics.ts";
import { findBroker } from "../../bridge/local/find-broker.ts";
import { kafkaTopic } from "../../src/mirror/names.ts";
import { TOPIC_NAMES } from "../../src/topics/topics.ts";
import type { Local } from "../../workers/local/runtime.ts";
import { startExecutor } from "../on-premises/executor.ts";

const TENANT = "demo";
const LIFETIMES = 10;
const GRAPH = `digraph on_premises {
  label = "A task that an executor in Kafka answers, between two that run at the edge"
  first  [type=plan, kind=parallel]
  second [type=plan, kind=parallel]
  greet [type=task, kind=transform, expression="'hello, ' + input"]
  work  [type=task, executor=kafka]
  first -> greet -> second -> work
}`;

interface Ended {
  readonly status: string;
  readonly output?: readonly { readonly result: unknown }[];
}

const startBridge = (local: Local, brokers: string): ChildProcess =>
  spawn(process.execPath, ["--disable-warning=TimeoutNegativeWarning", "bridge/main.ts"], {
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      ...process.env,
      KAFKA_BROKERS: brokers,
      ESCAPEMENT_URL: local.url,
      ESCAPEMENT_KEY: local.key,
      BRIDGE_PORT: "0",
      BRIDGE_SCALER_PORT: "0",
    },
  });

const mirroredTopics = async (topics: Topics): Promise<readonly string[]> => {
  const lines: string[] = [];
  for (const name of TOPIC_NAMES) {
    const topic = kafkaTopic(name, TENANT);
    // Transactions leave marks of their own, so offsets say a little more than there are records.
    const bounds = [...((await topics.bounds(topic)) ?? new Map()).values()];
    const end = bounds.reduce((sum, each) => sum + each.end, 0);
    lines.push(`  ${topic.padEnd(32)} ${bounds.length} partitions, offsets up to ${end}`);
  }
  return lines;
};

export const showKafka = async (local: Local): Promise<void> => {
  const broker = await findBroker();
  if (typeof broker === "string") throw new Error(`There is no Kafka broker: ${broker}`);
  await using _ = broker;
  console.log(`Kafka runs on ${broker.brokers}.`);
  const ask = async (method: string, path: string, body: unknown): Promise<unknown> => {
    const headers = { authorization: `Bearer ${local.key}`, "content-type": "application/json" };
    const url = `${local.url}/v1/tenants/${TENANT}${path}`;
    const response = await fetch(url, { method, headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  await ask("POST", "/graphs", { dot: GRAPH });
  const kafka = kafkaClient({ brokers: broker.brokers.split(",") }, () => {});
  const topics = new Topics(kafka);
  await topics.connect();
  const bridge = startBridge(local, broker.brokers);
  try {
    const wanted = kafkaTopic("task-inputs", TENANT);
    while (!(await topics.list()).includes(wanted)) {
      if (bridge.exitCode !== null) throw new Error("The bridge ended; it said why above.");
      await sleep(200);
    }
    console.log("The bridge has made the topics of the tenant. An executor starts to read them.\n");
    await using executor = await startExecutor(kafka, TENANT);
    for (let n = 0; n < LIFETIMES; n++) {
      const began = performance.now();
      const path = "/graphs/on_premises/lifetimes?wait=30s";
      const ended = (await ask("POST", path, { input: `number ${n}` })) as Ended;
      const took = `${Math.round(performance.now() - began)} ms`;
      console.log(`  ${ended.status} in ${took.padStart(7)}: ${JSON.stringify(ended.output?.[0]?.result)}`);
      if (ended.status !== "SUCCEEDED") throw new Error("A lifetime did not succeed.");
    }
    console.log(`\n  The executor answered ${executor.count()} inputs. What Kafka has now:\n`);
    for (const line of await mirroredTopics(topics)) console.log(line);
    console.log(styleText("dim", "\n  docs/bridge.md says how to run it all for good."));
  } finally {
    await topics.close();
    if (bridge.exitCode === null) {
      bridge.kill("SIGTERM");
      await once(bridge, "close");
    }
  }
};
