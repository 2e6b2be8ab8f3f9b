// Edge → Kafka: how fast a log that is there already is mirrored, and what memory that takes.
import { residentBytes } from "../../../workers/local/process.ts";
import { type Runtime, startBridge } from "../../bridge/lab.ts";
import { askOf } from "../../local/ask.ts";
import { median } from "../median.ts";
import { ceilingOf } from "./bare.ts";
import { counted } from "./counted.ts";

export interface Lab {
  readonly runtime: Runtime;
  readonly brokers: string;
}

/** Executions of about 1 KiB: five plans and five tasks hand the same text on. */
const CHAIN = `digraph chain {
  node [type=plan, kind=sequential]; a; c; e; g; i
  node [type=task, kind=transform, expression="input"]
  a -> b -> c -> d -> e -> f -> g -> h -> i -> j
}`;
const TEXT = "x".repeat(700);
const CALLERS = 32;

const fill = async (ask: ReturnType<typeof askOf>, lifetimes: number): Promise<void> => {
  let left = lifetimes;
  const call = async () => {
    while (left-- > 0) await ask("POST", "/graphs/chain/lifetimes?wait=30s", { input: TEXT });
  };
  await Promise.all(Array.from({ length: CALLERS }, call));
};

const measure = async ({ runtime, brokers }: Lab, lifetimes: number) => {
  const tenant = `bench-${Date.now().toString(36)}`;
  const ask = askOf(runtime.local, tenant);
  // So that it only writes.
  await ask("PUT", "", { mirror: { in: [] } });
  await ask("POST", "/graphs", { dot: CHAIN });
  await fill(ask, lifetimes);
  const wanted = lifetimes * 10 * 2;
  await using bridge = await startBridge(runtime, tenant, { KAFKA_BROKERS: brokers });
  let memory = 0;
  let text = "";
  let began = 0;
  for (;;) {
    text = await (await fetch(`${bridge.url}/metrics`)).text();
    if (began === 0 && bridge.said("mirror_resumed").length > 0) began = performance.now();
    memory = Math.max(memory, residentBytes(bridge.process.pid ?? 0));
    if (counted(text, "escapement_bridge_records_total") >= wanted) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const seconds = (performance.now() - began) / 1_000;
  const transactions = counted(text, "escapement_bridge_transactions_total");
  const bytes = Math.round(counted(text, "escapement_bridge_bytes_total") / wanted);
  const batch = Math.max(1, Math.round(wanted / transactions));
  const ceiling = await ceilingOf(brokers, { total: wanted, batch, bytes });
  return { rate: wanted / seconds, ceiling, batch, bytes, memory };
};

export const toKafka = async (lab: Lab, runs: number, lifetimes: number): Promise<void> => {
  console.log("\nEdge → Kafka, records that are in the log already");
  const ratios: number[] = [];
  for (let run = 0; run < runs; run++) {
    const { rate, ceiling, batch, bytes, memory } = await measure(lab, lifetimes);
    ratios.push(rate / ceiling.transactions);
    console.log(
      `  ${Math.round(rate)} records/s of ${bytes} B in transactions of ${batch}; kafkajs alone ` +
        `${Math.round(ceiling.transactions)} (${(rate / ceiling.transactions).toFixed(2)} ×), without transactions ` +
        `${Math.round(ceiling.idempotent)} (${(rate / ceiling.idempotent).toFixed(2)} ×); memory ${memory >> 20} MiB`,
    );
  }
  console.log(`  median ${median(ratios).toFixed(2)} × kafkajs alone; to reach 0.70 ×`);
};
