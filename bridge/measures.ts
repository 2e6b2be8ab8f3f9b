/** What the bridge has counted since it started, as metrics. */
import { type Family, type Labels, type Sample, single } from "../src/metrics/family.ts";
import { Histogram } from "../src/metrics/histogram.ts";

/** Seconds; the interesting ones are some milliseconds to a second. */
const DELAYS = [0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];

export type Direction = "to_kafka" | "to_edge";

class Counter {
  readonly #counts = new Map<string, { labels: Labels; value: number }>();

  add(labels: Labels, value = 1): void {
    const key = Object.values(labels).join("\n");
    const found = this.#counts.get(key);
    if (found) found.value += value;
    else this.#counts.set(key, { labels, value });
  }

  /** As it is now, where it is no count. */
  set(labels: Labels, value: number): void {
    this.#counts.set(Object.values(labels).join("\n"), { labels, value });
  }

  get(labels: Labels): number | undefined {
    return this.#counts.get(Object.values(labels).join("\n"))?.value;
  }

  /** All others are gone. */
  keep(wanted: (labels: Labels) => boolean): void {
    for (const [key, { labels }] of this.#counts) if (!wanted(labels)) this.#counts.delete(key);
  }

  clear(): void {
    this.#counts.clear();
  }

  samples(): Sample[] {
    return [...this.#counts.values()];
  }
}

export class Measures {
  readonly records = new Counter();
  readonly bytes = new Counter();
  readonly lag = new Counter();
  readonly transactions = new Counter();
  readonly reconnects = new Counter();
  readonly refusals = new Counter();
  readonly undelivered = new Counter();
  readonly recoveries = new Counter();
  readonly lost = new Counter();
  readonly unknownTenants = new Counter();
  readonly unknownRecords = new Counter();
  readonly givenUp = new Counter();
  readonly deadLetters = new Counter();
  readonly echoes = new Counter();
  readonly leaderless = new Counter();
  readonly #delays: Readonly<Record<Direction, Histogram>> = {
    to_kafka: new Histogram(DELAYS),
    to_edge: new Histogram(DELAYS),
  };

  moved(direction: Direction, tenant: string, topic: string, records: number, bytes: number): void {
    const labels = { direction, tenant, topic };
    this.records.add(labels, records);
    this.bytes.add(labels, bytes);
  }

  /** From when it was appended where it comes from until it was on disk where it goes. */
  delayed(direction: Direction, ms: number): void {
    this.#delays[direction].observe(Math.max(0, ms) / 1_000);
  }

  families(): Family[] {
    const counter = (name: string, help: string, of: Counter): Family => ({
      name: `escapement_bridge_${name}_total`,
      help,
      type: "counter",
      samples: of.samples(),
    });
    return [
      counter("records", "Records mirrored", this.records),
      counter("bytes", "Bytes of their values", this.bytes),
      counter("transactions", "Transactions with Kafka, by outcome", this.transactions),
      counter("reconnects", "Connections to tenants that ended, by reason", this.reconnects),
      counter("refusals", "What tenants refused", this.refusals),
      counter("undelivered", "Records that the broker does not take", this.undelivered),
      counter("unknown_tenant_given_up", "Records that waited too long for their tenant", this.givenUp),
      counter("dead_letters", "Records put aside for good, by where they were to go", this.deadLetters),
      counter("echoes", "Records of the deployment's own that came back, and were dropped", this.echoes),
      counter("recoveries", "Lost progress that was found again", this.recoveries),
      counter("lost_offsets", "Log offsets that were trimmed before Kafka had them", this.lost),
      {
        name: "escapement_bridge_lag_records",
        help: "Records that the other side does not have yet: of a partition of Kafka, or of a tenant's log",
        type: "gauge",
        samples: this.lag.samples(),
      },
      {
        name: "escapement_bridge_unknown_tenant_topics",
        help: "Topics of tenants that the gateway does not have",
        type: "gauge",
        samples: this.unknownTenants.samples(),
      },
      {
        name: "escapement_bridge_unknown_tenant_records",
        help: "Records of these that wait for their tenant",
        type: "gauge",
        samples: this.unknownRecords.samples(),
      },
      {
        name: "escapement_bridge_leaderless_topics",
        help: "Topics that are not read, because a partition of them has no leader",
        type: "gauge",
        samples: this.leaderless.samples(),
      },
      {
        name: "escapement_bridge_delay_seconds",
        help: "From where a record was appended to where it is mirrored",
        type: "histogram",
        samples: Object.entries(this.#delays).flatMap(([direction, each]) => each.samples({ direction })),
      },
      single("gauge", "escapement_bridge_memory_bytes", "Resident memory", process.memoryUsage.rss()),
    ];
  }
}
