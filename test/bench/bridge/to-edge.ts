// Kafka → edge: how fast a topic that is full already is taken in, and what memory that takes; and how long a step
// through an executor on premises takes.

import { kafkaClient } from "../../../bridge/kafka/client.ts";
import { Topics } from "../../../bridge/kafka/topics.ts";
import { startExecutor } from "../../../examples/on-premises/executor.ts";
import { kafkaTopic } from "../../../src/mirror/names.ts";
import { residentBytes } from "../../../workers/local/process.ts";
import { startBridge } from "../../bridge/lab.ts";
import { askOf } from "../../local/ask.ts";
import { median } from "../median.ts";
import { counted } from "./counted.ts";
import type { Lab } from "./to-kafka.ts";

const VALUE = Buffer.alloc(1_024, "x");
const BATCH = 500;
const STEPS = 100;
const ELSEWHERE = `digraph elsewhere {
  begin [type=plan, kind=parallel]
  work [type=task, executor=kafka]
  begin -> work
}`;

const fill = async (brokers: string, tenant: string, records: number): Promise<void> => {
  const kafka = kafkaClient({ brokers: brokers.split(",") }, () => {});
  const topics = new Topics(kafka);
  await topics.connect();
  const topic = kafkaTopic("task-executions", tenant);
  await topics.provision([topic], { partitions: 4, replication: 1, config: {} });
  await topics.close();
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  for (let from = 0; from < records; from += BATCH) {
    const messages = Array.from({ length: BATCH }, (_, n) => ({
      key: `node-${n % 16}`,
      value: VALUE,
      // Of another deployment: recorded as they are, and nothing follows from them.
      headers: { "escapement-origin": `elsewhere/${tenant}/0/1/${from + n}` },
    }));
    await producer.send({ topic, messages });
  }
  await producer.disconnect();
};

const measure = async ({ runtime, brokers }: Lab, records: number) => {
  const tenant = `edge-${Date.now().toString(36)}`;
  await askOf(runtime.local, tenant)("PUT", "", { mirror: { out: [] } });
  await fill(brokers, tenant, records);
  await using bridge = await startBridge(runtime, tenant, { KAFKA_BROKERS: brokers });
  let began = 0;
  let memory = 0;
  for (let taken = 0; taken < records; ) {
    const text = await (await fetch(`${bridge.url}/metrics`)).text();
    taken = counted(text, "escapement_bridge_records_total");
    if (began === 0 && taken > 0) began = performance.now();
    memory = Math.max(memory, residentBytes(bridge.process.pid ?? 0));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { rate: (records * 1_000) / (performance.now() - began), memory };
};

export const toEdge = async (lab: Lab, runs: number, records: number): Promise<void> => {
  console.log(`\nKafka → edge, ${records} records of 1 KiB that are in the topic already`);
  const rates: number[] = [];
  for (let run = 0; run < runs; run++) {
    const { rate, memory } = await measure(lab, records);
    rates.push(rate);
    console.log(`  ${Math.round(rate)} records/s; memory ${memory >> 20} MiB`);
  }
  console.log(`  median ${Math.round(median(rates))} records/s; memory to stay under 256 MiB`);
};

export const steps = async ({ runtime, brokers }: Lab): Promise<void> => {
  const tenant = `steps-${Date.now().toString(36)}`;
  const ask = askOf(runtime.local, tenant);
  await ask("PUT", "", {});
  await ask("POST", "/graphs", { dot: ELSEWHERE });
  await using bridge = await startBridge(runtime, tenant, { KAFKA_BROKERS: brokers });
  while (bridge.said("partitions_assigned").length === 0)
    await new Promise((resolve) => setTimeout(resolve, 50));
  await using _ = await startExecutor(
    kafkaClient({ brokers: brokers.split(",") }, () => {}),
    tenant,
  );
  const took: number[] = [];
  for (let n = 0; n < STEPS; n++) {
    const began = performance.now();
    await ask("POST", "/graphs/elsewhere/lifetimes?wait=30s", { input: n });
    took.push(performance.now() - began);
  }
  const sorted = took.slice(STEPS / 5).sort((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.floor(sorted.length * share)] ?? 0);
  console.log(
    `\nA lifetime with one step through an executor on premises: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`,
  );
};
