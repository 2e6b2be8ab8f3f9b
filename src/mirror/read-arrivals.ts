/**
 * Bytes → what a bridge brings from Kafka, field by field: a reader that goes by descriptors makes of each record several
 * times as much as is asked of it. Keys and times are passed over, and count for credit. Throws on what is no such frame.
 */
import { BinaryReader, type WireType } from "@bufbuild/protobuf/wire";
import type { Topic } from "../topics/topics.ts";
import { Topic as WireTopic } from "../wire/gen/escapement/bridge/v1/frame_pb.ts";
import type { Arrival } from "./admit.ts";
import {
  ARRIVALS,
  FAULT,
  HEADER,
  HEADER_NAME,
  HEADER_VALUE,
  KEY,
  OFFSET,
  PARTITION,
  RECORD,
  TOPIC,
  VALUE,
} from "./arrival-tags.ts";
import { creditOfLabel, creditOfSizes } from "./credit.ts";
import { topicOfWire } from "./frame.ts";
import { ORIGIN_HEADER, parseOrigin } from "./origin.ts";

export interface Arrivals {
  /** Without those of topics that this code does not know. */
  readonly records: readonly Arrival[];
  /** What all that came takes of credit. */
  readonly credit: { readonly records: number; readonly bytes: number };
}

const NO_BYTES = new Uint8Array();
const texts = new TextDecoder();

/** Whether it has arrivals, and nothing else. */
export const isArrivals = (frame: Uint8Array): boolean => frame[0] === ARRIVALS;

/** Where what begins here with its length ends. */
const endOf = (reader: BinaryReader, end = reader.len): number => {
  const last = reader.uint32() + reader.pos;
  if (last > end) throw new RangeError("premature EOF");
  return last;
};

const ended = (reader: BinaryReader, end: number): void => {
  if (reader.pos !== end) throw new RangeError("a field reaches past the end of its message");
};

const skip = (reader: BinaryReader, tag: number): void => {
  reader.skip((tag & 7) as WireType, tag >>> 3);
};

class Reading {
  readonly #bytes: Uint8Array;
  readonly #reader: BinaryReader;
  readonly records: Arrival[] = [];
  readonly credit = { records: 0, bytes: 0 };
  #wireTopic: WireTopic | undefined;
  #topic: Topic | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#reader = new BinaryReader(bytes);
  }

  all(): void {
    const reader = this.#reader;
    reader.uint32();
    if (endOf(reader) !== reader.len) throw new Error("arrivals are all of their frame");
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag === RECORD) this.#record(endOf(reader));
      else skip(reader, tag);
    }
  }

  #record(end: number): void {
    const reader = this.#reader;
    let [partition, offset, key, labels, fault] = [0, 0, 0, 0, ""];
    // Also what a newer peer has.
    let wireTopic: number = WireTopic.UNSPECIFIED;
    let message: Uint8Array = NO_BYTES;
    let header: Uint8Array | undefined;
    while (reader.pos < end) {
      const tag = reader.uint32();
      if (tag === TOPIC) wireTopic = reader.int32();
      else if (tag === PARTITION) partition = reader.int32();
      else if (tag === OFFSET) offset = this.#count();
      else if (tag === VALUE) message = reader.bytes();
      else if (tag === FAULT) fault = reader.string(true);
      else if (tag === KEY) {
        const to = endOf(reader, end);
        key = to - reader.pos;
        reader.pos = to;
      } else if (tag === HEADER) {
        const label = this.#header(endOf(reader, end));
        labels += creditOfLabel(label);
        if (label.name === ORIGIN_HEADER) header ??= label.value;
      } else skip(reader, tag);
    }
    ended(reader, end);
    this.credit.records++;
    this.credit.bytes += creditOfSizes(key, message.byteLength, labels);
    const topic = this.#topicOf(wireTopic as WireTopic);
    const origin = header && parseOrigin(texts.decode(header));
    if (topic && origin) this.records.push({ topic, partition, offset, message, fault, origin });
    else if (topic) this.records.push({ topic, partition, offset, message, fault });
  }

  #header(end: number): { readonly name: string; readonly value: Uint8Array } {
    const reader = this.#reader;
    let name = "";
    let value: Uint8Array = NO_BYTES;
    while (reader.pos < end) {
      const tag = reader.uint32();
      if (tag === HEADER_NAME) name = reader.string(true);
      else if (tag === HEADER_VALUE) value = reader.bytes();
      else skip(reader, tag);
    }
    ended(reader, end);
    return { name, value };
  }

  /** Without the big integers that 64 bits are elsewhere: Kafka's offsets fit a number. */
  #count(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.#bytes[this.#reader.pos++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (!(value <= Number.MAX_SAFE_INTEGER)) throw new RangeError("an offset that is none of Kafka's");
      if (byte < 0x80) return value;
    }
  }

  /** The records of a frame are of one topic, as a rule. */
  #topicOf(wireTopic: WireTopic): Topic | undefined {
    if (wireTopic !== this.#wireTopic) this.#topic = topicOfWire(wireTopic);
    this.#wireTopic = wireTopic;
    return this.#topic;
  }
}

export const readArrivals = (frame: Uint8Array): Arrivals => {
  const reading = new Reading(frame);
  reading.all();
  return reading;
};
