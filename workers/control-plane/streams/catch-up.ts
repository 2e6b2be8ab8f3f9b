/** The log in slices for readers who are behind: each is a bounded piece of the object's time. */
import { CATCH_UP_BYTES_MAX, CATCH_UP_OFFSETS_MAX, CATCH_UP_RECORDS_MAX } from "../../../src/limits.ts";
import type { LogRecord } from "../../../src/topics/record.ts";
import { RECORD_TYPES } from "../entry.ts";
import type { Log } from "../log.ts";

export interface Slice {
  readonly records: readonly LogRecord[];
  /** Where the next one begins. */
  readonly next: number;
}

const TYPES = [...new Set(RECORD_TYPES.map(({ type }) => type))];

/** From an offset on and before `until`. */
export const tenantSlice = (log: Log, from: number, until: number): Slice => {
  const read = log.read(TYPES, undefined, from, CATCH_UP_RECORDS_MAX, CATCH_UP_BYTES_MAX);
  const records = read.records.filter((record) => record.offset < until);
  const last = records.at(-1);
  return { records, next: last && !read.whole ? last.offset + 1 : until };
};

/** Likewise, of one lifetime; empty where there is nothing of it for a while. */
export const lifetimeSlice = (log: Log, id: string, from: number, until: number): Slice => {
  const end = Math.min(until, from + CATCH_UP_OFFSETS_MAX);
  const { records, whole } = log.ofLifetime(id, from, end, CATCH_UP_RECORDS_MAX, CATCH_UP_BYTES_MAX);
  const last = records.at(-1);
  return { records, next: last && !whole ? last.offset + 1 : end };
};
