/** `npm run bridge -- doctor`: looks at all that the bridge needs, and says what to do. */
import { kafkaClient } from "../kafka/client.ts";
import { Cluster } from "../kafka/cluster.ts";
import { type Environment, readSettings, type Settings } from "../settings.ts";
import { lookAtBrokers, lookAtLogin, lookAtNamed } from "./brokers.ts";
import { type Finding, type Findings, fail, messageOf } from "./finding.ts";
import { lookAtGateway } from "./gateway.ts";
import { linesOf, summaryOf } from "./report.ts";
import { tryRights } from "./rights.ts";
import { lookAtTopics } from "./topics.ts";

async function* lookAtKafka(settings: Settings, tenants: readonly string[]): Findings {
  if (!(yield* lookAtNamed(settings.kafka))) return;
  // It is told now, not after retries.
  const kafka = kafkaClient({ ...settings.kafka, retry: { retries: 1 } }, () => {});
  const cluster = new Cluster(kafka);
  try {
    if (!(yield* lookAtLogin(cluster, settings.kafka))) return;
    yield* lookAtBrokers(cluster, settings);
    const there = yield* lookAtTopics(cluster, settings, tenants);
    yield* tryRights(kafka, cluster, settings, tenants, there);
  } catch (error) {
    yield fail("broker", {
      found: messageOf(error),
      matters: "The rest could not be looked at.",
      todo: "Look at the broker's log.",
    });
  } finally {
    await cluster.close();
  }
}

async function* findings(environment: Environment): Findings {
  let settings: Settings;
  try {
    settings = readSettings(environment);
  } catch (error) {
    for (const found of messageOf(error).split("\n"))
      yield fail("settings", {
        found,
        matters: "The bridge does not start.",
        todo: "Set it as docs/bridge.md says.",
      });
    return;
  }
  const tenants = yield* lookAtGateway(settings);
  yield* lookAtKafka(settings, tenants);
}

/** Whether nothing failed. Findings are said as they are found; as JSON, all at once. */
export const doctor = async (
  environment: Environment,
  say: (text: string) => void,
  { json = false } = {},
): Promise<boolean> => {
  const found: Finding[] = [];
  for await (const finding of findings(environment)) {
    found.push(finding);
    if (!json) say(linesOf(finding));
  }
  const well = found.every(({ level }) => level !== "fail");
  say(json ? JSON.stringify({ well, findings: found }, undefined, 2) : `\n${summaryOf(found)}`);
  return well;
};
