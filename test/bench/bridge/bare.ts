// The ceiling: what goes to Kafka without us, by the same records in transactions of the same size on the same broker.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { deleteTopics, topicIds } from "../../../bridge/kafka/topic-ids.ts";
import { Topics } from "../../../bridge/kafka/topics.ts";
import type { Ceiling, Loop } from "./bare-loop.ts";
import { kafkaOf, type Lab } from "./lab.ts";

const SCRIPT = join(import.meta.dirname, "bare-loop.ts");

export const ceilingOf = async (lab: Lab, of: Omit<Loop, "brokers" | "topics">): Promise<Ceiling> => {
  const kafka = kafkaOf(lab);
  const topics = new Topics(kafka);
  await topics.connect();
  const stamp = Date.now().toString(36);
  const names = ["a", "b", "c", "d"].map((each) => `bench-${stamp}-${each}`);
  await topics.provision(names, { partitions: 4, replication: 1, config: {} });
  const loop: Loop = { brokers: lab.brokers, topics: names, ...of };
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, JSON.stringify(loop)]);
  await deleteTopics(kafka, await topicIds(kafka, names));
  await topics.close();
  return JSON.parse(stdout) as Ceiling;
};
