// How long a record takes from one side to the other at a thousand a second.
import { kafkaTopic } from "../../../src/mirror/names.ts";
import { TOPIC_NAMES } from "../../../src/topics/topics.ts";
import { median } from "../median.ts";
import { buckets, counted, quantile } from "./exposition.ts";
import { executionRecord, fill } from "./fill.ts";
import { kafkaOf, type Lab, newTenant, watchedBridge } from "./lab.ts";
import { until } from "./wait.ts";

const RECORDS_A_SECOND = 1_000;
const ECHO = `digraph echo {
  begin [type=plan, kind=parallel]
  say [type=task, kind=transform, expression="input"]
  begin -> say
}`;
const TEXT = "x".repeat(700);
/** A lifetime is two executions, and each of those two records. */
const RECORDS_OF_ECHO = 4;
/** Of the records: while everything is warming up they are left out. */
const WARM_UP = 1 / 5;

interface Delays {
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** Calls so often a second, whatever the calls take. */
const paced = async (count: number, aSecond: number, call: (n: number) => void): Promise<void> => {
  const began = performance.now();
  for (let n = 0; n < count; n++) {
    const due = began + (n * 1_000) / aSecond - performance.now();
    if (due > 1) await new Promise((resolve) => setTimeout(resolve, due));
    call(n);
  }
};

/** From the append to the log to a reader of committed records. */
const toKafka = async (lab: Lab, seconds: number): Promise<Delays> => {
  const { tenant, ask } = newTenant(lab, "delay");
  await ask("PUT", "", { mirror: { in: [] } });
  await ask("POST", "/graphs", { dot: ECHO });
  await using bridge = await watchedBridge(lab, tenant);
  await until("the lease", () => bridge.said("mirror_resumed").length > 0);
  const consumer = kafkaOf(lab).consumer({ groupId: `${tenant}-reader`, maxWaitTimeInMs: 50 });
  await consumer.connect();
  const topics = TOPIC_NAMES.map((topic) => kafkaTopic(topic, tenant));
  await consumer.subscribe({ topics, fromBeginning: true });
  const found: number[] = [];
  await consumer.run({
    // It would commit after the records of each partition, and be the slowest of all.
    autoCommit: false,
    eachBatch: async ({ batch: { messages } }) => {
      const now = Date.now();
      for (const { timestamp } of messages) found.push(now - Number(timestamp));
    },
  });
  const calls: Promise<unknown>[] = [];
  const wanted = seconds * RECORDS_A_SECOND;
  await paced(wanted / RECORDS_OF_ECHO, RECORDS_A_SECOND / RECORDS_OF_ECHO, () => {
    calls.push(ask("POST", "/graphs/echo/lifetimes", { input: TEXT }));
  });
  await Promise.all(calls);
  await until("the records", () => found.length >= wanted);
  await consumer.disconnect();
  if (found.length !== wanted) throw new Error(`${found.length} records for ${wanted}`);
  const sorted = found.slice(wanted * WARM_UP).sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
  return { p50: at(0.5), p99: at(0.99) };
};

/** From the producer until the bridge has it from the object that it is on disk. */
const toEdge = async (lab: Lab, seconds: number): Promise<Delays> => {
  const { tenant, ask } = newTenant(lab, "delay");
  await ask("PUT", "", { mirror: { out: [] } });
  const kafka = kafkaOf(lab);
  const topic = kafkaTopic("persisted-task-executions", tenant);
  await fill(kafka, topic, tenant, 0);
  await using bridge = await watchedBridge(lab, tenant);
  await until("the partitions", () => bridge.said("partitions_assigned").length > 0);
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  const look = async () =>
    buckets(await bridge.metrics(), "escapement_bridge_delay_seconds", `direction="to_edge"`);
  const sends: Promise<unknown>[] = [];
  const wanted = seconds * RECORDS_A_SECOND;
  const produce = (n: number) => {
    const messages = [{ ...executionRecord(tenant, n), timestamp: String(Date.now()) }];
    sends.push(producer.send({ topic, messages }));
  };
  await paced(wanted * WARM_UP, RECORDS_A_SECOND, produce);
  const before = await look();
  await paced(wanted - sends.length, RECORDS_A_SECOND, produce);
  await Promise.all(sends);
  await until(
    "the records",
    async () => counted(await bridge.metrics(), "escapement_bridge_records_total") >= wanted,
  );
  const after = await look();
  await producer.disconnect();
  return { p50: 1_000 * quantile(before, after, 0.5), p99: 1_000 * quantile(before, after, 0.99) };
};

const section = async (
  title: string,
  lab: Lab,
  measure: (lab: Lab, seconds: number) => Promise<Delays>,
  seconds: number,
): Promise<void> => {
  console.log(`\n${title}, at ${RECORDS_A_SECOND} records/s`);
  const found: Delays[] = [];
  for (let run = 0; run < lab.runs; run++) {
    const { p50, p99 } = await measure(lab, seconds);
    found.push({ p50, p99 });
    console.log(`  p50 ${Math.round(p50)} ms, p99 ${Math.round(p99)} ms`);
  }
  const middle = (of: keyof Delays) => Math.round(median(found.map((each) => each[of])));
  console.log(`  median p50 ${middle("p50")} ms, p99 ${middle("p99")} ms; to reach 50 and 250`);
};

export const delays = async (lab: Lab, seconds: number): Promise<void> => {
  await section("Edge → Kafka, from the log to a reader", lab, toKafka, seconds);
  await section("Kafka → edge, from the producer to the object's acknowledgement", lab, toEdge, seconds);
};
