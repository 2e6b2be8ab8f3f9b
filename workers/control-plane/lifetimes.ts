/**
 * The states of lifetimes: in tables, and the most recently used in memory. What is in memory is what the
 * tables hold: it is replaced only after a commit.
 */
import { type Lifetime, settleLifetime } from "../../src/control-plane/lifetime.ts";
import { mayBeOut } from "../../src/control-plane/standing.ts";
import type { Tombstone } from "../../src/control-plane/store.ts";
import { type Cell, loadStored, type StoredWrite, storedWrite } from "../../src/control-plane/stored.ts";
import { CACHED_LIFETIMES_MAX } from "../../src/limits.ts";
import type { Sql } from "./sql.ts";

interface Cached {
  readonly lifetime: Lifetime | Tombstone;
  readonly spilled: boolean;
}

/** Of the lifetimes that have not ended. */
export interface Open {
  readonly running: number;
  /** Inputs of theirs without an outcome. */
  readonly outstanding: number;
}

export class Lifetimes {
  readonly #sql: Sql;
  #open: Open;
  readonly #cache = new Map<string, Cached>();
  /** Goes through the cache as it grows. One made anew would pass over all that has been deleted since. */
  #oldest = this.#cache.keys();

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#open = sql
      .exec<{ running: number; outstanding: number }>(
        `SELECT COUNT(*) AS running, COALESCE(SUM(outstanding), 0) AS outstanding FROM running`,
      )
      .one();
  }

  get open(): Open {
    return this.#open;
  }

  get(id: string): Lifetime | Tombstone | undefined {
    const cached = this.#cache.get(id);
    if (cached) return cached.lifetime;
    const [row] = this.#sql
      .exec<{ started: number; ended: number | null }>(
        "SELECT started, ended FROM lifetimes WHERE id = ?",
        id,
      )
      .toArray();
    if (row === undefined) return undefined;
    if (row.ended !== null) return { id, started: row.started, ended: row.ended };
    return this.#load(row.started);
  }

  /** Inside the transaction; answers what to remember once it is committed. */
  write(lifetimes: readonly Lifetime[]): () => void {
    const written: { readonly lifetime: Lifetime; readonly spilled: boolean }[] = [];
    let { running, outstanding } = this.#open;
    for (const lifetime of lifetimes) {
      const cached = this.#cache.get(lifetime.head.id);
      const ended = lifetime.head.ended !== undefined;
      const spilled = ended ? this.#writeEnd(lifetime, cached) : this.#writeState(lifetime, cached);
      written.push({ lifetime, spilled });
      const was = cached && "head" in cached.lifetime ? cached.lifetime.head : undefined;
      running += (ended ? 0 : 1) - (was ? 1 : 0);
      outstanding += (ended ? 0 : lifetime.head.outstanding) - (was?.outstanding ?? 0);
    }
    return () => {
      this.#open = { running, outstanding };
      for (const each of written) this.#remember(each);
      this.#evict();
    };
  }

  /** The last state of one that has failed, if it is kept. A turn that reads it may write it as running again. */
  failed(id: string): Lifetime | undefined {
    const [row] = this.#sql
      .exec<{ started: number; ended: number; state: string }>(
        "SELECT started, ended, state FROM failed JOIN lifetimes USING (started) WHERE id = ?",
        id,
      )
      .toArray();
    if (row === undefined) return undefined;
    const { started, ended, state } = row;
    const { lifetime, spilled } = loadStored(state, () => this.#cellsOf(started));
    this.#cache.set(id, { lifetime: { id, started, ended }, spilled });
    return lifetime;
  }

  /** Forgets for good what some of those would need that ended at or before an offset and a time; answers how many. */
  forgetFailed(ended: number, endedBy: number, limit: number): number {
    const due = this.#sql
      .exec<{ started: number }>(
        "SELECT started FROM failed JOIN lifetimes USING (started) WHERE ended <= ? AND ended_at <= ? LIMIT ?",
        ended,
        endedBy,
        limit,
      )
      .toArray();
    for (const { started } of due) this.forget(started);
    return due.length;
  }

  /** Of one that has ended: what a retry would need. */
  forget(started: number): void {
    this.#sql.exec("DELETE FROM failed WHERE started = ?", started);
    this.#sql.exec("DELETE FROM cells WHERE started = ?", started);
  }

  /** All that have not ended; `sent` is 0 where no input can be at an executor. */
  running(): { id: string; started: number; due: number; sent: number }[] {
    return this.#sql
      .exec<{ id: string; started: number; due: number; sent: number }>(
        "SELECT id, started, due, sent FROM running JOIN lifetimes USING (started) ORDER BY started",
      )
      .toArray();
  }

  idOf(started: number): string | undefined {
    const [row] = this.#sql
      .exec<{ id: string }>("SELECT id FROM lifetimes WHERE started = ?", started)
      .toArray();
    return row?.id;
  }

  reset(): void {
    this.#open = { running: 0, outstanding: 0 };
    this.#cache.clear();
  }

  #load(started: number): Lifetime {
    const [row] = this.#sql
      .exec<{ state: string }>("SELECT state FROM running WHERE started = ?", started)
      .toArray();
    if (row === undefined) throw new Error(`lifetime ${started} has neither a state nor an end`);
    const loaded = loadStored(row.state, () => this.#cellsOf(started));
    this.#remember(loaded);
    return loaded.lifetime;
  }

  #cellsOf(started: number): Iterable<Cell> {
    return this.#sql.exec<Cell & Record<string, string>>(
      "SELECT part, key, value FROM cells WHERE started = ?",
      started,
    );
  }

  /** What has failed keeps its state, if it may be retried. */
  #writeEnd(lifetime: Lifetime, cached: Cached | undefined): boolean {
    const { started, id, ended = null, endedAt = null } = lifetime.head;
    if (cached === undefined)
      this.#sql.exec("INSERT INTO lifetimes VALUES (?, ?, ?, ?)", started, id, ended, endedAt);
    else {
      this.#sql.exec(
        "UPDATE lifetimes SET ended = ?, ended_at = ? WHERE started = ?",
        ended,
        endedAt,
        started,
      );
      this.#sql.exec("DELETE FROM running WHERE started = ?", started);
    }
    if (lifetime.members.size === 0) {
      if (cached?.spilled) this.#sql.exec("DELETE FROM cells WHERE started = ?", started);
      return false;
    }
    const write = storedWrite(lifetime, cached?.spilled ?? false);
    this.#sql.exec("INSERT OR REPLACE INTO failed VALUES (?, ?)", started, write.state);
    this.#writeCells(started, write);
    return write.spilled;
  }

  #writeState(lifetime: Lifetime, cached: Cached | undefined): boolean {
    const { started, id, due, outstanding } = lifetime.head;
    const sent = mayBeOut(lifetime) ? 1 : 0;
    const write = storedWrite(lifetime, cached?.spilled ?? false);
    if (cached && "head" in cached.lifetime)
      this.#sql.exec(
        "UPDATE running SET due = ?, state = ?, outstanding = ?, sent = ? WHERE started = ?",
        due,
        write.state,
        outstanding,
        sent,
        started,
      );
    else {
      if (cached === undefined)
        this.#sql.exec("INSERT INTO lifetimes VALUES (?, ?, NULL, NULL)", started, id);
      else this.#reopen(started);
      this.#sql.exec(
        "INSERT INTO running (started, due, state, outstanding, sent) VALUES (?, ?, ?, ?, ?)",
        started,
        due,
        write.state,
        outstanding,
        sent,
      );
    }
    this.#writeCells(started, write);
    return write.spilled;
  }

  #reopen(started: number): void {
    this.#sql.exec("UPDATE lifetimes SET ended = NULL, ended_at = NULL WHERE started = ?", started);
    this.#sql.exec("DELETE FROM failed WHERE started = ?", started);
  }

  #writeCells(started: number, { cells }: StoredWrite): void {
    for (const { part, key, value } of cells)
      if (value === undefined)
        this.#sql.exec("DELETE FROM cells WHERE started = ? AND part = ? AND key = ?", started, part, key);
      else this.#sql.exec("INSERT OR REPLACE INTO cells VALUES (?, ?, ?, ?)", started, part, key, value);
  }

  #remember(each: { readonly lifetime: Lifetime; readonly spilled: boolean }): void {
    settleLifetime(each.lifetime);
    const { id, started, ended } = each.lifetime.head;
    this.#cache.delete(id);
    // Of one that has ended only that is asked; its state need not live any longer.
    const { lifetime, spilled } = each;
    this.#cache.set(id, { lifetime: ended === undefined ? lifetime : { id, started, ended }, spilled });
  }

  /** The longest unwritten goes first. Only between turns: what a turn has read it may write. */
  #evict(): void {
    while (this.#cache.size > CACHED_LIFETIMES_MAX) {
      const { value, done } = this.#oldest.next();
      if (done) this.#oldest = this.#cache.keys();
      else this.#cache.delete(value);
    }
  }
}
