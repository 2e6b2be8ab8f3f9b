/**
 * The tables of lifetimes: number and end of each in `lifetimes`, the state of what runs in `running`, that of what
 * has failed in `failed`, and entries that have outgrown a row in `cells`. Keeps nothing in memory.
 */
import type { Lifetime } from "../../src/control-plane/lifetime.ts";
import { mayBeOut } from "../../src/control-plane/standing.ts";
import { type Cell, loadStored, type StoredWrite, storedWrite } from "../../src/control-plane/stored.ts";
import type { End } from "./behind.ts";
import type { Sql } from "./sql.ts";

/** As it is stored: in cells or not, and up to which record of the log. */
export interface StoredState {
  readonly lifetime: Lifetime;
  readonly spilled: boolean;
  readonly upTo: number;
}

export interface Standing {
  readonly id: string;
  readonly started: number;
  readonly due: number;
  /** 0 where no input can be at an executor. */
  readonly sent: number;
}

export class LifetimeRows {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  open(): { running: number; outstanding: number } {
    return this.#sql
      .exec<{ running: number; outstanding: number }>(
        "SELECT COUNT(*) AS running, COALESCE(SUM(outstanding), 0) AS outstanding FROM running",
      )
      .one();
  }

  find(id: string): { started: number; ended: number | null } | undefined {
    return this.#sql
      .exec<{ started: number; ended: number | null }>(
        "SELECT started, ended FROM lifetimes WHERE id = ?",
        id,
      )
      .toArray()[0];
  }

  idOf(started: number): string | undefined {
    return this.#sql.exec<{ id: string }>("SELECT id FROM lifetimes WHERE started = ?", started).toArray()[0]
      ?.id;
  }

  running(): Standing[] {
    return this.#sql
      .exec<Standing & Record<string, SqlStorageValue>>(
        "SELECT id, started, due, sent FROM running JOIN lifetimes USING (started) ORDER BY started",
      )
      .toArray();
  }

  state(started: number): StoredState | undefined {
    const [row] = this.#sql
      .exec<{ state: string; upto: number }>("SELECT state, upto FROM running WHERE started = ?", started)
      .toArray();
    return row && { ...loadStored(row.state, () => this.#cellsOf(started)), upTo: row.upto };
  }

  /** What a retry needs of one that has failed. */
  failed(id: string): (StoredState & { started: number; ended: number }) | undefined {
    const [row] = this.#sql
      .exec<{ started: number; ended: number; state: string }>(
        "SELECT started, ended, state FROM failed JOIN lifetimes USING (started) WHERE id = ?",
        id,
      )
      .toArray();
    if (row === undefined) return undefined;
    const { started, ended, state } = row;
    return { started, ended, ...loadStored(state, () => this.#cellsOf(started)), upTo: ended };
  }

  /** Of those that ended at or before an offset and a time, and still have what a retry needs. */
  failedBy(ended: number, endedBy: number, limit: number): number[] {
    return this.#sql
      .exec<{ started: number }>(
        "SELECT started FROM failed JOIN lifetimes USING (started) WHERE ended <= ? AND ended_at <= ? LIMIT ?",
        ended,
        endedBy,
        limit,
      )
      .toArray()
      .map(({ started }) => started);
  }

  /** Of one that has ended: what a retry would need. */
  forget(started: number): void {
    this.#sql.exec("DELETE FROM failed WHERE started = ?", started);
    this.#sql.exec("DELETE FROM cells WHERE started = ?", started);
  }

  /** One of which nothing is stored; answers whether its entries are in cells. */
  insert(lifetime: Lifetime, upTo: number): boolean {
    const { started, id } = lifetime.head;
    this.#sql.exec("INSERT INTO lifetimes VALUES (?, ?, NULL, NULL)", started, id);
    return this.#insertState(lifetime, false, upTo);
  }

  /** One that has failed runs again. */
  reopen(lifetime: Lifetime, spilled: boolean, upTo: number): boolean {
    const { started } = lifetime.head;
    this.#sql.exec("UPDATE lifetimes SET ended = NULL, ended_at = NULL WHERE started = ?", started);
    this.#sql.exec("DELETE FROM failed WHERE started = ?", started);
    return this.#insertState(lifetime, spilled, upTo);
  }

  update(lifetime: Lifetime, spilled: boolean, upTo: number): boolean {
    const { started, due, outstanding } = lifetime.head;
    const write = storedWrite(lifetime, spilled);
    this.#sql.exec(
      "UPDATE running SET due = ?, state = ?, outstanding = ?, sent = ?, upto = ? WHERE started = ?",
      due,
      write.state,
      outstanding,
      mayBeOut(lifetime) ? 1 : 0,
      upTo,
      started,
    );
    this.#writeCells(started, write);
    return write.spilled;
  }

  /** Of one of which nothing is stored. */
  insertEnd({ started, id, ended, endedAt }: End): void {
    this.#sql.exec("INSERT INTO lifetimes VALUES (?, ?, ?, ?)", started, id, ended, endedAt);
  }

  /** What has failed keeps its state, if it may be retried. */
  end(lifetime: Lifetime, stored: boolean, spilled: boolean): boolean {
    const { started, id, ended = null, endedAt = null } = lifetime.head;
    if (stored) {
      this.#sql.exec(
        "UPDATE lifetimes SET ended = ?, ended_at = ? WHERE started = ?",
        ended,
        endedAt,
        started,
      );
      this.#sql.exec("DELETE FROM running WHERE started = ?", started);
    } else this.#sql.exec("INSERT INTO lifetimes VALUES (?, ?, ?, ?)", started, id, ended, endedAt);
    if (lifetime.members.size === 0) {
      // Of one that failed before, was retried, and has ended in that step.
      if (stored) this.#sql.exec("DELETE FROM failed WHERE started = ?", started);
      if (spilled) this.#sql.exec("DELETE FROM cells WHERE started = ?", started);
      return false;
    }
    const write = storedWrite(lifetime, spilled);
    this.#sql.exec("INSERT OR REPLACE INTO failed VALUES (?, ?)", started, write.state);
    this.#writeCells(started, write);
    return write.spilled;
  }

  #insertState(lifetime: Lifetime, spilled: boolean, upTo: number): boolean {
    const { started, due, outstanding } = lifetime.head;
    const write = storedWrite(lifetime, spilled);
    this.#sql.exec(
      "INSERT INTO running (started, due, state, outstanding, sent, upto) VALUES (?, ?, ?, ?, ?, ?)",
      started,
      due,
      write.state,
      outstanding,
      mayBeOut(lifetime) ? 1 : 0,
      upTo,
    );
    this.#writeCells(started, write);
    return write.spilled;
  }

  #cellsOf(started: number): Iterable<Cell> {
    return this.#sql.exec<Cell & Record<string, string>>(
      "SELECT part, key, value FROM cells WHERE started = ?",
      started,
    );
  }

  #writeCells(started: number, { cells }: StoredWrite): void {
    for (const { part, key, value } of cells)
      if (value === undefined)
        this.#sql.exec("DELETE FROM cells WHERE started = ? AND part = ? AND key = ?", started, part, key);
      else this.#sql.exec("INSERT OR REPLACE INTO cells VALUES (?, ?, ?, ?)", started, part, key, value);
  }
}
