/** Records as they go to the object: as many of a fetch as fit one frame and the credit. */
import { MESSAGE_BYTES_MAX, MIRROR_FRAME_BYTES_MAX } from "../../src/limits.ts";

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
/** Of a value that is too large: enough to see what it is. */
const EXCERPT_BYTES = 64 * 1024;

const sizeOf = ({ key, value, headers }: Arriving): number => {
  let bytes = key.byteLength + Math.min(value.byteLength, MESSAGE_BYTES_MAX);
  for (const header of headers) bytes += header.name.length + header.value.byteLength;
  return bytes;
};

const wireRecord = ({ offset, timestamp, key, value, headers }: Arriving) => {
  const tooLarge = value.byteLength > MESSAGE_BYTES_MAX;
  return {
    offset: BigInt(offset),
    timestamp: BigInt(timestamp),
    key,
    value: tooLarge ? value.subarray(0, EXCERPT_BYTES) : value,
    headers: [...headers],
    fault: tooLarge ? `a value of ${value.byteLength} bytes; the bound is ${MESSAGE_BYTES_MAX}` : "",
  };
};

export const chunkOf = (all: readonly Arriving[], from: number, recordsMax: number, bytesMax: number) => {
  const records: ReturnType<typeof wireRecord>[] = [];
  let bytes = 0;
  for (let i = from; i < all.length; i++) {
    const record = all[i];
    const size = record ? sizeOf(record) : 0;
    const full = records.length >= Math.min(recordsMax, CHUNK_RECORDS_MAX) || bytes >= bytesMax;
    // The first goes whatever its size.
    if (record === undefined || (i > from && (full || bytes + size > CHUNK_BYTES_MAX))) break;
    records.push(wireRecord(record));
    bytes += size;
  }
  return { records, bytes };
};
