/**
 * Makes room in the object, a slice an alarm: deletes the records of lifetimes that ended long ago, later what
 * is left of those lifetimes, and evidence that nobody came for.
 *
 * 1. A record goes once D1 and every mirror have it and its lifetime has ended, and not before that end is as
 *    old as the retention. A lifetime that runs keeps all of its records, and holds up no other's.
 * 2. What remains of a lifetime outlives its records.
 */
import type { RoomLimits } from "../../src/control-plane/room.ts";
import { EVIDENCE_MS, TRIM_BYTES_MAX, TRIM_EVERY_MS } from "../../src/limits.ts";
import { forgetExpired } from "./expired-keys.ts";
import type { Range } from "./log.ts";
import type { MirrorCursors } from "./mirror-cursors.ts";
import type { Parts } from "./sql-store.ts";

/** Until it asks again, where it is not known what D1 has: as often as the alarm comes then anyway. */
const UNKNOWN_PAUSE_MS = 1_000;

export interface TrimmerPorts {
  /** The last offset that D1 has; undefined while that is not known. */
  projected(): number | undefined;
  /** Milliseconds. */
  retention(): number;
  /** When the tenant began: not all tenants look at the same moment. */
  since(): number;
}

/** Lifetimes that ended at or before an offset and a time. */
interface Reach {
  readonly upTo: number;
  readonly endedBy: number;
}

export class Trimmer {
  readonly #storage: DurableObjectStorage;
  readonly #parts: Parts;
  readonly #mirrors: MirrorCursors;
  readonly #rowsMax: number;
  readonly #ports: TrimmerPorts;
  #pass: Generator<void> | undefined;
  #due: number | undefined;

  constructor(
    storage: DurableObjectStorage,
    parts: Parts,
    mirrors: MirrorCursors,
    { trimRowsMax }: RoomLimits,
    ports: TrimmerPorts,
  ) {
    this.#storage = storage;
    this.#parts = parts;
    this.#mirrors = mirrors;
    this.#rowsMax = trimRowsMax;
    this.#ports = ports;
  }

  /** When it wants to be called next, as far as it knows of anything that it will have to delete. */
  get pending(): number | undefined {
    return this.#due;
  }

  /**
   * The same, where something was added, which may have to go before anything that is kept. On a fixed grid: a
   * restart never puts it off.
   */
  due(now: number): number {
    const goes = now + Math.min(this.#ports.retention(), EVIDENCE_MS);
    this.#due = Math.min(this.#due ?? this.#onGrid(now), this.#onGrid(goes));
    return this.#due;
  }

  /** At once, because what may go has changed; answers when that is. */
  anew(now: number): number {
    this.#pass = undefined;
    this.#due = now;
    return now;
  }

  /** One slice, if it is time for it. */
  slice(now: number): void {
    if (this.#due !== undefined && now < this.#due) return;
    const projected = this.#ports.projected();
    if (projected === undefined) {
      this.#due = now + UNKNOWN_PAUSE_MS;
      return;
    }
    this.#pass ??= this.#passAt(now, projected);
    if (!this.#pass.next().done) {
      this.#due = now;
      return;
    }
    this.#pass = undefined;
    this.#due = this.#nextPass(now);
  }

  /** Begins anew with the next slice. */
  reset(): void {
    this.#pass = undefined;
    this.#due = undefined;
  }

  *#passAt(now: number, projected: number): Generator<void> {
    const retention = this.#ports.retention();
    const upTo = Math.min(projected, this.#mirrors.lowest());
    const reach = { upTo, endedBy: now - retention };
    // What runs is told by its row, and what is said of it in records that go is in its row.
    const { lifetimes, log } = this.#parts;
    this.#storage.transactionSync(() => lifetimes.checkpoint(log.tail - 1))();
    yield* this.#forgetFailed(reach);
    yield* this.#trimLog(reach);
    yield* this.#forgetEnded({ upTo, endedBy: now - Math.max(retention, EVIDENCE_MS) });
    for (const table of ["strays", "dead_letters"])
      yield* this.#deleteOld(
        `DELETE FROM ${table} WHERE id IN (
           SELECT id FROM (SELECT id, at FROM ${table} ORDER BY id LIMIT ?) WHERE at <= ?)`,
        now - EVIDENCE_MS,
      );
    yield* this.#forgetKeys(now);
  }

  /** Before any of their records: what can be retried has all of them. */
  *#forgetFailed({ upTo, endedBy }: Reach): Generator<void> {
    const { lifetimes } = this.#parts;
    const forget = () => lifetimes.forgetFailed(upTo, endedBy, this.#rowsMax);
    while (this.#storage.transactionSync(forget) > 0) yield;
  }

  /** What was left of them. Of those that began first: one that still runs among them stops nothing. */
  *#forgetEnded({ upTo, endedBy }: Reach): Generator<void> {
    const { sql } = this.#parts;
    const forget = (): number => {
      const gone = sql.exec<{ id: string }>(FORGET_ENDED, this.#rowsMax, upTo, endedBy).toArray();
      for (const { id } of gone) sql.exec("DELETE FROM signal_keys WHERE lifetime = ?", id);
      return gone.length;
    };
    while (this.#storage.transactionSync(forget) > 0) yield;
  }

  *#forgetKeys(now: number): Generator<void> {
    const { sql } = this.#parts;
    let after = forgetExpired(sql, "", now, this.#rowsMax);
    for (; after !== undefined; after = forgetExpired(sql, after, now, this.#rowsMax)) yield;
  }

  *#trimLog(reach: Reach): Generator<void> {
    const { log } = this.#parts;
    for (let from = 1; ; ) {
      const { ranges, next } = this.#look(from, reach);
      const last = ranges.at(-1)?.[1];
      if (last !== undefined)
        this.#storage.transactionSync(() => log.drop(ranges, Math.max(log.first, last + 1)))();
      if (next === undefined) return;
      from = next;
      yield;
    }
  }

  /** What may go of the records from an offset on, and where the next slice begins, if there is one. */
  #look(from: number, reach: Reach): { ranges: readonly Range[]; next?: number } {
    const known = new Map<string | undefined, boolean>([[undefined, true]]);
    const ranges: Range[] = [];
    let open: Range | undefined;
    let rows = 0;
    let bytes = 0;
    for (const record of this.#parts.log.owned(from, reach.upTo)) {
      const { offset, lifetime } = record;
      if (record.at > reach.endedBy) break;
      if (rows++ === this.#rowsMax || bytes > TRIM_BYTES_MAX) return { ranges, next: offset };
      bytes += record.bytes;
      const goes = known.get(lifetime) ?? this.#isOver(lifetime ?? "", reach);
      known.set(lifetime, goes);
      if (goes && open) open[1] = offset;
      else if (goes) ranges.push([offset, offset]);
      open = goes ? ranges.at(-1) : undefined;
    }
    return { ranges };
  }

  /** So is one of which nothing else remains. */
  #isOver(id: string, { upTo, endedBy }: Reach): boolean {
    const [row] = this.#parts.sql
      .exec<{ ended: number | null; ended_at: number | null }>(
        "SELECT ended, ended_at FROM lifetimes WHERE id = ?",
        id,
      )
      .toArray();
    if (row === undefined) return true;
    return row.ended !== null && row.ended <= upTo && (row.ended_at ?? 0) <= endedBy;
  }

  /** A slice at a time, until nothing is left that matches; the first parameter is what one slice looks at. */
  *#deleteOld(statement: string, ...bindings: readonly number[]): Generator<void> {
    while (this.#parts.sql.exec(statement, this.#rowsMax, ...bindings).rowsWritten > 0) yield;
  }

  /** Not before the oldest of what is kept may go; where nothing is kept it is not known yet. */
  #nextPass(now: number): number | undefined {
    const { at } = this.#parts.sql
      .exec<{ at: number | null }>(OLDEST, this.#ports.retention(), EVIDENCE_MS)
      .one();
    return at === null ? undefined : this.#onGrid(Math.max(at, now));
  }

  #onGrid(after: number): number {
    const since = this.#ports.since();
    return since + Math.ceil((after + 1 - since) / TRIM_EVERY_MS) * TRIM_EVERY_MS;
  }
}

const FORGET_ENDED = `DELETE FROM lifetimes WHERE started IN (
  SELECT started FROM (SELECT started, ended, ended_at FROM lifetimes
    WHERE ended IS NOT NULL ORDER BY started LIMIT ?)
  WHERE ended <= ? AND ended_at <= ?) RETURNING id`;

/** When the oldest of what is kept may go. */
const OLDEST = `SELECT MIN(at) AS at FROM (
  SELECT at + ?1 AS at FROM (SELECT at FROM log ORDER BY offset LIMIT 1)
  UNION ALL SELECT ended_at + MAX(?1, ?2) FROM (SELECT ended_at FROM lifetimes ORDER BY started LIMIT 1)
  UNION ALL SELECT at + ?2 FROM (SELECT at FROM strays ORDER BY id LIMIT 1)
  UNION ALL SELECT at + ?2 FROM (SELECT at FROM dead_letters ORDER BY id LIMIT 1)
  UNION ALL SELECT expires_at FROM (SELECT expires_at FROM idempotency LIMIT 1))`;
