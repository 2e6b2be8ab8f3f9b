/**
 * The frame of arrivals in one pass, over a buffer that is used again: a frame is a megabyte outside of the heap, and
 * collecting what several copies of each leave behind takes a process with so small a heap half of its time.
 */
import { MIRROR_FRAME_BYTES_MAX } from "../../src/limits.ts";
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
  TIMESTAMP,
  TOPIC,
  VALUE,
} from "../../src/mirror/arrival-tags.ts";
import type { Topic as WireTopic } from "../../src/wire/gen/escapement/bridge/v1/frame_pb.ts";
import type { Arriving } from "./chunk.ts";

export interface Sent extends Arriving {
  /** Why it does not go whole; empty where it does. */
  readonly fault: string;
}

const NEGATIVE_BYTES = 10;

const varintBytes = (value: number): number => {
  if (value < 0) return NEGATIVE_BYTES;
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
};

/** What is empty or zero is left out. */
const numberBytes = (value: number): number => (value === 0 ? 0 : 1 + varintBytes(value));
const fieldBytes = (length: number): number => 1 + varintBytes(length) + length;
const optionalBytes = (length: number): number => (length === 0 ? 0 : fieldBytes(length));

const headerBytes = ({ name, value }: Sent["headers"][number]): number =>
  optionalBytes(Buffer.byteLength(name)) + optionalBytes(value.byteLength);

const recordBytes = (topic: WireTopic, partition: number, record: Sent): number => {
  const { offset, timestamp, key, value, headers, fault } = record;
  let bytes = numberBytes(topic) + numberBytes(partition) + numberBytes(offset) + numberBytes(timestamp);
  bytes += optionalBytes(key.byteLength) + optionalBytes(value.byteLength);
  for (const header of headers) bytes += fieldBytes(headerBytes(header));
  return bytes + optionalBytes(Buffer.byteLength(fault));
};

class Frame {
  /** Pages that no frame has reached take no memory. */
  #buffer = Buffer.allocUnsafeSlow(MIRROR_FRAME_BYTES_MAX);
  #at = 0;

  begin(bytes: number): void {
    if (bytes > this.#buffer.byteLength) this.#buffer = Buffer.allocUnsafeSlow(bytes);
    this.#at = 0;
  }

  get written(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  tag(tag: number, length: number): void {
    this.#buffer[this.#at++] = tag;
    this.#varint(length);
  }

  number(tag: number, value: number): void {
    if (value !== 0) this.tag(tag, value);
  }

  bytes(tag: number, bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return;
    this.tag(tag, bytes.byteLength);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.byteLength;
  }

  text(tag: number, text: string): void {
    if (text === "") return;
    this.tag(tag, Buffer.byteLength(text));
    this.#at += this.#buffer.write(text, this.#at);
  }

  #varint(value: number): void {
    if (value < 0) {
      this.#negative(value);
      return;
    }
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#buffer[this.#at++] = (rest % 0x80) | 0x80;
    this.#buffer[this.#at++] = rest;
  }

  #negative(value: number): void {
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest >= 0x80n; rest >>= 7n) this.#buffer[this.#at++] = Number(rest & 0x7fn) | 0x80;
    this.#buffer[this.#at++] = Number(rest);
  }
}

const frame = new Frame();

/** Good until the next is encoded: a socket copies what it sends. */
export const arrivalsFrame = (topic: WireTopic, partition: number, records: readonly Sent[]): Buffer => {
  const sizes = records.map((record) => recordBytes(topic, partition, record));
  const bytes = sizes.reduce((sum, size) => sum + fieldBytes(size), 0);
  frame.begin(fieldBytes(bytes));
  frame.tag(ARRIVALS, bytes);
  for (const [n, record] of records.entries()) {
    frame.tag(RECORD, sizes[n] ?? 0);
    frame.number(TOPIC, topic);
    frame.number(PARTITION, partition);
    frame.number(OFFSET, record.offset);
    frame.bytes(KEY, record.key);
    frame.bytes(VALUE, record.value);
    for (const header of record.headers) {
      frame.tag(HEADER, headerBytes(header));
      frame.text(HEADER_NAME, header.name);
      frame.bytes(HEADER_VALUE, header.value);
    }
    frame.number(TIMESTAMP, record.timestamp);
    frame.text(FAULT, record.fault);
  }
  return frame.written;
};
