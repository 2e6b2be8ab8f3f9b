/** What the doctor looks at on the side of Kafka: the broker, its settings, the topics, and what the bridge may do. */
import { deadLettersTopic, kafkaTopic } from "../../src/mirror/names.ts";
import { TOPIC_NAMES } from "../../src/topics/topics.ts";
import { consumerGroup } from "../consumer-group.ts";
import { kafkaClient } from "../kafka/client.ts";
import { Topics } from "../kafka/topics.ts";
import { Writer } from "../kafka/writer.ts";
import type { Settings } from "../settings.ts";
import { type Finding, fail, look, ok, warn } from "./check.ts";

/** A record of the size of the largest input, with its headers. */
const MESSAGE_BYTES_MIN = 1_000_000;
/** Progress is committed again each day. */
const OFFSETS_MINUTES_MIN = 2 * 24 * 60;

const brokerSettings = (found: ReadonlyMap<string, string>): readonly Finding[] => {
  const findings: Finding[] = [];
  const bytes = Number(found.get("message.max.bytes"));
  if (bytes < MESSAGE_BYTES_MIN)
    findings.push(
      warn(
        "broker",
        `message.max.bytes is ${bytes}: raise it to ${MESSAGE_BYTES_MIN}, or large inputs become dead letters.`,
      ),
    );
  const minutes = Number(found.get("offsets.retention.minutes"));
  if (minutes < OFFSETS_MINUTES_MIN)
    findings.push(
      warn(
        "broker",
        `offsets.retention.minutes is ${minutes}: raise it to ${OFFSETS_MINUTES_MIN}, or progress is lost.`,
      ),
    );
  return findings;
};

const topicFindings = async (
  topics: Topics,
  settings: Settings,
  tenants: readonly string[],
): Promise<readonly Finding[]> => {
  const there = new Set(await topics.list());
  const findings: Finding[] = [];
  for (const tenant of tenants) {
    const names = [...TOPIC_NAMES.map((topic) => kafkaTopic(topic, tenant)), deadLettersTopic(tenant)];
    const missing = names.filter((name) => !there.has(name));
    if (missing.length === 0) findings.push(ok("topics", `${tenant} has all seven`));
    else if (settings.provision)
      findings.push(ok("topics", `${tenant}: ${missing.length} of seven are to be made`));
    else
      findings.push(
        fail(
          "topics",
          `${tenant}: ${missing.join(", ")} missing. Make them, or set BRIDGE_PROVISION to true.`,
        ),
      );
  }
  return findings;
};

export const lookAtKafka = async (
  settings: Settings,
  tenants: readonly string[],
): Promise<readonly Finding[]> => {
  // It is told now, not after retries.
  const kafka = kafkaClient({ ...settings.kafka, retry: { retries: 1 } }, () => {});
  const topics = new Topics(kafka);
  const connected = await look(
    "broker",
    async () => {
      await topics.connect();
      const { brokers, controller } = await topics.cluster();
      return [ok("broker", `${brokers} of them answer; the controller is ${controller}`)];
    },
    "Check KAFKA_BROKERS, KAFKA_TLS_… and KAFKA_SASL_….",
  );
  if (connected.some(({ level }) => level === "fail")) return connected;
  const findings = [...connected];
  const may = (what: string) => `Allow the bridge's principal to ${what}.`;
  findings.push(...(await look("broker", async () => brokerSettings(await topics.brokerSettings()), "")));
  findings.push(
    ...(await look("topics", () => topicFindings(topics, settings, tenants), may("describe topics"))),
  );
  const group = consumerGroup(settings);
  const [tenant] = tenants;
  const topic = tenant === undefined ? undefined : deadLettersTopic(tenant);
  if (topic !== undefined && (await topics.list()).includes(topic)) {
    const reads = async () => {
      await topics.progress({ group, topic });
      return [ok("groups", "may be read")];
    };
    findings.push(...(await look("groups", reads, may("read groups that begin with escapement-"))));
    const writes = async () => {
      const writer = await Writer.open(kafka, `escapement.doctor.${settings.deployment}`);
      const nothing = { key: new Uint8Array(), value: new Uint8Array(), headers: {}, timestamp: Date.now() };
      // Its transaction is aborted: no reader of committed records sees it.
      await writer.takes({ topic, ...nothing }).finally(() => writer.close());
      return [ok("writes", "transactions are allowed")];
    };
    const needed = may("write to its topics, and with transactional ids that begin with escapement.");
    findings.push(...(await look("writes", writes, needed)));
  }
  await topics.close();
  return findings;
};
