/**
 * Records as they were fetched, each read no further than it is asked for. kafkajs makes some twenty objects of each, and
 * to collect them takes longer than everything else that is done with a record here.
 */
import type { IHeaders, KafkaMessage } from "kafkajs";
import { replaceModule, requireKafkajs } from "./replaced.ts";

export interface Fetched {
  readonly offset: number;
  /** Milliseconds since the epoch; -1 where it has none. */
  readonly timestamp: number;
  /** Where there is none, empty. */
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly headers: readonly { readonly name: string; readonly value: Uint8Array }[];
}

/** Of a batch before its records, and where in it these fields are. */
const BATCH_HEADER_BYTES = 61;
const [LENGTH, MAGIC, ATTRIBUTES, FIRST_TIMESTAMP, MAX_TIMESTAMP, PRODUCER, COUNT] = [
  8, 16, 21, 27, 35, 43, 57,
];
/** Of a batch, what its length does not count. */
const UNCOUNTED_BYTES = 12;
const MAGIC_OF_BATCHES = 2;
const [COMPRESSION, LOG_APPEND_TIME, TRANSACTIONAL, CONTROL] = [0x07, 0x08, 0x10, 0x20];

export const NO_BYTES = Buffer.alloc(0);
const NO_HEADERS: Fetched["headers"] = [];

/** Reads numbers one after the other. */
class Cursor {
  readonly bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  /** Of Kafka: the sign in the lowest bit. */
  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.bytes[this.at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
  }

  /** Passes over bytes after their length, which it answers: -1 where there are none. */
  skip(): number {
    const length = this.varint();
    this.at += Math.max(0, length);
    return length;
  }
}

/** A record by where its parts are. */
class Located implements Fetched {
  readonly offset: number;
  readonly timestamp: number;
  readonly #bytes: Buffer;
  /** Where key and value end, and how long they are; -1 where there is none. */
  readonly #keyEnd: number;
  readonly #keyLength: number;
  readonly #valueEnd: number;
  readonly #valueLength: number;

  /** From its attributes on. */
  constructor(cursor: Cursor, firstOffset: number, firstTimestamp: number, appended: number | undefined) {
    cursor.at++;
    const delta = cursor.varint();
    this.timestamp = appended ?? firstTimestamp + delta;
    this.offset = firstOffset + cursor.varint();
    this.#bytes = cursor.bytes;
    this.#keyLength = cursor.skip();
    this.#keyEnd = cursor.at;
    this.#valueLength = cursor.skip();
    this.#valueEnd = cursor.at;
  }

  get givenKey(): Buffer | null {
    if (this.#keyLength < 0) return null;
    return this.#bytes.subarray(this.#keyEnd - this.#keyLength, this.#keyEnd);
  }

  get givenValue(): Buffer | null {
    if (this.#valueLength < 0) return null;
    return this.#bytes.subarray(this.#valueEnd - this.#valueLength, this.#valueEnd);
  }

  get givenHeaders(): readonly (readonly [name: string, value: Buffer | null])[] {
    const cursor = new Cursor(this.#bytes, this.#valueEnd);
    const bytes = () => {
      const length = cursor.skip();
      return length < 0 ? null : cursor.bytes.subarray(cursor.at - length, cursor.at);
    };
    const count = cursor.varint();
    return count <= 0 ? [] : Array.from({ length: count }, () => [String(bytes() ?? ""), bytes()]);
  }

  get key(): Buffer {
    return this.givenKey ?? NO_BYTES;
  }

  get value(): Buffer {
    return this.givenValue ?? NO_BYTES;
  }

  get headers(): Fetched["headers"] {
    // Most have none: one byte says so.
    if (this.#bytes[this.#valueEnd] === 0) return NO_HEADERS;
    return this.givenHeaders.map(([name, value]) => ({ name, value: value ?? NO_BYTES }));
  }
}

interface BatchContext {
  readonly producerId: string;
  readonly inTransaction: boolean;
  readonly isControlBatch: boolean;
}

/** As kafkajs has it, and its consumers. */
class Message {
  readonly record: Located;
  readonly batchContext: BatchContext;

  constructor(record: Located, batchContext: BatchContext) {
    this.record = record;
    this.batchContext = batchContext;
  }

  get isControlRecord(): boolean {
    return this.batchContext.isControlBatch;
  }

  get offset(): string {
    return String(this.record.offset);
  }

  get timestamp(): string {
    return String(this.record.timestamp);
  }

  /** None are defined. */
  get attributes(): number {
    return 0;
  }

  get key(): Buffer | null {
    return this.record.givenKey;
  }

  get value(): Buffer | null {
    return this.record.givenValue;
  }

  get headers(): IHeaders {
    const byName = Map.groupBy(this.record.givenHeaders, ([name]) => name);
    const headers = Array.from(byName, ([name, all]) => {
      const values = all.map(([, value]) => value);
      return [name, values.length === 1 ? values[0] : values];
    });
    // It says null where its own types have undefined.
    return Object.fromEntries(headers) as IHeaders;
  }
}

/** What is left of a batch, all of which is there. */
const messagesOf = (batch: Buffer, records: Buffer): Message[] => {
  const attributes = batch.readInt16BE(ATTRIBUTES);
  const firstOffset = Number(batch.readBigInt64BE(0));
  const firstTimestamp = Number(batch.readBigInt64BE(FIRST_TIMESTAMP));
  const appended =
    (attributes & LOG_APPEND_TIME) === 0 ? undefined : Number(batch.readBigInt64BE(MAX_TIMESTAMP));
  const context = {
    producerId: String(batch.readBigInt64BE(PRODUCER)),
    inTransaction: (attributes & TRANSACTIONAL) !== 0,
    isControlBatch: (attributes & CONTROL) !== 0,
  };
  const cursor = new Cursor(records);
  const messages: Message[] = [];
  for (let left = batch.readInt32BE(COUNT); left > 0; left--) {
    const length = cursor.varint();
    const end = cursor.at + length;
    messages.push(new Message(new Located(cursor, firstOffset, firstTimestamp, appended), context));
    cursor.at = end;
  }
  return messages;
};

interface Codec {
  decompress(bytes: Buffer): Promise<Buffer>;
}
type CodecOf = (attributes: number) => Codec | null;

/** The records of batches of which the last may not be there whole. */
export const decodeBatches = async (bytes: Buffer, codecOf: CodecOf): Promise<KafkaMessage[]> => {
  const batches: Message[][] = [];
  for (let at = 0; at + BATCH_HEADER_BYTES <= bytes.length; ) {
    const end = at + UNCOUNTED_BYTES + bytes.readInt32BE(at + LENGTH);
    if (end > bytes.length) break;
    if (end < at + BATCH_HEADER_BYTES) throw new Error(`Kafka sent a batch of ${end - at} bytes`);
    const batch = bytes.subarray(at, end);
    const codec = codecOf(batch.readInt16BE(ATTRIBUTES) & COMPRESSION);
    const records = batch.subarray(BATCH_HEADER_BYTES);
    batches.push(messagesOf(batch, codec === null ? records : await codec.decompress(records)));
    at = end;
  }
  return batches.length === 1 ? (batches[0] ?? []) : batches.flat();
};

interface Decoder {
  readonly buffer: Buffer;
  readonly offset: number;
  forward(bytes: number): void;
}
type Decode = (decoder: Decoder) => Promise<KafkaMessage[]>;

/** Version 4 and all later ones read records with it. */
const DECODE = "kafkajs/src/protocol/requests/fetch/v4/decodeMessages.js";
const CODECS = "kafkajs/src/protocol/message/compression/index.js";
const SIZE_BYTES = 4;

/** Before anything is fetched. What is older than batches is left to kafkajs. */
export const installRecords = (): void => {
  const { lookupCodecByAttributes } = requireKafkajs<{ lookupCodecByAttributes: CodecOf }>(CODECS);
  replaceModule<Decode>(DECODE, (theirs) => async (decoder) => {
    const { buffer, offset } = decoder;
    const size = buffer.readInt32BE(offset);
    const from = offset + SIZE_BYTES;
    if (size <= MAGIC || from + size > buffer.length || buffer[from + MAGIC] !== MAGIC_OF_BATCHES)
      return theirs(decoder);
    decoder.forward(SIZE_BYTES + size);
    return decodeBatches(buffer.subarray(from, from + size), lookupCodecByAttributes);
  });
};

/** Without going through the texts that kafkajs has for numbers. */
export const fetchedOf = (message: KafkaMessage): Fetched => {
  if (message instanceof Message) return message.record;
  const { offset, timestamp, key, value } = message;
  return {
    offset: Number(offset),
    timestamp: Number(timestamp),
    key: key ?? NO_BYTES,
    value: value ?? NO_BYTES,
    headers: NO_HEADERS,
  };
};
