/**
 * The tenant's log in SQLite: appends, reads by offset, and the most recent messages in memory, so that
 * putting an input together does not read what was just written. Offsets are given once, also where the
 * records that had them are gone.
 */
import { RECENT_BYTES_MAX } from "../../src/limits.ts";
import { type LogRecord, messageOf } from "../../src/topics/record.ts";
import type { Kind } from "../../src/topics/topics.ts";
import { composeInput } from "../../src/wire/compose.ts";
import {
  decodeRecord,
  encodeRecord,
  lifetimeOf,
  RECORD_TYPES,
  type RecordType,
  type Row,
} from "./record-row.ts";
import type { Sql } from "./sql.ts";

/** A record as far as is needed to say whether it may go. */
export interface Owned {
  readonly offset: number;
  readonly at: number;
  readonly bytes: number;
  /** Undefined for the tenant's own. */
  readonly lifetime: string | undefined;
}

/** Offsets from … to, both in it. */
export type Range = [from: number, to: number];
/** A step appends two to four records; a statement costs as much as several of its rows. */
const APPEND_TOGETHER = 8;
/** What is read of a record. */
const COLUMNS = "offset, type, at, meta, body";
/** By the number of rows, less one. */
const INSERTS = Array.from(
  { length: APPEND_TOGETHER },
  (_, last) =>
    `INSERT INTO log VALUES ${Array(last + 1)
      .fill("(?, ?, ?, ?, ?, ?)")
      .join(", ")}`,
);

export class Log {
  readonly #sql: Sql;
  #first: number;
  #tail: number;
  #projected: number;
  /** Without gaps, up to the tail. */
  readonly #recent = new Map<number, LogRecord>();
  #recentFrom = 0;
  #recentBytes = 0;
  /** Of messages, since this object started. */
  appendedBytes = 0;

  constructor(sql: Sql) {
    this.#sql = sql;
    const { last, first, tail, projected } = sql.exec<Record<Mark | "last", number>>(WHERE_IT_IS).one();
    this.#first = first;
    this.#tail = Math.max(last + 1, tail);
    // What was trimmed D1 had.
    this.#projected = Math.max(first - 1, projected);
  }

  /** No record at or above it was trimmed. */
  get first(): number {
    return this.#first;
  }

  /** The first free position; positions count from 1. */
  get tail(): number {
    return this.#tail;
  }

  /** What D1 has at least, as it was last noted. */
  get projected(): number {
    return this.#projected;
  }

  /** A row: not for every flush. */
  noteProjected(offset: number): void {
    this.#sql.exec("INSERT OR REPLACE INTO marks VALUES ('projected', ?)", offset);
    this.#projected = offset;
  }

  /** Inside the transaction of a commit; `redo` is kept with the last of them. */
  append(records: readonly LogRecord[], redo?: string): void {
    const last = records.at(-1);
    for (let i = 0; i < records.length; i += APPEND_TOGETHER) {
      const some = records.slice(i, i + APPEND_TOGETHER);
      const bindings: unknown[] = [];
      for (const record of some) {
        const { type, meta, body } = encodeRecord(record);
        bindings.push(record.offset, type, record.at, meta, body, record === last ? (redo ?? null) : null);
      }
      this.#sql.exec(INSERTS[some.length - 1] ?? "", ...bindings);
    }
  }

  /** After the commit. */
  advance(records: readonly LogRecord[]): void {
    if (this.#recent.size === 0) this.#recentFrom = this.#tail;
    for (const record of records) {
      this.#tail = record.offset + 1;
      this.#recent.set(record.offset, record);
      const bytes = sizeOf(record);
      this.#recentBytes += bytes;
      this.appendedBytes += bytes;
    }
    for (; this.#recentBytes > RECENT_BYTES_MAX; this.#recentFrom++) {
      const record = this.#recent.get(this.#recentFrom);
      this.#recentBytes -= record ? sizeOf(record) : 0;
      this.#recent.delete(this.#recentFrom);
    }
  }

  get(offset: number): LogRecord | undefined {
    const recent = this.#recent.get(offset);
    if (recent) return recent;
    const [row] = this.#sql.exec<Row>(`SELECT ${COLUMNS} FROM log WHERE offset = ?`, offset).toArray();
    return row && decodeRecord(row);
  }

  /** Records of these types from an offset on, in order: so many, or as many bytes, but one at least. */
  read(
    types: readonly LogRecord["type"][],
    kind: Kind | undefined,
    from: number,
    limit: number,
    bytesMax: number,
  ): { records: LogRecord[]; whole: boolean } {
    const wanted = RECORD_TYPES.filter(
      (each) =>
        types.includes(each.type) && (kind === undefined || each.kind === undefined || each.kind === kind),
    );
    const records: LogRecord[] = [];
    let bytes = 0;
    for (const record of this.#recent.has(from)
      ? this.#recently(from, wanted)
      : this.#stored(from, wanted, limit)) {
      if (records.length === limit) return { records, whole: false };
      bytes += sizeOf(record);
      if (bytes > bytesMax && records.length > 0) return { records, whole: false };
      records.push(record);
    }
    return { records, whole: records.length < limit };
  }

  /**
   * Records of a lifetime from an offset on and before another: so many, or as many bytes, but one at least. No
   * index has them; that its id stands in them is found faster than whose each record is.
   */
  ofLifetime(id: string, from: number, until: number, limit: number, bytesMax: number) {
    const rows = this.#sql.exec<Row>(
      `SELECT ${COLUMNS} FROM log WHERE offset >= ? AND offset < ? AND (instr(body, ?) OR instr(meta, ?))
       ORDER BY offset`,
      from,
      until,
      new TextEncoder().encode(id),
      JSON.stringify(id).slice(1, -1),
    );
    const records: LogRecord[] = [];
    let bytes = 0;
    for (const row of rows) {
      if (records.length === limit) return { records, whole: false };
      if (lifetimeOf(row) !== id) continue;
      const record = decodeRecord(row);
      bytes += sizeOf(record);
      if (bytes > bytesMax && records.length > 0) return { records, whole: false };
      records.push(record);
    }
    return { records, whole: true };
  }

  /** What is in memory has no gaps, and ends with the log. */
  *#recently(from: number, wanted: readonly RecordType[]): Generator<LogRecord> {
    for (let offset = from; offset < this.#tail; offset++) {
      const record = this.#recent.get(offset);
      if (record && wanted.some((each) => isOfType(record, each))) yield record;
    }
  }

  *#stored(from: number, wanted: readonly RecordType[], limit: number): Generator<LogRecord> {
    const codes = wanted.map((each) => each.code).join(",");
    const rows = this.#sql.exec<Row>(
      `SELECT ${COLUMNS} FROM log WHERE offset >= ? AND type IN (${codes}) ORDER BY offset LIMIT ?`,
      from,
      limit,
    );
    for (const row of rows) yield decodeRecord(row);
  }

  /** Of the records of these types above an offset: of their messages, as `sizeOf` has it. Looks at each. */
  bytesAfter(offset: number, types: readonly LogRecord["type"][]): number {
    const codes = RECORD_TYPES.filter((each) => types.includes(each.type)).map((each) => each.code);
    return this.#sql
      .exec<{ bytes: number }>(
        `SELECT COALESCE(SUM(COALESCE(LENGTH(body), 0) + ${RECORD_BYTES}), 0) AS bytes
         FROM log WHERE offset > ? AND type IN (${codes})`,
        offset,
      )
      .one().bytes;
  }

  /** The message of an inputs topic. */
  compose(record: LogRecord & { type: "input" }): Uint8Array {
    return composeInput(record, (offset) => {
      const message = messageOf(this.get(offset));
      if (message === undefined) throw new Error(`the log has no execution at ${offset}`);
      return message;
    });
  }

  /** What a topic has at an offset: put together, where it is an input. Empty where there is nothing. */
  messageAt(offset: number): Uint8Array {
    const record = this.get(offset);
    if (record?.type === "input") return this.compose(record);
    return messageOf(record) ?? new Uint8Array();
  }

  /** Whose the records from … to are, in order, read as they are asked for. */
  *owned(from: number, to: number): Generator<Owned> {
    const rows = this.#sql.exec<Row>(
      `SELECT ${COLUMNS} FROM log WHERE offset BETWEEN ? AND ? ORDER BY offset`,
      from,
      to,
    );
    for (const row of rows) {
      const { offset, at, meta, body } = row;
      yield { offset, at, bytes: (body?.byteLength ?? 0) + (meta?.length ?? 0), lifetime: lifetimeOf(row) };
    }
  }

  /**
   * Deletes records, inside a transaction; answers what to forget once it is committed. Where `first` is given,
   * topics begin there from now on.
   */
  drop(ranges: readonly Range[], first = this.#first): () => void {
    for (const range of ranges) this.#sql.exec("DELETE FROM log WHERE offset BETWEEN ? AND ?", ...range);
    this.#sql.exec("INSERT OR REPLACE INTO marks VALUES ('first', ?), ('tail', ?)", first, this.#tail);
    return () => {
      this.#first = first;
      for (const [from, to] of ranges)
        for (const [offset, record] of this.#recent) {
          if (offset > to) break;
          if (offset < from) continue;
          this.#recent.delete(offset);
          this.#recentBytes -= sizeOf(record);
        }
    };
  }

  /** Forgets what was kept in memory, after the tables were cleared. */
  reset(): void {
    this.#recent.clear();
    this.#recentBytes = 0;
    this.#first = 1;
    this.#tail = 1;
    this.#projected = 0;
  }
}

type Mark = "first" | "tail" | "projected";

const WHERE_IT_IS = `SELECT COALESCE((SELECT MAX(offset) FROM log), 0) AS last,
  COALESCE((SELECT value FROM marks WHERE name = 'first'), 1) AS first,
  COALESCE((SELECT value FROM marks WHERE name = 'tail'), 1) AS tail,
  COALESCE((SELECT value FROM marks WHERE name = 'projected'), 0) AS projected`;

const isOfType = (record: LogRecord, { type, kind }: RecordType): boolean =>
  record.type === type && (kind === undefined || !("kind" in record) || record.kind === kind);

/** What a record has besides its message, about. */
const RECORD_BYTES = 200;

export const sizeOf = (record: LogRecord): number =>
  RECORD_BYTES +
  (record.type === "input"
    ? record.header.byteLength
    : record.type === "mirrored"
      ? record.message.byteLength
      : record.type === "signal_received"
        ? record.value.byteLength
        : (messageOf(record)?.byteLength ?? 0));
