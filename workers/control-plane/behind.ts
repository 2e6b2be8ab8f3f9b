/**
 * Which states the log is ahead of. A turn that appends keeps what it has changed of a small state with the last of
 * its records, and the row of the state stays behind: until it is too far, or the object starts anew.
 *
 * 1. Every change that is in no row is in a record above `marks.redone`.
 * 2. A row says up to which record it has all changes; what records above it have of its state is still to be done.
 */
import { type Head, type Lifetime, STATE_VERSION } from "../../src/control-plane/lifetime.ts";
import type { Tombstone } from "../../src/control-plane/store.ts";
import { type Change, changeOf, type Text, textOf } from "../../src/control-plane/stored.ts";
import { REDO_BYTES_MAX, REDO_LIFETIMES_MAX, REDO_TURN_CHARS_MAX } from "../../src/limits.ts";
import type { Sql } from "./sql.ts";

/** What a turn has left of lifetimes: those that began, what has changed of others by their numbers, and ends. */
interface Redo {
  readonly v: number;
  readonly begun: readonly Text[];
  readonly changed: readonly (readonly [started: number, change: Change])[];
  readonly ended: readonly End[];
}

/** Of a lifetime of which nothing else is to be stored. */
export interface End extends Tombstone {
  readonly endedAt: number;
}

/** Of one turn, as text. Takes no more than fits a row together with a record. */
export class RedoText {
  readonly #begun: string[] = [];
  readonly #changed: string[] = [];
  readonly #ended: string[] = [];
  #chars = 0;

  get chars(): number {
    return this.#chars;
  }

  /** Whether there was room for it; likewise the following. */
  begun(lifetime: Lifetime): boolean {
    return this.#add(this.#begun, JSON.stringify(textOf(lifetime)));
  }

  changed(was: Head, lifetime: Lifetime): boolean {
    return this.#add(this.#changed, JSON.stringify([was.started, changeOf(was, lifetime)]));
  }

  ended(end: End): boolean {
    return this.#add(this.#ended, JSON.stringify(end));
  }

  toString(): string | undefined {
    if (this.#chars === 0) return undefined;
    return `{"v":${STATE_VERSION},"begun":[${this.#begun.join()}],"changed":[${this.#changed.join()}],"ended":[${this.#ended.join()}]}`;
  }

  #add(to: string[], text: string): boolean {
    if (this.#chars + text.length > REDO_TURN_CHARS_MAX) return false;
    to.push(text);
    this.#chars += text.length;
    return true;
  }
}

/** Where the log was when a row was left behind: an offset, and bytes since the object started. */
export interface Place {
  readonly offset: number;
  readonly bytes: number;
  /** Number of the lifetime. */
  readonly started: number;
  /** Whether there is a row of it at all. */
  readonly stored: boolean;
  /** Where it has ended. */
  readonly end?: End;
}

export class Behind {
  readonly #sql: Sql;
  /** By id, where the first record is that its row does not have; the oldest first. */
  readonly #since = new Map<string, Place>();
  readonly #ids = new Map<number, string>();
  #noted = 0;
  /** Characters of changes, since the object started: they are read with the records. */
  #chars = 0;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  get any(): boolean {
    return this.#since.size > 0;
  }

  has(id: string): boolean {
    return this.#since.has(id);
  }

  ids(): readonly string[] {
    return [...this.#since.keys()];
  }

  /** Whether the row of this one may stay behind once more. */
  mayStay(id: string, bytes: number): boolean {
    const since = this.#since.get(id);
    return since ? !this.#isFar(since, bytes) : this.#since.size < REDO_LIFETIMES_MAX;
  }

  /** Those whose rows have to be written now. */
  overdue(bytes: number): readonly string[] {
    const overdue: string[] = [];
    for (const [id, since] of this.#since) {
      if (!this.#isFar(since, bytes)) break;
      overdue.push(id);
    }
    return overdue;
  }

  /** Whether there is a row of one that is in memory. */
  isStored(id: string): boolean {
    return this.#since.get(id)?.stored ?? true;
  }

  idOf(started: number): string | undefined {
    return this.#ids.get(started);
  }

  stays(id: string, place: Place): void {
    const since = this.#since.get(id);
    if (since && place.end === undefined) return;
    // Where its first record is does not change with its end.
    const { offset, bytes } = since ?? { offset: place.offset, bytes: place.bytes + this.#chars };
    this.#since.set(id, { ...place, offset, bytes });
    this.#ids.set(place.started, id);
  }

  endOf(id: string): End | undefined {
    return this.#since.get(id)?.end;
  }

  caughtUp(id: string): void {
    const since = this.#since.get(id);
    if (since === undefined) return;
    this.#since.delete(id);
    this.#ids.delete(since.started);
  }

  reset(): void {
    this.#since.clear();
    this.#ids.clear();
    this.#noted = 0;
  }

  /** After a commit with so many characters of changes. */
  wrote(chars: number): void {
    this.#chars += chars;
  }

  /** Seldom, because it is a row; `last` is the end of the log, as it is stored. Answers what to remember of it. */
  note(last: number, bytes: number): () => void {
    const at = bytes + this.#chars;
    if (at - this.#noted < REDO_BYTES_MAX) return () => {};
    const [oldest] = this.#since.values();
    this.done(oldest ? oldest.offset - 1 : last);
    return () => {
      this.#noted = at;
    };
  }

  /** The rows have all that the log has up to here. */
  done(upTo: number): void {
    this.#sql.exec("INSERT OR REPLACE INTO marks VALUES ('redone', ?)", upTo);
  }

  /** What is in records and may be in no row, in order. */
  *left(): Generator<Redo & { readonly offset: number }> {
    for (const { offset, redo } of this.#sql.exec<{ offset: number; redo: string }>(LEFT)) {
      const left = JSON.parse(redo) as Redo;
      if (left.v > STATE_VERSION)
        throw new Error(`the log has states of version ${left.v}; deploy code that knows it`);
      yield { offset, ...left };
    }
  }

  #isFar(since: Place, bytes: number): boolean {
    return bytes + this.#chars - since.bytes >= REDO_BYTES_MAX;
  }
}

const LEFT = `SELECT offset, redo FROM log
  WHERE offset > COALESCE((SELECT value FROM marks WHERE name = 'redone'), 0) AND redo IS NOT NULL ORDER BY offset`;
