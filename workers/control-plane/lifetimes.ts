/**
 * The states of lifetimes: in tables, and the most recently used in memory. What is in memory is what the
 * tables hold and what the log is ahead of them, see behind.ts: it is replaced only after a commit.
 */
import { type Head, type Lifetime, settleLifetime } from "../../src/control-plane/lifetime.ts";
import type { Tombstone } from "../../src/control-plane/store.ts";
import { isSmall, loadText, redone } from "../../src/control-plane/stored.ts";
import { CACHED_LIFETIMES_MAX } from "../../src/limits.ts";
import { Behind, type End, type Place, RedoText } from "./behind.ts";
import { LifetimeRows, type Standing, type StoredState } from "./lifetime-rows.ts";
import type { Sql } from "./sql.ts";

interface Cached {
  readonly lifetime: Lifetime | Tombstone;
  readonly spilled: boolean;
}

/** What a turn has left of a lifetime. */
interface Written extends Cached {
  readonly lifetime: Lifetime;
  /** Where its rows were left behind: whether there are any. */
  readonly behind?: Pick<Place, "stored" | "end">;
}

/** Where the log is before the records of a turn: the last offset, and bytes since the object started. */
export interface LogEnd {
  readonly last: number;
  readonly bytes: number;
}

/** Of the lifetimes that have not ended. */
export interface Open {
  readonly running: number;
  /** Inputs of theirs without an outcome. */
  readonly outstanding: number;
}

const isState = (lifetime: Lifetime | Tombstone | undefined): lifetime is Lifetime =>
  lifetime !== undefined && "head" in lifetime;

/** All that is to be stored of one that has ended; undefined where a retry may need more. */
const whole = ({ head, members }: Lifetime): End | undefined => {
  const { id, started, ended, endedAt } = head;
  if (ended === undefined || endedAt === undefined || members.size > 0) return undefined;
  return { id, started, ended, endedAt };
};

/** Keeps what a turn has left of one with the log, if there is room. */
const leftBehind = (
  text: RedoText,
  was: Head | undefined,
  lifetime: Lifetime,
  stored: boolean,
): Written["behind"] => {
  if (lifetime.head.ended !== undefined) {
    const end = stored ? undefined : whole(lifetime);
    return end && text.ended(end) ? { stored, end } : undefined;
  }
  return (was ? text.changed(was, lifetime) : text.begun(lifetime)) ? { stored } : undefined;
};

export class Lifetimes {
  readonly #rows: LifetimeRows;
  readonly #behind: Behind;
  #open: Open;
  readonly #cache = new Map<string, Cached>();
  /** Goes through the cache as it grows. One made anew would pass over all that has been deleted since. */
  #oldest = this.#cache.keys();

  constructor(sql: Sql) {
    this.#rows = new LifetimeRows(sql);
    this.#behind = new Behind(sql);
    this.#catchUp();
    this.#open = this.#rows.open();
  }

  get open(): Open {
    return this.#open;
  }

  get(id: string): Lifetime | Tombstone | undefined {
    const cached = this.#cache.get(id);
    if (cached) return cached.lifetime;
    const row = this.#rows.find(id);
    if (row === undefined) return undefined;
    const { started, ended } = row;
    if (ended !== null) return { id, started, ended };
    const state = this.#rows.state(started);
    if (state === undefined) throw new Error(`lifetime ${started} has neither a state nor an end`);
    this.#remember(state);
    return state.lifetime;
  }

  /**
   * Inside the transaction. `appended` is the offset of the turn's last record, where it has any: what is answered as
   * `redo` belongs there. What is to be remembered is so once it is committed.
   */
  write(
    lifetimes: readonly Lifetime[],
    end: LogEnd,
    appended?: number,
  ): { redo?: string; remember: () => void } {
    const text = new RedoText();
    const written: Written[] = [];
    let { running, outstanding } = this.#open;
    const noted = this.#behind.note(end.last, end.bytes);
    for (const lifetime of lifetimes) {
      const { head } = lifetime;
      const cached = this.#cache.get(head.id);
      const was = isState(cached?.lifetime) ? cached.lifetime.head : undefined;
      const stored = cached !== undefined && this.#behind.isStored(head.id);
      const mayStay = appended !== undefined && this.#mayStay(lifetime, cached, stored, end);
      const behind = mayStay ? leftBehind(text, was, lifetime, stored) : undefined;
      const spilled = behind ? false : this.#writeRows(lifetime, cached, stored, appended ?? end.last);
      written.push({ lifetime, spilled, ...(behind && { behind }) });
      const ended = head.ended !== undefined;
      running += (ended ? 0 : 1) - (was ? 1 : 0);
      outstanding += (ended ? 0 : head.outstanding) - (was?.outstanding ?? 0);
    }
    const caughtUp = this.#writeOverdue(lifetimes, end);
    const place = { offset: appended ?? end.last, bytes: end.bytes };
    const remember = () => {
      this.#open = { running, outstanding };
      noted();
      caughtUp();
      for (const each of written) {
        const { id, started } = each.lifetime.head;
        if (each.behind) this.#behind.stays(id, { ...place, started, ...each.behind });
        else this.#behind.caughtUp(id);
        this.#remember(each);
      }
      this.#behind.wrote(text.chars);
      this.#evict();
    };
    const redo = text.toString();
    return { ...(redo !== undefined && { redo }), remember };
  }

  get anyBehind(): boolean {
    return this.#behind.any;
  }

  /** Inside a transaction: the rows have all that the log has. Answers what to remember once it is committed. */
  checkpoint(last: number): () => void {
    const caughtUp = this.#writeBehind(this.#behind.ids(), last);
    this.#behind.done(last);
    return caughtUp;
  }

  /** The last state of one that has failed, if it is kept. A turn that reads it may write it as running again. */
  failed(id: string): Lifetime | undefined {
    const found = this.#rows.failed(id);
    if (found === undefined) return undefined;
    const { started, ended, lifetime, spilled } = found;
    this.#cache.set(id, { lifetime: { id, started, ended }, spilled });
    return lifetime;
  }

  /** Forgets for good what some of those would need that ended at or before an offset and a time; answers how many. */
  forgetFailed(ended: number, endedBy: number, limit: number): number {
    const due = this.#rows.failedBy(ended, endedBy, limit);
    for (const started of due) this.forget(started);
    return due.length;
  }

  /** Of one that has ended: what a retry would need. */
  forget(started: number): void {
    this.#rows.forget(started);
  }

  /** All that have not ended, once no row is behind. */
  running(): Standing[] {
    return this.#rows.running();
  }

  idOf(started: number): string | undefined {
    return this.#behind.idOf(started) ?? this.#rows.idOf(started);
  }

  reset(): void {
    this.#open = { running: 0, outstanding: 0 };
    this.#behind.reset();
    this.#cache.clear();
  }

  /** What is elsewhere is looked for by its rows. */
  #mayStay(lifetime: Lifetime, cached: Cached | undefined, stored: boolean, { bytes }: LogEnd): boolean {
    if (cached && (cached.spilled || !isState(cached.lifetime))) return false;
    if (!stored && lifetime.head.elsewhere) return false;
    return isSmall(lifetime) && this.#behind.mayStay(lifetime.head.id, bytes);
  }

  #writeRows(lifetime: Lifetime, cached: Cached | undefined, stored: boolean, upTo: number): boolean {
    const spilled = cached?.spilled ?? false;
    if (lifetime.head.ended !== undefined) return this.#rows.end(lifetime, stored, spilled);
    if (!stored) return this.#rows.insert(lifetime, upTo);
    if (isState(cached?.lifetime)) return this.#rows.update(lifetime, spilled, upTo);
    return this.#rows.reopen(lifetime, spilled, upTo);
  }

  /** Of those that had no part in the turn. */
  #writeOverdue(lifetimes: readonly Lifetime[], { last, bytes }: LogEnd): () => void {
    const overdue = this.#behind.overdue(bytes);
    if (overdue.length === 0) return () => {};
    const now = new Set(lifetimes.map(({ head }) => head.id));
    return this.#writeBehind(
      overdue.filter((id) => !now.has(id)),
      last,
    );
  }

  /** Rows of what is in memory; answers what to remember. */
  #writeBehind(ids: readonly string[], upTo: number): () => void {
    const spilled = ids.filter((id) => this.#writeRow(id, upTo));
    return () => {
      for (const id of ids) this.#behind.caughtUp(id);
      for (const id of spilled) {
        const cached = this.#cache.get(id);
        if (cached) this.#cache.set(id, { ...cached, spilled: true });
      }
    };
  }

  /** Answers whether its entries are in cells now. */
  #writeRow(id: string, upTo: number): boolean {
    const end = this.#behind.endOf(id);
    if (end) this.#rows.insertEnd(end);
    if (end) return false;
    const lifetime = this.#cache.get(id)?.lifetime;
    if (!isState(lifetime)) throw new Error(`the log is ahead of ${id}, which is not in memory`);
    if (this.#behind.isStored(id)) return this.#rows.update(lifetime, false, upTo);
    return this.#rows.insert(lifetime, upTo);
  }

  /** As the object starts: what the log is ahead of the rows is done again, and written. */
  #catchUp(): void {
    const states = new Map<number, StoredState | undefined>();
    const ahead = new Map<number, { readonly stored: boolean }>();
    let last: number | undefined;
    const ends: End[] = [];
    for (const { offset, begun, changed, ended } of this.#behind.left()) {
      for (const text of begun) {
        const { started } = text.head;
        const stored = this.#rows.idOf(started) !== undefined;
        states.set(started, stored ? this.#rows.state(started) : { ...loadText(text), upTo: offset });
        if (!stored) ahead.set(started, { stored });
      }
      for (const [started, change] of changed) {
        if (!states.has(started)) states.set(started, this.#rows.state(started));
        const state = states.get(started);
        if (state === undefined || state.spilled || offset <= state.upTo) continue;
        states.set(started, { ...state, lifetime: redone(state.lifetime, change), upTo: offset });
        if (!ahead.has(started)) ahead.set(started, { stored: true });
      }
      for (const end of ended) {
        states.delete(end.started);
        if (this.#rows.idOf(end.started) === undefined) ends.push(end);
      }
      last = offset;
    }
    for (const end of ends) this.#rows.insertEnd(end);
    for (const [started, { stored }] of ahead) {
      const state = states.get(started);
      if (state === undefined) continue;
      if (stored) this.#rows.update(state.lifetime, false, state.upTo);
      else this.#rows.insert(state.lifetime, state.upTo);
    }
    if (last !== undefined) this.#behind.done(last);
  }

  #remember(each: Cached & { readonly lifetime: Lifetime }): void {
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
      else if (!this.#behind.has(value)) this.#cache.delete(value);
    }
  }
}
