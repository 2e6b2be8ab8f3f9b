/**
 * `npm run bench:bridge`: the bridge beside kafkajs alone and a bare append, on the same broker in the same run. Needs
 * what the tests of the bridge need. `--section` picks what is run; without it, all of it is.
 */
import { parseArgs } from "node:util";
import { findBroker } from "../../../bridge/local/find-broker.ts";
import { startRuntime } from "../../bridge/lab.ts";
import { ceilingOf } from "./bare.ts";
import { delays } from "./delays.ts";
import type { Lab } from "./lab.ts";
import { lag } from "./lag.ts";
import { steps } from "./steps.ts";
import { toEdge } from "./to-edge.ts";
import { toKafka } from "./to-kafka.ts";

const SECTIONS = {
  "to-kafka": (lab: Lab) => toKafka(lab, Number(options.lifetimes)),
  "to-edge": (lab: Lab) => toEdge(lab, Number(options.records)),
  delays: (lab: Lab) => delays(lab, Number(options.seconds)),
  steps,
  lag: (lab: Lab) => lag(lab, Number(options.lag)),
};

const { values: options } = parseArgs({
  options: {
    section: { type: "string", default: Object.keys(SECTIONS).join() },
    runs: { type: "string", default: "3" },
    lifetimes: { type: "string", default: "3000" },
    records: { type: "string", default: "100000" },
    seconds: { type: "string", default: "10" },
    lag: { type: "string", default: "1000000" },
  },
});

const WARM_UP = { total: 90_000, batch: 3_000, bytes: 1_024 };

const broker = await findBroker();
if (typeof broker === "string") throw new Error(`There is no Kafka broker: ${broker}`);
try {
  await using runtime = await startRuntime();
  const lab = { runtime, brokers: broker.brokers, runs: Number(options.runs) };
  // Of a broker that has just begun every figure is twice as high.
  await ceilingOf(lab, WARM_UP);
  for (const name of options.section.split(",")) {
    const section = SECTIONS[name as keyof typeof SECTIONS];
    if (section === undefined)
      throw new Error(`no section ${name}; there are ${Object.keys(SECTIONS).join(", ")}`);
    await section(lab);
  }
} finally {
  await broker[Symbol.asyncDispose]();
}
