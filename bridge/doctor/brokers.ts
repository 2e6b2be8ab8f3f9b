/** What the doctor looks at of the brokers: whether each is reached where it says it is, its release, its settings. */
import { apiVersions, releaseOf } from "../kafka/api-versions.ts";
import type { KafkaSettings } from "../kafka/client.ts";
import type { Cluster } from "../kafka/cluster.ts";
import type { Settings } from "../settings.ts";
import { type Ailment, type Finding, type Findings, fail, messageOf, ok, warn } from "./finding.ts";
import { RECORD_BYTES } from "./topics.ts";

/** Progress is committed again each day. */
const OFFSETS_MINUTES_MIN = 2 * 24 * 60;

const release = async (address: string, ssl: KafkaSettings["ssl"]): Promise<Finding> => {
  const { name, isEnough } = releaseOf(await apiVersions(address, ssl));
  if (isEnough) return ok("version", `${address} is Kafka ${name}`);
  return fail("version", {
    found: `${address} is Kafka ${name}`,
    matters:
      "Before 4.0, progress may be read before a transaction that moved it is seen: records come twice.",
    todo: "Raise the brokers to Kafka 4.",
  });
};

const unreached = (address: string, error: unknown, todo: string): Ailment => ({
  found: `${address}: ${messageOf(error)}`,
  matters: "What this broker leads can neither be read nor written.",
  todo,
});

/** Before any login. False where no broker answers. */
export async function* lookAtNamed({ brokers, ssl }: KafkaSettings): AsyncGenerator<Finding, boolean> {
  let answers = 0;
  for (const address of brokers) {
    try {
      const versions = await apiVersions(address, ssl);
      answers++;
      yield ok("broker", `${address} answers, with ${versions.size} kinds of request`);
    } catch (error) {
      const todo = `Look whether KAFKA_BROKERS is right, the broker up, and KAFKA_TLS ${ssl ? "not" : ""} to be set.`;
      yield fail("broker", unreached(address, error, todo.replace("  ", " ")));
    }
  }
  return answers > 0;
}

/** False where it is refused. */
export async function* lookAtLogin(
  cluster: Cluster,
  { sasl }: KafkaSettings,
): AsyncGenerator<Finding, boolean> {
  try {
    await cluster.connect();
    yield ok("login", sasl ? `with ${sasl.mechanism}` : "none is needed");
    return true;
  } catch (error) {
    yield fail("login", {
      found: messageOf(error),
      matters: "Nothing can be asked of Kafka.",
      todo: "Set KAFKA_SASL_MECHANISM and what belongs to it as the broker's listener wants it.",
    });
    return false;
  }
}

/** All that the cluster has, where they say that they are. */
export async function* lookAtBrokers(cluster: Cluster, { kafka, provision }: Settings): Findings {
  const brokers = await cluster.brokers();
  for (const { id, address } of brokers)
    yield await release(address, kafka.ssl).catch((error) =>
      fail(
        "broker",
        unreached(`${id} at ${address}`, error, "Mend its advertised.listeners, or the way there."),
      ),
    );
  if (brokers.length > 1 && kafka.brokers.length === 1)
    yield warn("broker", {
      found: `KAFKA_BROKERS names one of ${brokers.length}`,
      matters: "While that one is away, a bridge that starts finds none.",
      todo: `Name several: ${brokers.map(({ address }) => address).join(",")}.`,
    });
  const [first] = brokers;
  if (first) yield* lookAtSettings(cluster, first.id, provision);
}

/** One broker speaks for all. */
async function* lookAtSettings(cluster: Cluster, id: number, provision: boolean): Findings {
  let well = true;
  try {
    const settings = await cluster.brokerSettings(id);
    const minutes = Number(settings.get("offsets.retention.minutes"));
    if (minutes < OFFSETS_MINUTES_MIN) {
      well = false;
      yield warn("broker", {
        found: `offsets.retention.minutes is ${minutes}`,
        matters: "Progress that is not committed for so long is forgotten, and has to be looked for.",
        todo: `Raise it to ${OFFSETS_MINUTES_MIN} or more.`,
      });
    }
    const bytes = Number(settings.get("message.max.bytes"));
    if (provision && bytes < RECORD_BYTES) {
      well = false;
      yield warn("broker", {
        found: `message.max.bytes is ${bytes}, and topics that are made have it`,
        matters: "Larger records become dead letters.",
        todo: `Raise it to ${RECORD_BYTES}, or set max.message.bytes in BRIDGE_TOPIC_CONFIG.`,
      });
    }
    if (well) yield ok("broker", "its settings are as they should be");
  } catch (error) {
    yield warn("broker", {
      found: `its settings may not be looked at: ${messageOf(error)}`,
      matters: "Nothing of the bridge needs them; only the doctor cannot tell.",
      todo: `Allow the principal to describe configs, or see that offsets.retention.minutes is ${OFFSETS_MINUTES_MIN} or more, and message.max.bytes ${RECORD_BYTES} or more.`,
    });
  }
}
