// How long a record takes from the tenant's log to a reader of committed records in Kafka, at a thousand a second.
import { kafkaClient } from "../../../bridge/kafka/client.ts";
import { kafkaTopic } from "../../../src/mirror/names.ts";
import { TOPIC_NAMES } from "../../../src/topics/topics.ts";
import { startBridge } from "../../bridge/lab.ts";
import { askOf } from "../../local/ask.ts";
import { median } from "../median.ts";
import type { Lab } from "./to-kafka.ts";

const ECHO = `digraph echo {
  begin [type=plan, kind=parallel]
  say [type=task, kind=transform, expression="input"]
  begin -> say
}`;
const TEXT = "x".repeat(700);
/** Each is two executions, and each of those two records. */
const LIFETIMES_A_SECOND = 250;

const measure = async ({ runtime, brokers }: Lab, seconds: number): Promise<number[]> => {
  const tenant = `delay-${Date.now().toString(36)}`;
  const ask = askOf(runtime.local, tenant);
  await ask("PUT", "", { mirror: { in: [] } });
  await ask("POST", "/graphs", { dot: ECHO });
  await using bridge = await startBridge(runtime, tenant, { KAFKA_BROKERS: brokers });
  while (bridge.said("mirror_resumed").length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
  const kafka = kafkaClient({ brokers: brokers.split(",") }, () => {});
  const consumer = kafka.consumer({ groupId: `${tenant}-reader`, maxWaitTimeInMs: 50 });
  await consumer.connect();
  await consumer.subscribe({
    topics: TOPIC_NAMES.map((topic) => kafkaTopic(topic, tenant)),
    fromBeginning: true,
  });
  const found: number[] = [];
  await consumer.run({
    eachBatchAutoResolve: true,
    eachBatch: async ({ batch: { messages } }) => {
      const now = Date.now();
      for (const { timestamp } of messages) found.push(now - Number(timestamp));
    },
  });
  const pending = new Set<Promise<unknown>>();
  const began = performance.now();
  for (let n = 0; n < seconds * LIFETIMES_A_SECOND; n++) {
    const due = began + (n * 1_000) / LIFETIMES_A_SECOND - performance.now();
    if (due > 1) await new Promise((resolve) => setTimeout(resolve, due));
    const call = ask("POST", "/graphs/echo/lifetimes", { input: TEXT }).finally(() => pending.delete(call));
    pending.add(call);
  }
  await Promise.all(pending);
  const wanted = seconds * LIFETIMES_A_SECOND * 4;
  while (found.length < wanted) await new Promise((resolve) => setTimeout(resolve, 50));
  await consumer.disconnect();
  // What came while everything was warming up is left out.
  return found.slice(wanted / 5).sort((a, b) => a - b);
};

export const delays = async (lab: Lab, runs: number, seconds: number): Promise<void> => {
  console.log(`\nEdge → Kafka, from the log to a reader at ${LIFETIMES_A_SECOND * 4} records/s`);
  const medians: number[] = [];
  const tails: number[] = [];
  for (let run = 0; run < runs; run++) {
    const found = await measure(lab, seconds);
    const [p50 = 0, p99 = 0] = [found[found.length >> 1], found[Math.floor(found.length * 0.99)]];
    medians.push(p50);
    tails.push(p99);
    console.log(`  p50 ${p50} ms, p99 ${p99} ms`);
  }
  console.log(`  median p50 ${median(medians)} ms, p99 ${median(tails)} ms; to reach 50 and 250`);
};
