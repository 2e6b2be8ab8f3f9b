/**
 * The rows of the log. Records that are committed together share one, because a row is what is billed, and what a
 * commit waits for: such a pack has what is JSON of them in one text, and what is bytes in one blob, one after another.
 * A record that is alone has its row to itself. The offset of a row is that of its last record, so that what lies at
 * or above an offset begins with the first row that does.
 */
import { PACK_BYTES_MAX } from "../../src/limits.ts";
import type { Entry, RecordType } from "./entry.ts";

export type Row = {
  offset: number;
  /** Of a record its code, of a pack the bits of those in it, below zero. */
  type: number;
  at: number;
  meta: string | null;
  body: ArrayBuffer | null;
};

/** Of a record in a pack: its type, how far it is below the last one in offset and time, and its bytes. */
type Line = [type: number, before: number, earlier: number, bytes: number, meta: unknown];

export type Bindings = [offset: number, type: number, at: number, meta: string | null, body: Uint8Array];

/** What to write for entries that are in order. */
export const rowsOf = (entries: readonly Entry[]): Bindings[] => {
  const rows: Bindings[] = [];
  let [from, size] = [0, 0];
  let texts: string[] = [];
  for (let i = 0; i < entries.length; i++) {
    const { meta, body } = entries[i] as Entry;
    const text = JSON.stringify(meta);
    const more = text.length + body.byteLength;
    if (size > 0 && size + more > PACK_BYTES_MAX) {
      rows.push(rowOf(entries.slice(from, i), texts));
      [from, size, texts] = [i, 0, []];
    }
    texts.push(text);
    size += more;
  }
  if (texts.length > 0) rows.push(rowOf(from === 0 ? entries : entries.slice(from), texts));
  return rows;
};

const rowOf = (entries: readonly Entry[], texts: readonly string[]): Bindings => {
  const last = entries.at(-1) as Entry;
  const { offset, at } = last;
  if (entries.length === 1)
    return [offset, last.type, at, last.meta === null ? null : (texts[0] ?? null), last.body];
  let types = 0;
  let bytes = 0;
  const lines: string[] = [];
  for (let i = 0; i < entries.length; i++) {
    const each = entries[i] as Entry;
    types |= bitOf(each.type);
    const { byteLength } = each.body;
    lines.push(`[${each.type},${offset - each.offset},${at - each.at},${byteLength},${texts[i]}]`);
    bytes += byteLength;
  }
  const body = new Uint8Array(bytes);
  let end = 0;
  for (const each of entries) {
    body.set(each.body, end);
    end += each.body.byteLength;
  }
  return [offset, -types, at, `[${lines.join()}]`, body];
};

/** The records of a row, in order. */
export const entriesOf = ({ offset, type, at, meta, body }: Row): Entry[] => {
  const bytes = new Uint8Array(body ?? new ArrayBuffer(0));
  const json: unknown = meta === null ? null : JSON.parse(meta);
  if (type > 0) return [{ offset, type, at, meta: json, body: bytes }];
  let end = 0;
  return (json as Line[]).map(([type, before, earlier, length, meta]) => {
    const body = bytes.subarray(end, end + length);
    end += length;
    return { offset: offset - before, type, at: at - earlier, meta, body };
  });
};

/** A condition for the rows that may have records of these types. */
export const havingTypes = (types: readonly RecordType[]): string => {
  const bits = types.reduce((bits, { code }) => bits | bitOf(code), 0);
  return `CASE WHEN type < 0 THEN -type & ${bits} ELSE type IN (${types.map(({ code }) => code).join()}) END`;
};

/**
 * Of the bodies of records of these types above an offset, how many there are and their bytes together, without reading
 * any of them.
 */
export const bodiesAfter = (types: readonly RecordType[]): string => {
  const codes = types.map(({ code }) => code).join();
  return `SELECT COUNT(*) AS records, COALESCE(SUM(bytes), 0) AS bytes FROM (
    SELECT COALESCE(LENGTH(body), 0) AS bytes FROM log WHERE offset > ?1 AND type IN (${codes})
    UNION ALL
    SELECT line.value ->> 3 FROM log, json_each(log.meta) AS line
      WHERE log.offset > ?1 AND log.type < 0 AND log.offset - (line.value ->> 1) > ?1
        AND line.value ->> 0 IN (${codes}))`;
};

/** Several types share one where there are more than bits: a row is then looked at in vain. */
const bitOf = (code: number): number => 1 << (code % BITS);

/** As many as a number has that JavaScript and SQLite both take for one above zero. */
const BITS = 31;
