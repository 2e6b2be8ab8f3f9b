/**
 * Produce requests in one pass: kafkajs copies each record seven times through buffers that it doubles and clears, and
 * that takes it longer than everything else that is done with a record here. Only what is compressed is left to it.
 */
import { crc32c } from "./crc32c.ts";
import { replaceModule } from "./replaced.ts";
import { ROOM_BYTES, RoomyBody } from "./request.ts";

type Bytes = Uint8Array | string | null | undefined;

interface Message {
  readonly key?: Bytes;
  readonly value?: Bytes;
  readonly headers?: Readonly<Record<string, Bytes | readonly Bytes[]>>;
  /** Milliseconds since the epoch. */
  readonly timestamp?: string;
}

interface Fields {
  readonly acks: number;
  readonly timeout: number;
  readonly transactionalId?: string | null;
  readonly producerId?: { toString(): string } | undefined;
  readonly producerEpoch?: number;
  readonly compression?: number;
  readonly topicData: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly firstSequence?: number;
      readonly messages: readonly Message[];
    }[];
  }[];
}

interface Request {
  encode(): Promise<unknown>;
}

const MAGIC = 2;
const TRANSACTIONAL = 16;
/** Of a batch before its records, and of what in it the checksum does not cover. */
const BATCH_HEADER_BYTES = 61;
const UNCHECKED_BYTES = 21;
/** Of a batch, what its length does not count. */
const UNCOUNTED_BYTES = 12;
const VARINT_BYTES_MAX = 10;

const lengthOf = (bytes: Bytes): number =>
  typeof bytes === "string" ? Buffer.byteLength(bytes) : (bytes?.length ?? -1);

/** Of a character of a string in UTF-8, so that strings need not be looked through for it. */
const CHARACTER_BYTES_MAX = 3;
const lengthMax = (bytes: Bytes): number => (bytes?.length ?? 0) * CHARACTER_BYTES_MAX;

/** Names and values by turns. */
const labelsOf = (headers: Message["headers"]): readonly Bytes[] => {
  const labels: Bytes[] = [];
  for (const name in headers) for (const value of [headers[name]].flat()) labels.push(name, value);
  return labels;
};

/** A message as it is written, and how many bytes it is as a record at the most. */
const recordOf = ({ key, value, headers, timestamp }: Message, now: number) => {
  const labels = labelsOf(headers);
  let bytesMax = 1 + VARINT_BYTES_MAX * (6 + labels.length);
  bytesMax += typeof key === "string" ? lengthMax(key) : (key?.length ?? 0);
  bytesMax += typeof value === "string" ? lengthMax(value) : (value?.length ?? 0);
  for (const label of labels) bytesMax += lengthMax(label);
  return { key, value, labels, at: Number(timestamp ?? now), bytesMax };
};

type KafkaRecord = ReturnType<typeof recordOf>;

class Writer {
  readonly #buffer: Buffer;
  at = ROOM_BYTES;

  constructor(bytesMax: number) {
    this.#buffer = Buffer.allocUnsafe(ROOM_BYTES + bytesMax);
  }

  get written(): Buffer {
    return this.#buffer.subarray(ROOM_BYTES, this.at);
  }

  int16(value: number): void {
    this.at = this.#buffer.writeInt16BE(value, this.at);
  }

  int32(value: number, at?: number): void {
    const end = this.#buffer.writeInt32BE(value | 0, at ?? this.at);
    if (at === undefined) this.at = end;
  }

  int64(value: bigint): void {
    this.at = this.#buffer.writeBigInt64BE(value, this.at);
  }

  /** Of Kafka: the sign in the lowest bit. */
  varint(value: number): void {
    let rest = value < 0 ? -2 * value - 1 : 2 * value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#buffer[this.at++] = (rest % 0x80) | 0x80;
    this.#buffer[this.at++] = rest;
  }

  string(text: string | null): void {
    this.int16(text === null ? -1 : Buffer.byteLength(text));
    if (text !== null) this.at += this.#buffer.write(text, this.at);
  }

  varBytes(bytes: Bytes): void {
    const length = lengthOf(bytes);
    this.varint(length);
    if (typeof bytes === "string") this.#buffer.write(bytes, this.at);
    else if (bytes) this.#buffer.set(bytes, this.at);
    this.at += Math.max(0, length);
  }

  checksum(from: number): number {
    return crc32c(this.#buffer, from, this.at);
  }
}

const varintBytes = (value: number): number => {
  let bytes = 1;
  for (let rest = value < 0 ? -2 * value - 1 : 2 * value; rest >= 0x80; rest /= 0x80) bytes++;
  return bytes;
};

const varBytesLength = (bytes: Bytes): number => {
  const length = lengthOf(bytes);
  return varintBytes(length) + Math.max(0, length);
};

const writeRecord = (
  to: Writer,
  { key, value, labels, at }: KafkaRecord,
  offset: number,
  first: number,
): void => {
  let bytes = 1 + varintBytes(at - first) + varintBytes(offset) + varBytesLength(key) + varBytesLength(value);
  bytes += varintBytes(labels.length / 2);
  for (const label of labels) bytes += varBytesLength(label);
  to.varint(bytes);
  // No attributes.
  to.varint(0);
  to.varint(at - first);
  to.varint(offset);
  to.varBytes(key);
  to.varBytes(value);
  to.varint(labels.length / 2);
  for (const label of labels) to.varBytes(label);
};

const writeBatch = (to: Writer, records: readonly KafkaRecord[], firstSequence: number, of: Fields): void => {
  const first = records.reduce((least, { at }) => Math.min(least, at), Number.POSITIVE_INFINITY);
  const last = records.reduce((most, { at }) => Math.max(most, at), 0);
  const size = to.at;
  to.int32(0);
  const begin = to.at;
  to.int64(0n);
  to.int32(0);
  to.int32(0);
  // The magic byte, with the checksum from its next on.
  to.int32(MAGIC << 24);
  to.at -= 3;
  const checksum = to.at;
  to.int32(0);
  to.int16(of.transactionalId ? TRANSACTIONAL : 0);
  to.int32(records.length - 1);
  to.int64(BigInt(first));
  to.int64(BigInt(last));
  to.int64(BigInt(String(of.producerId ?? -1)));
  to.int16(of.producerEpoch ?? 0);
  to.int32(firstSequence);
  to.int32(records.length);
  for (const [offset, record] of records.entries()) writeRecord(to, record, offset, first);
  to.int32(to.at - begin, size);
  to.int32(to.at - begin - UNCOUNTED_BYTES, begin + 8);
  to.int32(to.checksum(begin + UNCHECKED_BYTES), checksum);
};

/** What kafkajs puts behind the header of the request, with room for it before. */
export const encodeProduce = (fields: Fields): Buffer => {
  const now = Date.now();
  let bytesMax = 64 + 3 * (fields.transactionalId?.length ?? 0);
  const topics = fields.topicData.map(({ topic, partitions }) => {
    bytesMax += 8 + 3 * topic.length;
    const batches = partitions.map(({ partition, firstSequence = 0, messages }) => {
      const records = messages.map((message) => recordOf(message, now));
      bytesMax += 8 + BATCH_HEADER_BYTES;
      for (const record of records) bytesMax += record.bytesMax;
      return { partition, firstSequence, records };
    });
    return { topic, batches };
  });
  const to = new Writer(bytesMax);
  to.string(fields.transactionalId ?? null);
  to.int16(fields.acks);
  to.int32(fields.timeout);
  to.int32(topics.length);
  for (const { topic, batches } of topics) {
    to.string(topic);
    to.int32(batches.length);
    for (const { partition, firstSequence, records } of batches) {
      to.int32(partition);
      writeBatch(to, records, firstSequence, fields);
    }
  }
  return to.written;
};

/** Versions 3 to 7, which is all that kafkajs and Kafka 4 have in common, are made of version 3. */
const VERSION_3 = "kafkajs/src/protocol/requests/produce/v3/request.js";

/** Before anything is produced. */
export const installProduceRequest = (): void =>
  replaceModule<(fields: Fields) => Request>(VERSION_3, (theirs) => (fields) => {
    const request = theirs(fields);
    if (fields.compression) return request;
    return { ...request, encode: async () => new RoomyBody(encodeProduce(fields)) };
  });
