/**
 * Records of tenants that the gateway does not have: counted, and passed over when they are too old, or at once as dead
 * letters. What was passed over is committed with what was written of it, under a transactional id that all bridges of
 * the deployment share: who opens it ends what another was at, so that nothing is passed over twice, or taken as well.
 */
import { deadLettersTopic, parseKafkaTopic, unknownGroup, unknownId } from "../../src/mirror/names.ts";
import type { Kafka } from "../kafka/client.ts";
import { type Range, readBatches } from "../kafka/ranges.ts";
import { type Bounds, COMMIT_AGAIN_MS, type Offsets, type Topics } from "../kafka/topics.ts";
import { Writer } from "../kafka/writer.ts";
import type { Log } from "../log.ts";
import type { Measures } from "../measures.ts";
import type { Settings } from "../settings.ts";
import { LetterWriter, type Part, partsOf } from "./letters.ts";

/** Bridges that look at the same moment only end each other's transactions. */
const LOOK_MS = 5_000;
const LOOK_JITTER_MS = 5_000;
const NO_BOUNDS: Bounds = new Map();

export interface UnknownPorts {
  readonly kafka: Kafka;
  readonly topics: Topics;
  readonly measures: Measures;
  readonly log: Log;
  /** Of the bridges: what it has committed was handed to a tenant that is gone. */
  readonly group: string;
  readonly settings: Pick<Settings, "deployment" | "provision" | "topics" | "unknownTenants">;
  /** As the gateway has it now. */
  isUnknown(tenant: string): Promise<boolean>;
}

type Bound = NonNullable<ReturnType<Bounds["get"]>>;

/** What is passed over; nothing where it only says again how far that was. */
interface Passage extends Range {
  readonly tenant: string;
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
    const { topics, measures, group } = this.#ports;
    measures.unknownRecords.clear();
    if (names.length === 0) return;
    const committed = await topics.committed(this.#group);
    const handed = await topics.committed(group);
    const again = Date.now() > this.#commitAgain;
    const passages: Passage[] = [];
    for (const topic of names) {
      const { tenant = "" } = parseKafkaTopic(topic) ?? {};
      const bounds = (await topics.bounds(topic)) ?? NO_BOUNDS;
      const passed = committed.get(topic);
      const fromOf = (partition: number, bound: Bound) =>
        Math.max(beginOf(bound, handed.get(topic)?.get(partition)), passed?.get(partition) ?? 0);
      let waiting = 0;
      for (const [partition, bound] of bounds) waiting += bound.end - fromOf(partition, bound);
      measures.unknownRecords.set({ topic }, waiting);
      const upTo = waiting > 0 ? await this.#upTo(topic, bounds) : undefined;
      for (const [partition, bound] of bounds) {
        const from = fromOf(partition, bound);
        const to = Math.max(from, upTo?.get(partition) ?? 0);
        // What was handed over counts as passed over: the bridges' group forgets topics that nobody reads.
        const isNew = from > Math.max(bound.begin, passed?.get(partition) ?? 0);
        if (to > from || isNew || (again && passed?.has(partition)))
          passages.push({ topic, tenant, partition, from, to });
      }
    }
    if (passages.length > 0) await this.#passOver(passages);
    if (again) this.#commitAgain = Date.now() + COMMIT_AGAIN_MS;
  }

  /** How far to pass over what waits, by partition. */
  async #upTo(topic: string, bounds: Bounds): Promise<ReadonlyMap<number, number>> {
    const { act, holdMs } = this.#ports.settings.unknownTenants;
    if (act === "leave") return this.#ports.topics.offsetsAt(topic, Date.now() - holdMs);
    return new Map([...bounds].map(([partition, { end }]) => [partition, end]));
  }

  async #passOver(passages: readonly Passage[]): Promise<void> {
    const { kafka, topics } = this.#ports;
    const writer = await Writer.open(kafka, this.#id);
    try {
      // Asked once nobody else is at it: whoever knows the tenant by then has read what is committed by now.
      const committed = await topics.committed(this.#group);
      const known = new Map<string, boolean>();
      for (const { tenant } of passages)
        if (!known.has(tenant)) known.set(tenant, !(await this.#ports.isUnknown(tenant)));
      const left = passages
        .filter(({ tenant }) => !known.get(tenant))
        .map((each) => ({
          ...each,
          from: Math.max(each.from, committed.get(each.topic)?.get(each.partition) ?? 0),
        }));
      if (this.#stopped) return;
      if (this.#ports.settings.unknownTenants.act === "dead-letter") await this.#deadLetter(writer, left);
      else for (const each of left) if (!this.#stopped) await this.#giveUp(writer, each);
    } finally {
      await writer.close();
    }
  }

  async #giveUp(writer: Writer, { topic, partition, from, to }: Passage): Promise<void> {
    const next = Math.max(from, to);
    await writer.write([], { group: this.#group, topic, partition, next });
    if (next === from) return;
    this.#ports.measures.givenUp.add({ topic }, next - from);
    this.#ports.log("error", "unknown_tenant_given_up", { topic, partition, from, to: next });
  }

  /** With one consumer for all of them: Kafka lets whoever joins a group wait some seconds. */
  async #deadLetter(first: Writer, all: readonly Passage[]): Promise<void> {
    const { kafka, measures, log } = this.#ports;
    const passages = await this.#writable(all);
    const reached = new Map(passages.map((passage) => [passage, passage.from]));
    const writer = new LetterWriter(first, () => this.#writerAnew(reached));
    const pass = async (passage: Passage, part: Part) => {
      const { topic, tenant, partition } = passage;
      const at = { group: this.#group, topic, partition };
      const note = (next: number) => reached.set(passage, next);
      const refused = await writer.write(part, deadLettersTopic(tenant), at, note);
      for (const { offset } of refused)
        log("error", "unknown_tenant_given_up", { topic, partition, from: offset, to: offset + 1 });
      if (refused.length > 0) measures.givenUp.add({ topic }, refused.length);
      measures.deadLetters.add({ direction: "to_edge", tenant }, part.records.length - refused.length);
    };
    try {
      await readBatches(kafka, passages, async (passage, { records, next }) => {
        for (const part of partsOf(records, next)) if (!this.#stopped) await pass(passage, part);
        return !this.#stopped;
      });
      if (this.#stopped) return;
      // The last of a partition may be no records: they end transactions, or were aborted. Others are said again.
      for (const [passage, at] of reached)
        if (at < passage.to || passage.from >= passage.to)
          await pass(passage, { records: [], next: Math.max(at, passage.to) });
    } finally {
      await writer.close();
      for (const [{ topic, partition, from }, at] of reached)
        if (at > from) log("warn", "unknown_tenant_dead_lettered", { topic, partition, from, to: at });
    }
  }

  /** Those of tenants whose dead letters have a topic: one without holds up no others. */
  async #writable(passages: readonly Passage[]): Promise<readonly Passage[]> {
    const { topics, log, settings } = this.#ports;
    const wanted = [...new Set(passages.map(({ tenant }) => deadLettersTopic(tenant)))];
    if (settings.provision) await topics.provision(wanted, settings.topics);
    const there = await topics.partitions(wanted);
    for (const topic of wanted)
      if (!there.has(topic)) log("warn", "unknown_tenant_not_dead_lettered", { topic });
    return passages.filter(({ tenant }) => there.has(deadLettersTopic(tenant)));
  }

  /** After a failure: only where nothing but what this bridge knows of was written meanwhile. */
  async #writerAnew(reached: ReadonlyMap<Passage, number>): Promise<Writer> {
    const writer = await Writer.open(this.#ports.kafka, this.#id);
    const committed = await this.#ports.topics.committed(this.#group);
    for (const [{ topic, partition }, at] of reached)
      if ((committed.get(topic)?.get(partition) ?? 0) > at) {
        await writer.close();
        throw new Error(`another bridge has passed over what is in ${topic}/${partition}`);
      }
    return writer;
  }
}

/** Where what nobody was handed begins. Offsets above the end are of a topic that was made anew since. */
const beginOf = ({ begin, end }: Bound, handed = 0): number =>
  handed <= end ? Math.max(begin, handed) : begin;
