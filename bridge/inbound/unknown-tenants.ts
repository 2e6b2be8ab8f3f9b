/**
 * Records of tenants that the gateway does not have: counted, and passed over when they are too old, or at once as dead
 * letters. What was passed over is committed with what was written of it, under a transactional id that all bridges of
 * the deployment share: who opens it ends what another was at, so that nothing is passed over twice, or taken as well.
 */
import { deadLettersTopic, parseKafkaTopic, unknownGroup, unknownId } from "../../src/mirror/names.ts";
import type { Kafka } from "../kafka/client.ts";
import { type Ranged, readRanges } from "../kafka/ranges.ts";
import type { Bounds, Offsets, Topics } from "../kafka/topics.ts";
import { type KafkaRecord, Writer } from "../kafka/writer.ts";
import type { Log } from "../log.ts";
import type { Measures } from "../measures.ts";
import type { Settings } from "../settings.ts";

/** Bridges that look at the same moment only end each other's transactions. */
const LOOK_MS = 5_000;
const LOOK_JITTER_MS = 5_000;
/** Offsets of a group that commits nothing expire after a week. */
const COMMIT_AGAIN_MS = 24 * 3_600_000;
/** Of one transaction: what is read beyond the bytes is read again. */
const WINDOW_RECORDS = 200;
const WINDOW_BYTES = 4 * 1024 * 1024;
const NO_BYTES = new Uint8Array();
const NO_BOUNDS: Bounds = new Map();

export interface UnknownPorts {
  readonly kafka: Kafka;
  readonly topics: Topics;
  readonly measures: Measures;
  readonly log: Log;
  readonly settings: Pick<Settings, "deployment" | "provision" | "topics" | "unknownTenants">;
  /** As the gateway has it now. */
  isUnknown(tenant: string): Promise<boolean>;
}

interface Work {
  readonly topic: string;
  readonly tenant: string;
  readonly partition: number;
  readonly begin: number;
  readonly to: number;
}

export class UnknownTenants {
  readonly #ports: UnknownPorts;
  readonly #group: string;
  readonly #id: string;
  #next = 0;
  #commitAgain = 0;
  #looking: Promise<void> | undefined;
  #stopped = false;

  constructor(ports: UnknownPorts) {
    this.#ports = ports;
    this.#group = unknownGroup(ports.settings.deployment);
    this.#id = unknownId(ports.settings.deployment);
  }

  /** Now and then; never throws. */
  look(names: readonly string[]): void {
    if (this.#looking || this.#stopped || Date.now() < this.#next) return;
    this.#next = Date.now() + LOOK_MS + Math.random() * LOOK_JITTER_MS;
    this.#looking = this.#lookAt(names)
      .catch((error) => this.#ports.log("info", "unknown_tenants_later", { error: String(error) }))
      .finally(() => {
        this.#looking = undefined;
      });
  }

  /** Where what was passed over of each partition ends. Nothing more is of a tenant that is known by now. */
  async passedOver(): Promise<Offsets> {
    await (await Writer.open(this.#ports.kafka, this.#id)).close();
    return this.#ports.topics.committed(this.#group);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#looking;
  }

  async #lookAt(names: readonly string[]): Promise<void> {
    const { topics, measures } = this.#ports;
    measures.unknownRecords.clear();
    if (names.length === 0) return;
    const committed = await topics.committed(this.#group);
    const again = Date.now() > this.#commitAgain;
    const works: Work[] = [];
    for (const topic of names) {
      const { tenant = "" } = parseKafkaTopic(topic) ?? {};
      const bounds = (await topics.bounds(topic)) ?? NO_BOUNDS;
      const passed = committed.get(topic);
      let waiting = 0;
      for (const [partition, { begin, end }] of bounds)
        waiting += end - Math.max(begin, passed?.get(partition) ?? 0);
      measures.unknownRecords.set({ topic }, waiting);
      const upTo = waiting > 0 ? await this.#upTo(topic, bounds) : undefined;
      for (const [partition, { begin }] of bounds) {
        const from = Math.max(begin, passed?.get(partition) ?? 0);
        const to = Math.max(from, upTo?.get(partition) ?? 0);
        if (to > from || (again && passed?.has(partition)))
          works.push({ topic, tenant, partition, begin, to });
      }
    }
    if (works.length > 0) await this.#passOver(works);
    if (again) this.#commitAgain = Date.now() + COMMIT_AGAIN_MS;
  }

  /** How far to pass over what waits, by partition. */
  async #upTo(topic: string, bounds: Bounds): Promise<ReadonlyMap<number, number>> {
    const { act, holdMs } = this.#ports.settings.unknownTenants;
    if (act === "leave") return this.#ports.topics.offsetsAt(topic, Date.now() - holdMs);
    return new Map([...bounds].map(([partition, { end }]) => [partition, end]));
  }

  async #passOver(works: readonly Work[]): Promise<void> {
    const { kafka, topics } = this.#ports;
    const writer = await Writer.open(kafka, this.#id);
    try {
      // Asked once nobody else is at it: whoever knows the tenant by then has read what is committed by now.
      const committed = await topics.committed(this.#group);
      const known = new Map<string, boolean>();
      for (const work of works) {
        if (this.#stopped) return;
        if (!known.has(work.tenant)) known.set(work.tenant, !(await this.#ports.isUnknown(work.tenant)));
        if (known.get(work.tenant)) continue;
        const from = Math.max(work.begin, committed.get(work.topic)?.get(work.partition) ?? work.begin);
        if (this.#ports.settings.unknownTenants.act === "leave") await this.#giveUp(writer, work, from);
        else await this.#deadLetter(writer, work, from);
      }
    } finally {
      await writer.close();
    }
  }

  async #giveUp(writer: Writer, { topic, partition, to }: Work, from: number): Promise<void> {
    const next = Math.max(from, to);
    await writer.write([], { group: this.#group, topic, partition, next });
    if (next === from) return;
    this.#ports.measures.givenUp.add({ topic }, next - from);
    this.#ports.log("error", "unknown_tenant_given_up", { topic, partition, from, to: next });
  }

  async #deadLetter(writer: Writer, { topic, tenant, partition, to }: Work, from: number): Promise<void> {
    const { kafka, topics, measures, log, settings } = this.#ports;
    const letters = deadLettersTopic(tenant);
    if (settings.provision) await topics.provision([letters], settings.topics);
    let at = from;
    do {
      const until = Math.min(to, at + WINDOW_RECORDS);
      const { records, next } = await windowOf(kafka, { topic, partition, from: at, to: until }, letters);
      await writer.write(records, { group: this.#group, topic, partition, next });
      measures.deadLetters.add({ direction: "to_edge", tenant }, records.length);
      at = next;
    } while (at < to && !this.#stopped);
    if (at > from) log("warn", "unknown_tenant_dead_lettered", { topic, partition, from, to: at });
  }
}

type Window = Parameters<typeof readRanges>[1][number];

/** Dead letters of what fits, and the offset after it. */
const windowOf = async (
  kafka: Kafka,
  range: Window,
  letters: string,
): Promise<{ records: readonly KafkaRecord[]; next: number }> => {
  const records: KafkaRecord[] = [];
  let bytes = 0;
  let next = range.to;
  if (range.from >= range.to) return { records, next };
  await readRanges(kafka, [range], (record) => {
    if (next < range.to || bytes > WINDOW_BYTES) {
      next = Math.min(next, record.offset);
      return;
    }
    bytes += record.value?.byteLength ?? 0;
    records.push(letterOf(record, letters));
  });
  return { records, next };
};

/** Key, value and headers as they came, and where. */
const letterOf = ({ topic, partition, offset, key, value, headers, timestamp }: Ranged, letters: string) => ({
  topic: letters,
  key: key ?? NO_BYTES,
  value: value ?? NO_BYTES,
  timestamp,
  headers: {
    ...headers,
    "escapement-reason": "unknown_tenant",
    "escapement-topic": topic,
    "escapement-partition": String(partition),
    "escapement-offset": String(offset),
  },
});
