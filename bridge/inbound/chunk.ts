/** Records as they go to the object: as many of a fetch as fit one frame and the credit. */
import { MESSAGE_BYTES_MAX, MIRROR_FRAME_BYTES_MAX } from "../../src/limits.ts";
import { creditOf, labelBytes } from "../../src/mirror/credit.ts";
import { ORIGIN_HEADER } from "../../src/mirror/origin.ts";
import type { Sent } from "./frame.ts";

export interface Arriving {
  readonly offset: number;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly headers: readonly { readonly name: string; readonly value: Uint8Array }[];
}

/** A few turns of the object: what is sent in one frame is answered in one. */
const CHUNK_RECORDS_MAX = 1_024;
const CHUNK_BYTES_MAX = MIRROR_FRAME_BYTES_MAX / 4;
/** Of a record that is too large: enough to see what it is. */
const EXCERPT_BYTES = 64 * 1024;
/** Of a key, and of all headers together: with the largest value they fit a frame. */
const LABEL_BYTES_MAX = 64 * 1024;

const tooLarge = (what: string, bytes: number, bytesMax: number): string =>
  bytes > bytesMax ? `${what} of ${bytes} bytes; the bound is ${bytesMax}` : "";

/** Empty where it goes whole. */
const faultOf = ({ key, value, headers }: Arriving): string =>
  tooLarge("a value", value.byteLength, MESSAGE_BYTES_MAX) ||
  tooLarge("a key", key.byteLength, LABEL_BYTES_MAX) ||
  tooLarge("headers", labelBytes(headers), LABEL_BYTES_MAX);

/** Whose it is, and how it begins. */
const excerpt = ({ key, value, headers }: Arriving) => ({
  key: key.subarray(0, EXCERPT_BYTES),
  value: value.subarray(0, EXCERPT_BYTES),
  headers: headers.filter(
    (header) => header.name === ORIGIN_HEADER && header.value.byteLength <= LABEL_BYTES_MAX,
  ),
});

const sentOf = (record: Arriving): Sent => {
  const { offset, timestamp, key, value, headers } = record;
  const fault = faultOf(record);
  return fault === ""
    ? { offset, timestamp, key, value, headers, fault }
    : { offset, timestamp, ...excerpt(record), fault };
};

export interface Chunk {
  readonly records: readonly Sent[];
  /** Of credit. */
  readonly bytes: number;
}

export const chunkOf = (
  all: readonly Arriving[],
  from: number,
  recordsMax: number,
  bytesMax: number,
): Chunk => {
  const records: Sent[] = [];
  let bytes = 0;
  for (const each of all.slice(from, from + Math.min(recordsMax, CHUNK_RECORDS_MAX))) {
    const record = sentOf(each);
    const size = creditOf(record);
    // The first goes whatever its size.
    if (records.length > 0 && (bytes >= bytesMax || bytes + size > CHUNK_BYTES_MAX)) break;
    records.push(record);
    bytes += size;
  }
  return { records, bytes };
};
