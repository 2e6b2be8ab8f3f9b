/**
 * Sends the log to the bridge that has the lease, in batches that are bounded in records and bytes, within the credit
 * that it was given; where that is too little it says so, once. Never on the path of a step: it reads what was
 * committed, a batch a turn, and where nobody is connected it does nothing at all.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  MIRROR_BATCH_BYTES_MAX,
  MIRROR_BATCH_RECORDS_MAX,
  MIRROR_SCAN_RECORDS_MAX,
  MIRROR_SEND_MS,
  MIRROR_SILENT_OFFSETS_MAX,
} from "../../../src/limits.ts";
import { type Credited, creditOf } from "../../../src/mirror/credit.ts";
import { isMirrored, keyOf, MIRRORED, type Mirrored, topicsOf } from "../../../src/mirror/departure.ts";
import { wireTopic } from "../../../src/mirror/frame.ts";
import type { MirrorSettings } from "../../../src/mirror/settings.ts";
import type { Topic } from "../../../src/topics/topics.ts";
import type { DepartureSchema } from "../../../src/wire/gen/escapement/bridge/v1/frame_pb.ts";
import type { Log } from "../log.ts";
import type { Connection } from "./connection.ts";

type Departure = MessageInitShape<typeof DepartureSchema> & Credited;

interface Batch {
  readonly records: Departure[];
  /** Of credit. */
  readonly bytes: number;
  readonly through: number;
  /** The first and the last that was trimmed before Kafka had it. */
  readonly lost?: { readonly lostFrom: bigint; readonly lostTo: bigint };
}

export interface DeparturesPorts {
  readonly log: Log;
  settings(): MirrorSettings;
  /** As it goes out; what it refers to is fetched from this gateway. */
  message(record: Mirrored, gateway: string): Uint8Array;
  /** What went out, once to each topic. */
  sent(topic: Topic, bytes: number): void;
  failed(to: Connection, cause: unknown): void;
}

export class Departures {
  readonly #ports: DeparturesPorts;
  #to: Connection | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The last offset that is known not to go out, or has gone out, or is in what follows. */
  #looked = 0;
  /** Waits for credit, which has been asked for. */
  #unsent: Batch | undefined;

  constructor(ports: DeparturesPorts) {
    this.#ports = ports;
  }

  /** Whoever has resumed; undefined where there is nobody. */
  get to(): Connection | undefined {
    return this.#to;
  }

  begin(to: Connection): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#to = to;
    this.#unsent = undefined;
    this.#looked = to.sent ?? 0;
    this.soon();
  }

  /** If it is this one that is sent to. */
  end(to: Connection): void {
    if (to !== this.#to) return;
    this.#to = undefined;
    this.#unsent = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Something was appended, or credit was given. */
  soon(): void {
    if (this.#to === undefined || this.#timer !== undefined || this.#to.credit.records <= 0) return;
    this.#timer = setTimeout(() => this.#guarded(), MIRROR_SEND_MS);
  }

  #guarded(): void {
    this.#timer = undefined;
    const to = this.#to;
    if (to === undefined) return;
    try {
      if (this.#send(to)) this.soon();
    } catch (cause) {
      this.end(to);
      this.#ports.failed(to, cause);
    }
  }

  /** One batch, once there is credit for it; answers whether there may be more. */
  #send(to: Connection): boolean {
    const { credit } = to;
    const batch = this.#unsent ?? this.#build(to);
    const { records, bytes, through, lost } = batch;
    const end = this.#ports.log.tail - 1;
    if (bytes > credit.bytes) {
      if (batch !== this.#unsent) to.send({ case: "need", value: { bytes: BigInt(bytes - credit.bytes) } });
      this.#unsent = batch;
      return false;
    }
    this.#unsent = undefined;
    const silent = through - (to.sent ?? 0);
    if (records.length === 0 && silent < MIRROR_SILENT_OFFSETS_MAX && !lost) return through < end;
    to.keep({ sent: through, records: credit.records - records.length, bytes: credit.bytes - bytes });
    const sent = to.send({
      case: "departures",
      value: { records, through: BigInt(through), tail: BigInt(end + 1), ...lost },
    });
    return sent && through < end;
  }

  /** What is next, as much as is sent together. */
  #build({ credit, gateway }: Connection): Batch {
    const { log } = this.#ports;
    const recordsMax = Math.min(MIRROR_BATCH_RECORDS_MAX, credit.records);
    const from = this.#looked + 1;
    const end = log.tail - 1;
    const found = log.read(MIRRORED, undefined, from, MIRROR_SCAN_RECORDS_MAX, MIRROR_BATCH_BYTES_MAX);
    const records: Departure[] = [];
    let bytes = 0;
    let through = found.whole ? end : (found.records.at(-1)?.offset ?? end);
    for (const record of found.records) {
      const topics = isMirrored(record) ? topicsOf(record, this.#ports.settings()) : [];
      if (!isMirrored(record) || topics.length === 0) continue;
      if (records.length === recordsMax || bytes >= MIRROR_BATCH_BYTES_MAX) {
        through = record.offset - 1;
        break;
      }
      const departure = this.#departure(record, topics, gateway);
      records.push(departure);
      bytes += creditOf(departure);
    }
    this.#looked = through;
    const lost = from < log.first && this.#lost(from, Math.min(through, log.first - 1));
    return { records, bytes, through, ...(lost && { lost }) };
  }

  /** Of offsets from … to: a lifetime that runs keeps its records, though others around them were trimmed. */
  #lost(from: number, to: number): Batch["lost"] {
    let next = from;
    let lostFrom: number | undefined;
    let lostTo = 0;
    const missing = (upTo: number) => {
      if (upTo < next) return;
      lostFrom ??= next;
      lostTo = upTo;
    };
    for (const { offset } of this.#ports.log.owned(from, to)) {
      missing(offset - 1);
      next = offset + 1;
    }
    missing(to);
    return lostFrom === undefined ? undefined : { lostFrom: BigInt(lostFrom), lostTo: BigInt(lostTo) };
  }

  /** An input is put together only now. */
  #departure(record: Mirrored, topics: readonly Topic[], gateway: string): Departure {
    const value = this.#ports.message(record, gateway);
    for (const topic of topics) this.#ports.sent(topic, value.byteLength);
    return {
      offset: BigInt(record.offset),
      topics: topics.map(wireTopic),
      key: keyOf(record, this.#ports.settings()),
      value,
      at: BigInt(record.at),
    };
  }
}
