/** What the mirror of a tenant has passed on since its object started, by direction and topic. */
import { IGNORED_REASONS, type IgnoredReason } from "../control-plane/disposition.ts";
import { counted, type Family, type Sample, single } from "../metrics/family.ts";
import { TOPIC_NAMES, type Topic } from "../topics/topics.ts";

interface Passed {
  records: number;
  bytes: number;
}

type ByTopic = Readonly<Record<Topic, Passed>>;

const byTopic = (): ByTopic =>
  Object.fromEntries(TOPIC_NAMES.map((topic) => [topic, { records: 0, bytes: 0 }])) as ByTopic;

export interface MirrorGauges {
  /** Bridges that are connected; metrics tell nothing of a tenant that never had one. */
  readonly connections: number;
  /** Records of the log that Kafka lacks, at the most; undefined where none go out. */
  readonly lag: number | undefined;
}

export class Tally {
  readonly #passed = { out: byTopic(), in: byTopic() };
  readonly #ignored = Object.fromEntries(IGNORED_REASONS.map((reason) => [reason, 0])) as Record<
    IgnoredReason,
    number
  >;
  #replicas = 0;

  passed(direction: "out" | "in", topic: Topic, bytes: number, records = 1): void {
    const passed = this.#passed[direction][topic];
    passed.records += records;
    passed.bytes += bytes;
  }

  ignored(reason: IgnoredReason, records: number): void {
    this.#ignored[reason] += records;
  }

  /** Of another deployment. */
  kept(records: number): void {
    this.#replicas += records;
  }

  families({ connections, lag }: MirrorGauges): Family[] {
    if (connections === 0 && lag === undefined) return [];
    return [
      this.#counter("escapement_mirror_records_total", "Records to and from Kafka.", "records"),
      this.#counter("escapement_mirror_bytes_total", "Of the messages of those records.", "bytes"),
      counted(
        "escapement_mirror_ignored_total",
        "Records of Kafka that do not count.",
        "reason",
        this.#ignored,
      ),
      single("counter", "escapement_mirror_replicas_total", "Records of other deployments.", this.#replicas),
      single("gauge", "escapement_mirror_lag_records", "Records of the log that Kafka lacks.", lag),
      single("gauge", "escapement_mirror_connections", "Bridges that are connected.", connections),
    ];
  }

  #counter(name: string, help: string, what: keyof Passed): Family {
    const samples: Sample[] = (["out", "in"] as const).flatMap((direction) =>
      TOPIC_NAMES.map((topic) => ({
        labels: { direction, topic },
        value: this.#passed[direction][topic][what],
      })),
    );
    return { name, help, type: "counter", samples };
  }
}
