// Edge → Kafka: how fast a log that is there already is mirrored, and what memory that takes.
import { kafkaTopic } from "../../../src/mirror/names.ts";
import { ORIGIN_HEADER } from "../../../src/mirror/origin.ts";
import { TOPIC_NAMES } from "../../../src/topics/topics.ts";
import { median } from "../median.ts";
import { ceilingOf } from "./bare.ts";
import { counted } from "./exposition.ts";
import { type Ask, kafkaOf, type Lab, mebibytes, newTenant, watchedBridge } from "./lab.ts";
import { until } from "./wait.ts";

/** Executions of about 1 KiB: five plans and five tasks hand the same text on. */
const CHAIN = `digraph chain {
  node [type=plan, kind=sequential]; a; c; e; g; i
  node [type=task, kind=transform, expression="input"]
  a -> b -> c -> d -> e -> f -> g -> h -> i -> j
}`;
const TEXT = "x".repeat(700);
const CALLERS = 32;

const fill = async (ask: Ask, lifetimes: number): Promise<void> => {
  let left = lifetimes;
  const call = async () => {
    while (left-- > 0) await ask("POST", "/graphs/chain/lifetimes?wait=30s", { input: TEXT });
  };
  await Promise.all(Array.from({ length: CALLERS }, call));
};

/** What a reader of committed records finds, each once. */
const distinctIn = async (lab: Lab, tenant: string, wanted: number): Promise<void> => {
  const consumer = kafkaOf(lab).consumer({ groupId: `${tenant}-reader`, maxWaitTimeInMs: 50 });
  await consumer.connect();
  await consumer.subscribe({
    topics: TOPIC_NAMES.map((name) => kafkaTopic(name, tenant)),
    fromBeginning: true,
  });
  const found = new Set<string>();
  let count = 0;
  await consumer.run({
    eachBatch: async ({ batch: { topic, messages } }) => {
      count += messages.length;
      for (const { headers } of messages) found.add(`${topic} ${headers?.[ORIGIN_HEADER]}`);
    },
  });
  await until("all records in Kafka", () => found.size >= wanted);
  await consumer.disconnect();
  if (count !== wanted || found.size !== wanted)
    throw new Error(`${count} records in Kafka, ${found.size} of them different, for ${wanted}`);
};

const measure = async (lab: Lab, lifetimes: number) => {
  const { tenant, ask } = newTenant(lab, "bench");
  // So that it only writes.
  await ask("PUT", "", { mirror: { in: [] } });
  await ask("POST", "/graphs", { dot: CHAIN });
  await fill(ask, lifetimes);
  const wanted = lifetimes * 10 * 2;
  await using bridge = await watchedBridge(lab, tenant);
  await until("the lease", () => bridge.said("mirror_resumed").length > 0);
  const began = performance.now();
  let text = "";
  await until("the records", async () => {
    text = await bridge.metrics();
    return counted(text, "escapement_bridge_records_total") >= wanted;
  });
  const rate = (wanted * 1_000) / (performance.now() - began);
  const transactions = counted(text, "escapement_bridge_transactions_total");
  const bytes = Math.round(counted(text, "escapement_bridge_bytes_total") / wanted);
  const batch = Math.max(1, Math.round(wanted / transactions));
  const ceiling = await ceilingOf(lab, { total: wanted, batch, bytes });
  await distinctIn(lab, tenant, wanted);
  return { rate, ceiling, batch, bytes, memory: bridge.peakBytes() };
};

export const toKafka = async (lab: Lab, lifetimes: number): Promise<void> => {
  console.log("\nEdge → Kafka, records that are in the log already");
  const ratios: number[] = [];
  for (let run = 0; run < lab.runs; run++) {
    const { rate, ceiling, batch, bytes, memory } = await measure(lab, lifetimes);
    ratios.push(rate / ceiling.transactions);
    console.log(
      `  ${Math.round(rate)} records/s of ${bytes} B in transactions of ${batch}; kafkajs alone ` +
        `${Math.round(ceiling.transactions)} (${(rate / ceiling.transactions).toFixed(2)} ×), without transactions ` +
        `${Math.round(ceiling.idempotent)} (${(rate / ceiling.idempotent).toFixed(2)} ×); memory ${mebibytes(memory)}`,
    );
  }
  console.log(`  median ${median(ratios).toFixed(2)} × kafkajs alone; to reach 0.70 ×`);
};
