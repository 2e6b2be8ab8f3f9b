/**
 * Kafka → edge: how fast a topic that is full already is taken in, beside a bare append of the same batches. The strict
 * ceiling writes a whole batch as one row, which nobody could read a record from; beside it is one with a row a record.
 */
import { kafkaTopic } from "../../../src/mirror/names.ts";
import { median } from "../median.ts";
import { appendCeiling } from "./append.ts";
import { counted } from "./exposition.ts";
import { fill } from "./fill.ts";
import { type Ask, kafkaOf, type Lab, mebibytes, newTenant, watchedBridge } from "./lab.ts";
import { until } from "./wait.ts";

const TOPIC = "persisted-task-executions";

/** Of a record of 1 KiB in its frame, about. */
const ROW_BYTES = 1_060;

interface MirrorView {
  readonly partitions: readonly { readonly next: number }[];
}

/** What the object says that it has of Kafka. */
const takenIn = async (ask: Ask): Promise<number> => {
  const { partitions } = await ask<MirrorView>("GET", "/mirror");
  return partitions.reduce((sum, { next }) => sum + next, 0);
};

/** Takes in as many, or as many as it can within the time. */
export const drain = async (lab: Lab, records: number, secondsMax = Number.POSITIVE_INFINITY) => {
  const { tenant, ask } = newTenant(lab, "edge");
  await ask("PUT", "", { mirror: { out: [] } });
  await fill(kafkaOf(lab), kafkaTopic(TOPIC, tenant), tenant, records);
  await using bridge = await watchedBridge(lab, tenant);
  await until("the partitions", () => bridge.said("partitions_assigned").length > 0);
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1_000;
  let taken = 0;
  await until("the records", async () => {
    taken = counted(await bridge.metrics(), "escapement_bridge_records_total");
    return taken >= records || seconds() > secondsMax;
  });
  const rate = taken / seconds();
  const found = await takenIn(ask);
  if (found < taken || (taken >= records && found !== records))
    throw new Error(`the bridge has moved ${taken} of ${records} records, and the object has ${found}`);
  return { rate, taken, memory: bridge.peakBytes() };
};

export const toEdge = async (lab: Lab, records: number): Promise<void> => {
  console.log(`\nKafka → edge, ${records} executions of 1 KiB that are in the topic already`);
  const ratios: number[] = [];
  for (let run = 0; run < lab.runs; run++) {
    const { rate, memory } = await drain(lab, records);
    const ceiling = await appendCeiling(records);
    const byRecord = await appendCeiling(records, ROW_BYTES);
    ratios.push(rate / ceiling);
    console.log(
      `  ${Math.round(rate)} records/s; appended as they come ${Math.round(ceiling)} ` +
        `(${(rate / ceiling).toFixed(2)} ×), a row a record ${Math.round(byRecord)} ` +
        `(${(rate / byRecord).toFixed(2)} ×); memory ${mebibytes(memory)}`,
    );
  }
  console.log(`  median ${median(ratios).toFixed(2)} × the bare append; to reach 0.50 ×`);
};
