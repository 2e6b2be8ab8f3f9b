/** Records as they go to the object: as many of a fetch as fit one frame and the credit. */
import { MESSAGE_BYTES_MAX, MIRROR_FRAME_BYTES_MAX } from "../../src/limits.ts";
import { creditOf, labelBytes } from "../../src/mirror/credit.ts";
import { ORIGIN_HEADER } from "../../src/mirror/origin.ts";
import type { Fetched } from "../kafka/records.ts";
import type { Sent } from "./frame.ts";

export type Arriving = Fetched;

/** A few turns of the object: what is sent in one frame is answered in one. */
const CHUNK_RECORDS_MAX = 1_024;
/** Of credit. What is fetched of a partition fits, in records of 1 KiB: the rest of it would wait for an answer. */
const CHUNK_BYTES_MAX = MIRROR_FRAME_BYTES_MAX / 2;
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

/** Its parts are made when they are asked for: once. */
const sentOf = ({ offset, timestamp, key, value, headers }: Arriving): Sent => {
  const whole = { offset, timestamp, key, value, headers, fault: "" };
  const fault = faultOf(whole);
  return fault === "" ? whole : { offset, timestamp, ...excerpt(whole), fault };
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
  const to = Math.min(all.length, from + Math.min(recordsMax, CHUNK_RECORDS_MAX));
  for (let n = from; n < to; n++) {
    const record = sentOf(all[n] as Arriving);
    const size = creditOf(record);
    // The first goes whatever its size.
    if (records.length > 0 && (bytes >= bytesMax || bytes + size > CHUNK_BYTES_MAX)) break;
    records.push(record);
    bytes += size;
  }
  return { records, bytes };
};
