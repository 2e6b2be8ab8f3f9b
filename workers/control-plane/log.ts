/**
 * The tenant's log in SQLite: appends, reads by offset, and the most recent messages in memory, so that
 * putting an input together does not read what was just written. Offsets are given once, also where the
 * records that had them are gone.
 */
import { RECENT_BYTES_MAX } from "../../src/limits.ts";
import { type LogRecord, messageOf } from "../../src/topics/record.ts";
import type { Kind } from "../../src/topics/topics.ts";
import { composeInput } from "../../src/wire/compose.ts";
import { type Entry, entryOf, lifetimeOf, RECORD_TYPES, type RecordType, recordOf } from "./entry.ts";
import { type Bindings, bodiesAfter, entriesOf, havingTypes, type Row, rowsOf } from "./pack.ts";
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

/** What is read of a row. */
const COLUMNS = "offset, type, at, meta, body";
/** That one statement reads. */
const ROWS = 16;
const INSERT = "INSERT INTO log VALUES (?, ?, ?, ?, ?, ?)";

export class Log {
  readonly #sql: Sql;
  #first: number;
  #tail: number;
  #projected: number;
  /** Without gaps, up to the tail. */
  readonly #recent = new Map<number, LogRecord>();
  #recentFrom = 0;
  #recentBytes = 0;
  /** The row that was read last, from which more is usually wanted. */
  #read: readonly Entry[] = [];
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
    const rows = rowsOf(records.map(entryOf));
    for (const row of rows) this.#insert(row, row === rows.at(-1) ? redo : undefined);
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
    const entry = this.#rowWith(offset).find((each) => each.offset === offset);
    return entry && recordOf(entry);
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
    for (const record of this.#recent.has(from) ? this.#recently(from, wanted) : this.#stored(from, wanted)) {
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
      `SELECT ${COLUMNS} FROM log
       WHERE offset BETWEEN ?1 AND COALESCE((SELECT MIN(offset) FROM log WHERE offset >= ?2 - 1), ?2)
         AND (instr(body, ?3) OR instr(meta, ?4))
       ORDER BY offset`,
      from,
      until,
      new TextEncoder().encode(id),
      JSON.stringify(id).slice(1, -1),
    );
    const records: LogRecord[] = [];
    let bytes = 0;
    for (const entry of within(rows, from, until - 1)) {
      if (records.length === limit) return { records, whole: false };
      if (lifetimeOf(entry) !== id) continue;
      const record = recordOf(entry);
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

  *#stored(from: number, wanted: readonly RecordType[]): Generator<LogRecord> {
    const codes = new Set(wanted.map(({ code }) => code));
    const select = `SELECT ${COLUMNS} FROM log WHERE offset >= ? AND ${havingTypes(wanted)} ORDER BY offset LIMIT ${ROWS}`;
    for (let next = from, rows = ROWS; rows === ROWS; ) {
      rows = 0;
      for (const row of this.#sql.exec<Row>(select, next)) {
        for (const entry of entriesOf(row))
          if (entry.offset >= from && codes.has(entry.type)) yield recordOf(entry);
        next = row.offset + 1;
        rows++;
      }
    }
  }

  /** Of the records of these types above an offset: of their messages, as `sizeOf` has it. Looks at each. */
  bytesAfter(offset: number, types: readonly LogRecord["type"][]): number {
    const wanted = RECORD_TYPES.filter((each) => types.includes(each.type));
    const found = this.#sql.exec<{ records: number; bytes: number }>(bodiesAfter(wanted), offset).one();
    return found.bytes + found.records * RECORD_BYTES;
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
    const rows = this.#sql.exec<Row>(`SELECT ${COLUMNS} FROM log WHERE offset >= ? ORDER BY offset`, from);
    for (const entry of within(rows, from, to)) {
      const { offset, at, body } = entry;
      yield { offset, at, bytes: body.byteLength + RECORD_BYTES, lifetime: lifetimeOf(entry) };
    }
  }

  /**
   * Deletes records, inside a transaction; answers what to forget once it is committed. Where `first` is given,
   * topics begin there from now on.
   */
  drop(ranges: readonly Range[], first = this.#first): () => void {
    const cut = this.#cutBy(ranges);
    for (const range of ranges) this.#sql.exec("DELETE FROM log WHERE offset BETWEEN ? AND ?", ...range);
    for (const [offset, left] of cut) {
      this.#sql.exec("DELETE FROM log WHERE offset = ?", offset);
      for (const row of rowsOf(left)) this.#insert(row);
    }
    this.#sql.exec("INSERT OR REPLACE INTO marks VALUES ('first', ?), ('tail', ?)", first, this.#tail);
    this.#read = [];
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

  /** What is left of rows of which the ranges have a part, by the offset of the row. */
  #cutBy(ranges: readonly Range[]): Map<number, readonly Entry[]> {
    const cut = new Map<number, readonly Entry[]>();
    for (const [from, to] of ranges)
      for (const offset of [from, to]) {
        const row = this.#rowWith(offset);
        const key = row.at(-1)?.offset;
        if (key === undefined) continue;
        const whole = cut.get(key) ?? row;
        const left = whole.filter((each) => each.offset < from || each.offset > to);
        if (left.length < whole.length) cut.set(key, left);
      }
    return cut;
  }

  /** The row that would have the record at an offset; empty where the log ends below. */
  #rowWith(offset: number): readonly Entry[] {
    const [first] = this.#read;
    const last = this.#read.at(-1);
    if (first && last && first.offset <= offset && offset <= last.offset) return this.#read;
    const [row] = this.#sql
      .exec<Row>(`SELECT ${COLUMNS} FROM log WHERE offset >= ? ORDER BY offset LIMIT 1`, offset)
      .toArray();
    this.#read = row ? entriesOf(row) : [];
    return this.#read;
  }

  #insert(row: Bindings, redo: string | undefined = undefined): void {
    this.#sql.exec(INSERT, ...row, redo ?? null);
  }

  /** Forgets what was kept in memory, after the tables were cleared. */
  reset(): void {
    this.#recent.clear();
    this.#recentBytes = 0;
    this.#read = [];
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

/** Of rows in order, the records from … to. */
function* within(rows: Iterable<Row>, from: number, to = Number.POSITIVE_INFINITY): Generator<Entry> {
  for (const row of rows)
    for (const entry of entriesOf(row)) {
      if (entry.offset > to) return;
      if (entry.offset >= from) yield entry;
    }
}

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
