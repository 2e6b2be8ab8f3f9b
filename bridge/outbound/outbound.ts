/**
 * Edge → Kafka, for one tenant partition and one grant of its lease: fences whoever had it before, resumes from the
 * progress that Kafka has, and writes what the object sends with the progress that it reaches. Ends with its connection.
 */
import { creditOfAll } from "../../src/mirror/credit.ts";
import { wireTopic } from "../../src/mirror/frame.ts";
import type { Stream } from "../../src/mirror/origin.ts";
import type { Departures, Lease, Welcome } from "../../src/wire/gen/escapement/bridge/v1/frame_pb.ts";
import { crashPoint } from "../crash-points.ts";
import type { Link } from "../edge/link.ts";
import type { Kafka } from "../kafka/client.ts";
import { COMMIT_AGAIN_MS, type Topics } from "../kafka/topics.ts";
import type { Log } from "../log.ts";
import type { Measures } from "../measures.ts";
import { Delivery, type Outgoing, type Undelivered } from "./delivery.ts";
import { recoverProgress } from "./recover.ts";
import type { Share, SharedCredit } from "./shared-credit.ts";

/** What the object may send ahead. */
const CREDIT_RECORDS = 4_096;
/** Of one transaction: what is longer delays its first records for its last. */
const TRANSACTION_BYTES_MAX = 2 * 1024 * 1024;

export interface OutboundPorts {
  readonly kafka: Kafka;
  readonly topics: Topics;
  readonly measures: Measures;
  readonly log: Log;
  readonly credit: SharedCredit;
  /** Whether the lease is this bridge's, as the tenant's object has it now. */
  holdsLease(): Promise<boolean>;
  /** Acts after so many milliseconds, unless it is disposed of before. */
  later(act: () => void, ms: number): Disposable;
}

const streamOf = ({ settings, tenant, partition, generation }: Welcome): Stream => ({
  deployment: settings?.deployment ?? "",
  tenant,
  partition,
  generation: Number(generation),
});

export class Outbound {
  readonly #ports: OutboundPorts;
  readonly #link: Link;
  readonly #stream: Stream;
  readonly #acknowledged: number;
  readonly #queue: Departures[] = [];
  #wake = Promise.withResolvers<void>();
  #stopping = false;
  #written: number | undefined;
  #failure: Error | undefined;
  #tail = 0;
  #share: Share | undefined;
  /** Of credit that is to be given. */
  #records = CREDIT_RECORDS;
  #buried = Promise.withResolvers<void>();

  constructor(ports: OutboundPorts, link: Link, welcome: Welcome, { acknowledged }: Lease) {
    this.#ports = ports;
    this.#link = link;
    this.#stream = streamOf(welcome);
    this.#acknowledged = Number(acknowledged);
    this.#tail = Number(welcome.tail);
    this.#buried.promise.catch(() => {});
  }

  /** The log offset that Kafka has, and all before it; undefined until it has gone on from there. */
  get written(): number | undefined {
    return this.#written;
  }

  take(departures: Departures): void {
    crashPoint("departures-received");
    this.#guarded(() => this.#share?.took(creditOfAll(departures.records)));
    if (departures.lostTo > 0) this.#lost(Number(departures.lostFrom), Number(departures.lostTo));
    this.#queue.push(departures);
    this.#tail = Math.max(this.#tail, Number(departures.tail));
    this.#lags();
    this.#wake.resolve();
  }

  /** The object lacks so much credit for its next batch. */
  need(bytes: number): void {
    this.#guarded(() => this.#share?.need(bytes));
  }

  /** What was not delivered is on disk at the object. */
  buried(): void {
    this.#buried.resolve();
  }

  /** It ends after what it is at. */
  stop(): void {
    this.#stopping = true;
    this.#wake.resolve();
    this.#buried.reject(new Error("stopped before the object had what was not delivered"));
  }

  /** Likewise, and says why it had to. */
  fail(reason: string): void {
    this.#failure ??= new Error(reason);
    this.stop();
  }

  /** Settles when it was stopped; rejects when nothing more can be written: then the lease is to be given back. */
  async run(): Promise<void> {
    const delivery = await Delivery.open(
      {
        ...this.#ports,
        bury: (undelivered) => this.#bury(delivery.written, undelivered),
        committed: (through, records) => this.#committed(through, records),
        aborted: () => this.#ports.measures.transactions.add({ outcome: "aborted" }),
      },
      this.#stream,
    );
    crashPoint("writer-opened");
    try {
      const after = await this.#resumeFrom(delivery);
      this.#written = after;
      this.#lags();
      this.#ports.log("info", "mirror_resumed", { after, acknowledged: this.#acknowledged });
      this.#link.send({ case: "resume", value: { after: BigInt(after) } });
      this.#share = this.#ports.credit.enter((bytes) => this.#give(bytes));
      if (this.#records > 0) this.#give(0);
      while (!this.#stopping) await this.#step(delivery);
    } finally {
      this.#share?.leave();
      this.#share = undefined;
      await delivery.close();
    }
    if (this.#failure) throw this.#failure;
  }

  async #step(delivery: Delivery): Promise<void> {
    if (this.#queue.length === 0) {
      using _ = this.#ports.later(() => this.#wake.resolve(), COMMIT_AGAIN_MS);
      await this.#wake.promise;
    }
    this.#wake = Promise.withResolvers();
    if (this.#stopping) return;
    const batches = this.#nextBatches();
    const departures = batches.flatMap(({ records }) => records);
    await delivery.deliver(departures, Number(batches.at(-1)?.through ?? delivery.written));
    this.#records += departures.length;
    this.#share?.wrote(creditOfAll(departures));
    if (this.#records > 0) this.#give(0);
  }

  #nextBatches(): Departures[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#queue.length && bytes < TRANSACTION_BYTES_MAX)
      bytes += creditOfAll(this.#queue[count++]?.records ?? []);
    return this.#queue.splice(0, count);
  }

  #give(bytes: number): void {
    this.#link.send({ case: "credit", value: { records: BigInt(this.#records), bytes: BigInt(bytes) } });
    this.#records = 0;
  }

  /** What the object does beyond its credit ends this grant of the lease. */
  #guarded(count: () => void): void {
    try {
      count();
    } catch (error) {
      this.fail((error as Error).message);
    }
  }

  /** Kafka was away for longer than the object had room for it. */
  #lost(from: number, to: number): void {
    const { measures, log } = this.#ports;
    measures.lost.add({ tenant: this.#stream.tenant }, to - from + 1);
    log("error", "mirror_gap", { from, to });
  }

  async #bury(written: number, undelivered: readonly Undelivered[]): Promise<void> {
    const { measures, log } = this.#ports;
    for (const { offset, topic, execId: exec_id, bytes } of undelivered) {
      measures.undelivered.add({ tenant: this.#stream.tenant, topic });
      measures.deadLetters.add({ direction: "to_kafka", tenant: this.#stream.tenant });
      log("warn", "record_undelivered", { topic, offset, exec_id, bytes });
    }
    this.#buried = Promise.withResolvers();
    this.#buried.promise.catch(() => {});
    if (this.#stopping) throw new Error("stopped");
    this.#say(written, undelivered);
    await this.#buried.promise;
  }

  #committed(through: number, records: readonly Outgoing[]): void {
    this.#written = through;
    this.#say(through, []);
    crashPoint("progress-said");
    const { measures } = this.#ports;
    measures.transactions.add({ outcome: "committed" });
    this.#lags();
    const now = Date.now();
    for (const [topic, some] of Map.groupBy(records, ({ of }) => of)) {
      const bytes = some.reduce((sum, { value }) => sum + value.byteLength, 0);
      measures.moved("to_kafka", this.#stream.tenant, topic, some.length, bytes);
    }
    for (const { timestamp } of records) measures.delayed("to_kafka", now - timestamp);
  }

  /** At least: what it sends in advance is bounded, and its tail comes with it. */
  #lags(): void {
    const lag = Math.max(0, this.#tail - 1 - (this.#written ?? 0));
    this.#ports.measures.lag.set({ direction: "to_kafka", tenant: this.#stream.tenant }, lag);
  }

  #say(through: number, undelivered: readonly Undelivered[]): void {
    this.#link.send({
      case: "progress",
      value: {
        through: BigInt(through),
        undelivered: undelivered.map(({ offset, topic, detail, bytes }) => ({
          offset: BigInt(offset),
          topic: wireTopic(topic),
          detail,
          bytes: BigInt(bytes),
        })),
      },
    });
  }

  /** The log offset that Kafka has, and all before it. */
  async #resumeFrom(delivery: Delivery): Promise<number> {
    const { log, measures } = this.#ports;
    const committed = await delivery.progress();
    const found = committed ?? 0;
    const acknowledged = this.#acknowledged;
    if (found >= acknowledged) {
      // Again, or it would expire where nothing goes out and who has the lease changes more often than each day.
      if (committed !== undefined) await delivery.note(found);
      return found;
    }
    log("error", "progress_lost", { acknowledged, found, group: delivery.group });
    const after = await recoverProgress(this.#ports, this.#stream, acknowledged);
    await delivery.note(after);
    measures.recoveries.add({ tenant: this.#stream.tenant });
    log("warn", "progress_recovered", { after, acknowledged });
    return after;
  }
}
