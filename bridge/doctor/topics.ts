/** What the doctor looks at of the topics: whether they are there, and whether they are set so that nothing is lost. */
import { INPUT_BYTES_MAX } from "../../src/limits.ts";
import { deadLettersTopic, topicsOf } from "../../src/mirror/names.ts";
import type { Cluster, ConfigEntries, TopicShape } from "../kafka/cluster.ts";
import type { Settings } from "../settings.ts";
import { type Finding, fail, Grouped, messageOf, ok, some, warn } from "./finding.ts";

/** The largest input with its key and headers. */
export const RECORD_BYTES = INPUT_BYTES_MAX + 64 * 1024;
/** A bridge that nobody missed on one day is there on the next. */
const RETENTION_MS_MIN = 24 * 3_600_000;

interface Rule {
  readonly level: "warn" | "fail";
  /** Empty where it is well. */
  readonly found: (topic: TopicShape, settings: ConfigEntries) => string;
  readonly matters: string;
  readonly todo: string;
}

/** What is not told counts as well. */
const numberOf = (settings: ConfigEntries, name: string): number => Number(settings.get(name) ?? Number.NaN);

const RULES: readonly Rule[] = [
  {
    level: "fail",
    found: ({ replicas }, settings) => {
      const least = numberOf(settings, "min.insync.replicas");
      return least > replicas ? `min.insync.replicas is ${least}, with ${replicas} replicas` : "";
    },
    matters: "No record can be written to it.",
    todo: "Lower it, or add replicas.",
  },
  {
    level: "warn",
    found: ({ replicas }, settings) =>
      replicas > 1 && numberOf(settings, "min.insync.replicas") === 1
        ? `min.insync.replicas is 1, with ${replicas} replicas`
        : "",
    matters: "What one broker alone has acknowledged is lost with it.",
    todo: "Set it to 2.",
  },
  {
    level: "warn",
    found: (_, settings) =>
      settings.get("unclean.leader.election.enable") === "true"
        ? "unclean.leader.election.enable is true"
        : "",
    matters: "A broker that lacks records may lead, and they are gone.",
    todo: "Set it to false.",
  },
  {
    level: "fail",
    found: (_, settings) => {
      const policy = settings.get("cleanup.policy") ?? "";
      return policy.includes("compact") ? `cleanup.policy is ${policy}` : "";
    },
    matters: "Keys are names of nodes, and of each only the last record would be kept.",
    todo: "Set it to delete.",
  },
  {
    level: "warn",
    found: (_, settings) => {
      const ms = numberOf(settings, "retention.ms");
      return ms >= 0 && ms < RETENTION_MS_MIN ? `retention.ms is ${ms}` : "";
    },
    matters: "What no bridge or executor has read by then is deleted.",
    todo: `Raise it to ${RETENTION_MS_MIN} or more.`,
  },
  {
    level: "warn",
    found: (_, settings) => {
      const bytes = numberOf(settings, "max.message.bytes");
      return bytes < RECORD_BYTES ? `max.message.bytes is ${bytes}` : "";
    },
    matters: "Larger records become dead letters.",
    todo: `Raise it to ${RECORD_BYTES} or more.`,
  },
];

const otherCount = ({ partitions }: Settings["topics"]): Rule => ({
  level: "warn",
  found: (topic) =>
    topic.partitions === partitions ? "" : `${topic.partitions} partitions, and ${partitions} are set`,
  matters: "BRIDGE_TOPIC_PARTITIONS is of topics that are made; those that there are stay as they are.",
  todo: "Set it as they are; or add partitions while nothing is in them, for keys move.",
});

/** One finding for all topics that have the same. */
const findingsOf = (
  { level, found, matters, todo }: Rule,
  topics: readonly TopicShape[],
  settings: ReadonlyMap<string, ConfigEntries>,
): readonly Finding[] => {
  const grouped = new Grouped();
  for (const topic of topics) {
    const said = found(topic, settings.get(topic.name) ?? new Map());
    if (said !== "") grouped.add(said, topic.name);
  }
  const finding = level === "warn" ? warn : fail;
  return grouped.lines.map((line) => finding("topics", { found: line, matters, todo }));
};

/** Ends with the names of those that there are. */
export async function* lookAtTopics(
  cluster: Cluster,
  { provision, topics: wanted }: Settings,
  tenants: readonly string[],
): AsyncGenerator<Finding, readonly string[]> {
  const names = tenants.flatMap(topicsOf);
  const there = await cluster.topics(names);
  const found = new Set(there.map(({ name }) => name));
  for (const tenant of tenants) {
    const missing = topicsOf(tenant).filter((name) => !found.has(name));
    if (missing.length === 0) yield ok("topics", `${tenant} has all seven`);
    else if (provision) yield ok("topics", `${tenant}: ${missing.length} of seven are to be made`);
    else
      yield fail("topics", {
        found: `${tenant}: ${some(missing)} missing`,
        matters: "What belongs there is not mirrored, and what the tenant sends waits.",
        todo: "Make them, or set BRIDGE_PROVISION to true.",
      });
  }
  // Nothing is kept in those of dead letters.
  const shapes = there.filter(({ name }) => !tenants.some((tenant) => name === deadLettersTopic(tenant)));
  let settings: ReadonlyMap<string, ConfigEntries> = new Map();
  try {
    settings = await cluster.topicSettings(shapes.map(({ name }) => name));
  } catch (error) {
    yield warn("topics", {
      found: `their settings may not be looked at: ${messageOf(error)}`,
      matters: "Nothing of the bridge needs them; only the doctor cannot tell.",
      todo: "Allow the principal to describe configs.",
    });
  }
  for (const rule of [...RULES, ...(provision ? [otherCount(wanted)] : [])])
    yield* findingsOf(rule, shapes, settings);
  return [...found];
}
