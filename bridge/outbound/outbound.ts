/**
 * Edge → Kafka, for one tenant partition and one grant of its lease: fences whoever had it before, resumes from the
 * progress that Kafka has, and writes what the object sends with the progress that it reaches. Ends with its connection.
 */

import { topicOfWire, wireTopic } from "../../src/mirror/frame.ts";
import { deadLettersTopic, kafkaTopic, progressGroup, transactionalId } from "../../src/mirror/names.ts";
import { ORIGIN_HEADER, originHeader } from "../../src/mirror/origin.ts";
import type { Topic } from "../../src/topics/topics.ts";
import type { Departure, Departures, Welcome } from "../../src/wire/gen/escapement/bridge/v1/frame_pb.ts";
import { crashPoint } from "../crash-points.ts";
import type { Link } from "../edge/link.ts";
import type { Kafka } from "../kafka/client.ts";
import { isTooLarge } from "../kafka/failure.ts";
import type { Topics } from "../kafka/topics.ts";
import { type KafkaRecord, type ProgressAt, Writer } from "../kafka/writer.ts";
import type { Log } from "../log.ts";
import type { Measures } from "../measures.ts";
import { recoverProgress } from "./recover.ts";

/** What the object may send ahead: a transaction and the one after it. */
const CREDIT = { records: 4_096, bytes: 2 * 1024 * 1024 };
/** Of one transaction: what is longer delays its first records for its last. */
const TRANSACTION_BYTES_MAX = 1024 * 1024;
/** Offsets of a group that commits nothing expire after a week. */
const COMMIT_AGAIN_MS = 24 * 3_600_000;

export interface OutboundPorts {
  readonly kafka: Kafka;
  readonly topics: Topics;
  readonly measures: Measures;
  readonly log: Log;
}

interface Outgoing extends KafkaRecord {
  readonly offset: number;
  readonly of: Topic;
}

interface Undelivered {
  readonly offset: number;
  readonly topic: Topic;
  readonly detail: string;
  readonly bytes: number;
}

const originOf = ({ settings, tenant, partition, generation }: Welcome) => ({
  deployment: settings?.deployment ?? "",
  tenant,
  partition,
  generation: Number(generation),
});

export class Outbound {
  readonly #ports: OutboundPorts;
  readonly #link: Link;
  readonly #welcome: Welcome;
  readonly #origin: ReturnType<typeof originOf>;
  readonly #progressAt: Omit<ProgressAt, "next">;
  readonly #queue: Departures[] = [];
  #wake = Promise.withResolvers<void>();
  #stopping = false;
  #written = 0;

  constructor(ports: OutboundPorts, link: Link, welcome: Welcome) {
    this.#ports = ports;
    this.#link = link;
    this.#welcome = welcome;
    this.#origin = originOf(welcome);
    this.#progressAt = { group: progressGroup(this.#origin), topic: deadLettersTopic(welcome.tenant) };
  }

  take(departures: Departures): void {
    crashPoint("departures-received");
    this.#queue.push(departures);
    this.#wake.resolve();
  }

  /** It ends after what it is at. */
  stop(): void {
    this.#stopping = true;
    this.#wake.resolve();
  }

  /** Settles when it was stopped; rejects when nothing more can be written: then the connection is to be closed. */
  async run(): Promise<void> {
    const { kafka, log } = this.#ports;
    const writer = await Writer.open(kafka, transactionalId(this.#origin));
    crashPoint("writer-opened");
    try {
      this.#written = await this.#resumeFrom(writer);
      log("info", "mirror_resumed", {
        after: this.#written,
        acknowledged: Number(this.#welcome.acknowledged),
      });
      this.#link.send({ case: "resume", value: { after: BigInt(this.#written) } });
      this.#give(CREDIT.records, CREDIT.bytes);
      while (!this.#stopping) await this.#step(writer);
    } finally {
      await writer.close();
    }
  }

  async #step(writer: Writer): Promise<void> {
    if (this.#queue.length === 0) {
      const again = setTimeout(() => this.#wake.resolve(), COMMIT_AGAIN_MS);
      await this.#wake.promise;
      clearTimeout(again);
    }
    this.#wake = Promise.withResolvers();
    if (this.#stopping) return;
    const batches = this.#nextBatches();
    const departures = batches.flatMap(({ records }) => records);
    const through = Number(batches.at(-1)?.through ?? this.#written);
    await this.#deliver(writer, departures, through);
    let bytes = 0;
    for (const { key, value } of departures) bytes += key.byteLength + value.byteLength;
    if (departures.length > 0) this.#give(departures.length, bytes);
  }

  #nextBatches(): Departures[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#queue.length && bytes < TRANSACTION_BYTES_MAX)
      for (const { value } of this.#queue[count++]?.records ?? []) bytes += value.byteLength;
    return this.#queue.splice(0, count);
  }

  #give(records: number, bytes: number): void {
    this.#link.send({ case: "credit", value: { records: BigInt(records), bytes: BigInt(bytes) } });
  }

  /** What the broker refuses for its size is found by halves, and passed over. */
  async #deliver(writer: Writer, departures: readonly Departure[], through: number): Promise<void> {
    try {
      await this.#commit(
        writer,
        departures.flatMap((each) => this.#recordsOf(each)),
        through,
        [],
      );
    } catch (error) {
      if (!isTooLarge(error) || departures.length === 0) throw error;
      const [first] = departures;
      if (departures.length === 1 && first) return this.#deliverWhatFits(writer, first, through);
      const half = departures.slice(0, departures.length >> 1);
      await this.#deliver(writer, half, Number(half.at(-1)?.offset));
      await this.#deliver(writer, departures.slice(half.length), through);
    }
  }

  /** Each topic may have a bound of its own. */
  async #deliverWhatFits(writer: Writer, departure: Departure, through: number): Promise<void> {
    const fitting: Outgoing[] = [];
    const undelivered: Undelivered[] = [];
    for (const record of this.#recordsOf(departure)) {
      const refused = await writer.takes(record).then(
        () => undefined,
        (error: Error) => error,
      );
      if (refused === undefined) fitting.push(record);
      else if (!isTooLarge(refused)) throw refused;
      else {
        const bytes = record.value.byteLength;
        undelivered.push({ offset: record.offset, topic: record.of, detail: refused.message, bytes });
        this.#ports.measures.undelivered.add({ tenant: this.#welcome.tenant, topic: record.of });
        this.#ports.log("warn", "record_undelivered", { offset: record.offset, topic: record.of, bytes });
      }
    }
    await this.#commit(writer, fitting, through, undelivered);
  }

  async #commit(
    writer: Writer,
    records: readonly Outgoing[],
    through: number,
    undelivered: readonly Undelivered[],
  ): Promise<void> {
    const { measures } = this.#ports;
    // Before it is passed over in Kafka, so that a crash between the two does not lose it.
    if (undelivered.length > 0) this.#say(this.#written, undelivered);
    await writer.write(records, { ...this.#progressAt, next: through + 1 }).catch((error) => {
      measures.transactions.add({ outcome: "aborted" });
      throw error;
    });
    crashPoint("transaction-committed");
    this.#written = through;
    this.#say(through, []);
    crashPoint("progress-said");
    measures.transactions.add({ outcome: "committed" });
    const now = Date.now();
    for (const { of, value, timestamp } of records) {
      measures.moved("to_kafka", this.#welcome.tenant, of, value.byteLength);
      measures.delayed("to_kafka", now - timestamp);
    }
  }

  #say(through: number, undelivered: readonly Undelivered[]): void {
    this.#link.send({
      case: "progress",
      value: {
        through: BigInt(through),
        undelivered: undelivered.map((each) => ({
          ...each,
          offset: BigInt(each.offset),
          topic: wireTopic(each.topic),
          bytes: BigInt(each.bytes),
        })),
      },
    });
  }

  #recordsOf({ offset, topics, key, value, at }: Departure): Outgoing[] {
    const headers = { [ORIGIN_HEADER]: originHeader({ ...this.#origin, offset: Number(offset) }) };
    return topics.flatMap((wire) => {
      const of = topicOfWire(wire);
      if (of === undefined) return [];
      const topic = kafkaTopic(of, this.#welcome.tenant);
      return [{ topic, of, key, value, headers, timestamp: Number(at), offset: Number(offset) }];
    });
  }

  /** The log offset that Kafka has, and all before it. */
  async #resumeFrom(writer: Writer): Promise<number> {
    const { topics, log, measures } = this.#ports;
    const next = await topics.progress(this.#progressAt);
    if (next !== undefined) return next - 1;
    const acknowledged = Number(this.#welcome.acknowledged);
    if (acknowledged === 0) return 0;
    log("error", "progress_lost", { acknowledged, group: this.#progressAt.group });
    const after = await recoverProgress(this.#ports, this.#origin, acknowledged);
    await writer.write([], { ...this.#progressAt, next: after + 1 });
    measures.recoveries.add({ tenant: this.#welcome.tenant });
    log("warn", "progress_recovered", { after, acknowledged });
    return after;
  }
}
