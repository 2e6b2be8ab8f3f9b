/**
 * The tenant's log in SQLite: appends, reads by offset, and the most recent messages in memory, so that
 * putting an input together does not read what was just written.
 */
import { RECENT_BYTES_MAX } from "../../src/limits.ts";
import { type LogRecord, messageOf } from "../../src/topics/record.ts";
import type { Kind } from "../../src/topics/topics.ts";
import { type Carried, composeInput } from "../../src/wire/compose.ts";
import { decodeRecord, encodeRecord, RECORD_TYPES, type RecordType, type Row } from "./record-row.ts";
import type { Sql } from "./sql.ts";

/** An input carries at most some thousand executions; this many are read with one statement. */
const READ_TOGETHER = 100;

export class Log {
  readonly #sql: Sql;
  #tail: number;
  readonly #recent = new Map<number, LogRecord>();
  #recentBytes = 0;

  constructor(sql: Sql) {
    this.#sql = sql;
    const [row] = sql.exec<{ tail: number | null }>("SELECT MAX(offset) AS tail FROM log").toArray();
    this.#tail = (row?.tail ?? 0) + 1;
  }

  /** The first free position; positions count from 1. */
  get tail(): number {
    return this.#tail;
  }

  /** Inside the transaction of a commit. */
  append(records: readonly LogRecord[]): void {
    for (const record of records) {
      const row = encodeRecord(record);
      this.#sql.exec(
        "INSERT INTO log VALUES (?, ?, ?, ?, ?)",
        record.offset,
        row.type,
        record.at,
        row.meta,
        row.body,
      );
    }
  }

  /** After the commit. */
  advance(records: readonly LogRecord[]): void {
    for (const record of records) {
      this.#tail = record.offset + 1;
      this.#recent.set(record.offset, record);
      this.#recentBytes += sizeOf(record);
    }
    for (const [offset, record] of this.#recent) {
      if (this.#recentBytes <= RECENT_BYTES_MAX) break;
      this.#recent.delete(offset);
      this.#recentBytes -= sizeOf(record);
    }
  }

  get(offset: number): LogRecord | undefined {
    const recent = this.#recent.get(offset);
    if (recent) return recent;
    const [row] = this.#sql.exec<Row>("SELECT * FROM log WHERE offset = ?", offset).toArray();
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
      `SELECT * FROM log WHERE offset >= ? AND type IN (${codes}) ORDER BY offset LIMIT ?`,
      from,
      limit,
    );
    for (const row of rows) yield decodeRecord(row);
  }

  /** The message of an inputs topic. */
  compose(record: LogRecord & { type: "input" }): Uint8Array {
    const found = new Map<number, LogRecord>();
    const missing: number[] = [];
    for (const offset of record.carries) {
      const recent = this.#recent.get(offset);
      if (recent) found.set(offset, recent);
      else missing.push(offset);
    }
    for (let i = 0; i < missing.length; i += READ_TOGETHER) {
      const some = missing.slice(i, i + READ_TOGETHER);
      const marks = some.map(() => "?").join(",");
      for (const row of this.#sql.exec<Row>(`SELECT * FROM log WHERE offset IN (${marks})`, ...some))
        found.set(row.offset, decodeRecord(row));
    }
    const carried = record.carries.map((offset): Carried => {
      const message = messageOf(found.get(offset));
      if (message === undefined) throw new Error(`the log has no execution at ${offset}`);
      return { message, withoutResult: record.withoutResult.includes(offset) };
    });
    return composeInput(record.kind, record.header, carried);
  }

  /** Forgets what was kept in memory, after the tables were cleared. */
  reset(): void {
    this.#recent.clear();
    this.#recentBytes = 0;
    this.#tail = 1;
  }
}

const isOfType = (record: LogRecord, { type, kind }: RecordType): boolean =>
  record.type === type && (kind === undefined || !("kind" in record) || record.kind === kind);

const sizeOf = (record: LogRecord): number =>
  200 +
  (record.type === "input"
    ? record.header.byteLength
    : record.type === "signal_received"
      ? record.value.byteLength
      : (messageOf(record)?.byteLength ?? 0));
