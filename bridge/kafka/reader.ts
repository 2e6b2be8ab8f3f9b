/**
 * The consumer group of all bridges of a deployment: committed records only, from the beginning where the group has no
 * offset. kafkajs resolves a subscription once, so another set of topics is another consumer. What cannot be taken
 * pauses its partition and is fetched again: nothing is kept in memory but what one fetch brings.
 */
import type { Batch, Consumer, EachBatchPayload, Kafka, KafkaMessage } from "kafkajs";
import { crashPoint } from "../crash-points.ts";
import type { Log } from "../log.ts";
import { byFollowers, readLeads, type Standing } from "./assigner.ts";

export interface Taken {
  readonly topic: string;
  readonly partition: number;
  readonly messages: readonly KafkaMessage[];
  /** Where the fetch began; the offset after the last; the one that the partition's next record will have. */
  readonly from: number;
  readonly next: number;
  readonly end: number;
}

/**
 * All up to an offset is on the other side, or will be where `taken` becomes true, and more goes once something has
 * happened; or go on elsewhere.
 */
export type Verdict =
  | { readonly next: number; readonly taken?: Promise<boolean>; readonly until?: Promise<unknown> }
  | { readonly seek: number };

/** Partitions by topic. */
export type Assigned = Readonly<Record<string, readonly number[]>>;

export interface ReaderPorts {
  readonly kafka: Kafka;
  readonly group: string;
  readonly log: Log;
  take(taken: Taken): Promise<Verdict>;
  /** What it could write for, and does, as the group is to know it. */
  standing(): Standing;
  /** Partitions are to be announced anew: they may have been another's meanwhile. What goes out is shared out anew. */
  assigned(partitions: Assigned): void;
}

/** Of the tenants that it could write for when it said so, those that it is to write for. */
export interface Leads {
  readonly among: readonly string[];
  readonly own: ReadonlySet<string>;
}

/** As short as brokers allow by default: so long what a bridge read that died waits. */
const SESSION_MS = 6_000;
const HEARTBEAT_MS = 1_500;
/** Also bounds how late a partition that was paused goes on. */
const WAIT_MS_MAX = 250;
const PARTITION_BYTES_MAX = 1024 * 1024;
const FETCH_BYTES_MAX = 8 * 1024 * 1024;
const CONCURRENT_PARTITIONS = 16;
/** Redelivery has no effect, so offsets are committed for the sake of other members, not of each batch. */
const COMMIT_MS = 1_000;

export class Reader {
  readonly #ports: ReaderPorts;
  #consumer: Consumer | undefined;
  #alive = true;
  /** Next offsets that are on the other side and not committed; by topic and partition. */
  readonly #taken = new Map<string, { topic: string; partition: number; offset: string }>();
  /** How often partitions were assigned. */
  #assignments = 0;
  #timer: NodeJS.Timeout | undefined;
  #changing: Promise<void> = Promise.resolve();
  #memberId = "";
  /** The tenants of when it last joined. */
  #among: readonly string[] = [];

  constructor(ports: ReaderPorts) {
    this.#ports = ports;
  }

  /** False where it reads nothing any more, and has to be told again what to follow. */
  get alive(): boolean {
    return this.#alive;
  }

  /** Other topics than those that are read, or of other numbers of partitions. */
  follow(topics: readonly string[]): Promise<void> {
    const change = this.#changing.then(async () => {
      await this.#close();
      this.#alive = false;
      if (topics.length > 0) await this.#open(topics);
      this.#alive = true;
    });
    // One that failed does not keep the next from being tried.
    this.#changing = change.catch(() => {});
    return change;
  }

  /** Commits what was taken, and leaves the group. */
  stop(): Promise<void> {
    return this.follow([]);
  }

  /** Undefined while the group does not agree who has what: it says so when it does. kafkajs hands on partitions alone. */
  async leads(): Promise<Leads | undefined> {
    const group = await this.#consumer?.describeGroup().catch(() => undefined);
    const member = group?.members.find(({ memberId }) => memberId === this.#memberId);
    if (group?.state !== "Stable" || member === undefined) return undefined;
    const own = readLeads(member.memberAssignment);
    return own && { among: this.#among, own: new Set(own) };
  }

  #standing(): Standing {
    const standing = this.#ports.standing();
    this.#among = standing.tenants;
    return standing;
  }

  async #open(topics: readonly string[]): Promise<void> {
    const { kafka, group, log } = this.#ports;
    const consumer = kafka.consumer({
      groupId: group,
      partitionAssigners: [byFollowers(() => this.#standing())],
      sessionTimeout: SESSION_MS,
      heartbeatInterval: HEARTBEAT_MS,
      maxWaitTimeInMs: WAIT_MS_MAX,
      maxBytesPerPartition: PARTITION_BYTES_MAX,
      maxBytes: FETCH_BYTES_MAX,
      allowAutoTopicCreation: false,
    });
    this.#consumer = consumer;
    consumer.on("consumer.group_join", ({ payload }) => {
      this.#assignments++;
      this.#taken.clear();
      this.#memberId = payload.memberId;
      this.#ports.assigned(payload.memberAssignment);
      log("info", "partitions_assigned", { topics: Object.keys(payload.memberAssignment).length });
    });
    consumer.on("consumer.crash", ({ payload: { error, restart } }) => {
      log("warn", "consumer_crashed", { error: String(error), restart });
      if (!restart && this.#consumer === consumer) this.#alive = false;
    });
    await consumer.connect();
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: CONCURRENT_PARTITIONS,
      eachBatch: (payload) => this.#each(consumer, payload),
    });
    this.#timer = setInterval(() => void this.#commit(consumer), COMMIT_MS);
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    const consumer = this.#consumer;
    this.#consumer = undefined;
    if (consumer === undefined) return;
    await this.#commit(consumer);
    await consumer.stop().catch(() => {});
    await consumer.disconnect().catch(() => {});
    this.#taken.clear();
  }

  async #each(
    consumer: Consumer,
    { batch, resolveOffset, heartbeat, pause }: EachBatchPayload,
  ): Promise<void> {
    const { topic, partition, messages } = batch;
    const next = Number(batch.lastOffset()) + 1;
    const from = fetchedOffset(batch);
    const assignment = this.#assignments;
    const verdict = await this.#ports.take({
      topic,
      partition,
      messages,
      from,
      next,
      end: Number(batch.highWatermark),
    });
    if ("seek" in verdict) return consumer.seek({ topic, partition, offset: String(verdict.seek) });
    if (verdict.until) {
      const resume = pause();
      void verdict.until.then(resume, resume);
    }
    if (verdict.next <= from) return;
    if (verdict.next >= next) resolveOffset(messages.at(-1)?.offset ?? batch.lastOffset());
    else resolveOffset(String(verdict.next - 1));
    const reached = { topic, partition, offset: String(verdict.next) };
    const settled = (all: boolean) => {
      if (assignment !== this.#assignments || consumer !== this.#consumer) return;
      if (all) this.#taken.set(`${topic}/${partition}`, reached);
      // Nothing may come any more that would find out.
      else consumer.seek({ topic, partition, offset: String(from) });
    };
    // One that has crashed cannot seek; the next begins at what is committed.
    void (verdict.taken ?? Promise.resolve(true)).then(settled).catch(() => {});
    await heartbeat();
  }

  async #commit(consumer: Consumer): Promise<void> {
    if (this.#taken.size === 0) return;
    const offsets = [...this.#taken.values()];
    this.#taken.clear();
    // Whoever gets the partition next is told by its mark where to go on.
    await consumer.commitOffsets(offsets).then(
      () => crashPoint("offsets-committed"),
      (error) =>
        this.#ports.log("info", "offsets_not_committed", {
          partitions: offsets.length,
          error: String(error),
        }),
    );
  }
}

/** Which kafkajs has, and does not declare. */
const fetchedOffset = (batch: Batch): number =>
  Number((batch as Batch & { fetchedOffset?: string }).fetchedOffset ?? batch.firstOffset());
