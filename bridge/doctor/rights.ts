/** What the doctor tries of what a bridge has to be allowed to do, for real and without a trace. */
import { topicsOf } from "../../src/mirror/names.ts";
import { consumerGroup } from "../consumer-group.ts";
import type { Kafka } from "../kafka/client.ts";
import type { Cluster } from "../kafka/cluster.ts";
import { joinGroup, RightsInTransaction } from "../kafka/rights.ts";
import type { Settings } from "../settings.ts";
import { type Finding, type Findings, fail, Grouped, messageOf, ok } from "./finding.ts";

/** Of whose topics it is tried; those of a thousand tenants have the same prefixes, and take minutes. */
const TENANTS_TRIED_MAX = 20;
/** Whose topics would be made, where there is no tenant yet. */
const ANY_TENANT = "doctor";

const allow = (what: string): string => `Allow the bridge's principal to ${what}.`;
/** A coordinator that cannot be, and one that may not be asked for, look the same from here. */
const coordinated = (topic: string, settings: string): string =>
  `Where it is allowed: look whether the brokers can make ${topic} (${settings}.replication.factor).`;

async function* tryCreation(cluster: Cluster, { topics }: Settings, names: readonly string[]): Findings {
  const grouped = new Grouped();
  try {
    for (const { topic, error } of await cluster.notMade(names, topics)) grouped.add(messageOf(error), topic);
  } catch (error) {
    grouped.add(messageOf(error), "new topics");
  }
  for (const found of grouped.lines)
    yield fail("create", {
      found,
      matters: "What is missing cannot be made, and what belongs there is not mirrored.",
      todo: `${allow("create topics")} Or make them, and set BRIDGE_PROVISION to false. Where it is not about rights: mend BRIDGE_TOPIC_PARTITIONS, BRIDGE_TOPIC_REPLICATION or BRIDGE_TOPIC_CONFIG.`,
    });
  if (grouped.lines.length === 0) yield ok("create", "topics may be made as they are set");
}

/** Under a name of its own, so that bridges that run are not disturbed. */
const tryGroup = async (
  kafka: Kafka,
  group: string,
  { prefix, matters }: { readonly prefix: string; readonly matters: string },
): Promise<Finding> => {
  try {
    await joinGroup(kafka, group);
    return ok("groups", `those that begin with ${prefix} may be joined`);
  } catch (error) {
    const found = `${group} cannot be joined: ${messageOf(error)}`;
    const todo = `${allow(`read groups with the prefix "${prefix}"`)} ${coordinated("__consumer_offsets", "offsets.topic")}`;
    return fail("groups", { found, matters, todo });
  }
};

async function* tryTransaction(kafka: Kafka, deployment: string, topics: readonly string[]): Findings {
  let rights: RightsInTransaction;
  try {
    rights = await RightsInTransaction.begin(kafka, `escapement.doctor.${deployment}`);
  } catch (error) {
    yield fail("writes", {
      found: `no transaction can be begun: ${messageOf(error)}`,
      matters: "Nothing goes from the edge to Kafka.",
      todo: `${allow('write transactional ids with the prefix "escapement.", and its topics')} ${coordinated("__transaction_state", "transaction.state.log")}`,
    });
    return;
  }
  try {
    yield* tryTopics(rights, `escapement-progress.doctor.${deployment}`, topics);
  } finally {
    await rights.end();
  }
}

async function* tryTopics(rights: RightsInTransaction, group: string, topics: readonly string[]): Findings {
  const writes = new Grouped();
  const reads = new Grouped();
  for (const topic of topics) {
    await rights.write(topic).catch((error) => writes.add(messageOf(error), topic));
    await rights.commitOffset(group, topic).catch((error) => reads.add(messageOf(error), topic));
  }
  for (const found of writes.lines)
    yield fail("writes", {
      found,
      matters: "What belongs there waits at the edge, and all that comes after it.",
      todo: allow("write these topics"),
    });
  for (const found of reads.lines)
    yield fail("reads", {
      found,
      matters: "What is there does not come to the edge, or progress cannot be kept.",
      todo: allow('read these topics, and groups with the prefix "escapement-progress."'),
    });
  const tried = topics.length === 0 ? "no topics yet to try it with" : `tried with ${topics.length} topics`;
  if (writes.lines.length === 0) yield ok("writes", `in transactions: ${tried}`);
  if (reads.lines.length === 0) yield ok("reads", `topics, and progress in transactions: ${tried}`);
}

/** `there` are the topics that can be tried. */
export async function* tryRights(
  kafka: Kafka,
  cluster: Cluster,
  settings: Settings,
  tenants: readonly string[],
  there: readonly string[],
): Findings {
  const names = (tenants.length === 0 ? [ANY_TENANT] : tenants.slice(0, TENANTS_TRIED_MAX)).flatMap(topicsOf);
  if (settings.provision) yield* tryCreation(cluster, settings, names);
  const bridges = { prefix: "escapement-bridge.", matters: "Nothing comes from Kafka to the edge." };
  yield await tryGroup(kafka, `${consumerGroup(settings)}.doctor`, bridges);
  const ranges = {
    prefix: "escapement-ranges-",
    matters: "Progress that Kafka has lost could not be found again.",
  };
  yield await tryGroup(kafka, "escapement-ranges-doctor", ranges);
  const tried = names.filter((name) => there.includes(name));
  yield* tryTransaction(kafka, settings.deployment, tried);
}
