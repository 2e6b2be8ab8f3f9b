/**
 * `npm run bench:bridge`: the bridge beside kafkajs alone, on the same broker in the same run. Needs what the tests of the
 * bridge need.
 */
import { parseArgs } from "node:util";
import { findBroker } from "../../../bridge/local/find-broker.ts";
import { startRuntime } from "../../bridge/lab.ts";
import { delays } from "./delays.ts";
import { steps, toEdge } from "./to-edge.ts";
import { toKafka } from "./to-kafka.ts";

const { values: options } = parseArgs({
  options: {
    runs: { type: "string", default: "3" },
    lifetimes: { type: "string", default: "3000" },
    seconds: { type: "string", default: "15" },
    records: { type: "string", default: "100000" },
  },
});

const broker = await findBroker();
if (typeof broker === "string") throw new Error(`There is no Kafka broker: ${broker}`);
try {
  await using runtime = await startRuntime();
  const lab = { runtime, brokers: broker.brokers };
  await toKafka(lab, Number(options.runs), Number(options.lifetimes));
  await delays(lab, Number(options.runs), Number(options.seconds));
  await toEdge(lab, Number(options.runs), Number(options.records));
  await steps(lab);
} finally {
  await broker[Symbol.asyncDispose]();
}
