/**
 * When each running lifetime has to be looked at next. Deadlines live in the states; this keeps the earliest
 * in memory, and one durable alarm that is never later than it.
 */

import { NEVER } from "../../src/control-plane/lifetime.ts";
import { ALARM_AT_MAX } from "../../src/limits.ts";

interface Entry {
  readonly started: number;
  readonly due: number;
}

export class Timers {
  readonly #storage: DurableObjectStorage;
  readonly #due = new Map<number, number>();
  /** A binary heap by due; entries that #due no longer has are passed over when they come up. */
  readonly #heap: Entry[] = [];
  #alarm: number | undefined;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** How many lifetimes run. */
  get size(): number {
    return this.#due.size;
  }

  set(started: number, due: number): void {
    if (this.#due.get(started) === due) return;
    this.#due.set(started, due);
    if (due !== NEVER) this.#push({ started, due });
  }

  /** Unless it has been set again since it was taken. */
  retry(started: number, due: number): void {
    if (!this.#due.has(started)) this.set(started, due);
  }

  delete(started: number): void {
    this.#due.delete(started);
  }

  /** Takes out all that are due; whoever takes them sets them again. */
  take(now: number): number[] {
    const taken: number[] = [];
    for (let first = this.#peek(); first && first.due <= now; first = this.#peek()) {
      this.#pop();
      this.#due.delete(first.started);
      taken.push(first.started);
    }
    return taken;
  }

  /** Part of the turn's transaction: a commit and its alarm are durable together. */
  arm(notAfter = Number.POSITIVE_INFINITY): void {
    const wanted = Math.min(this.#peek()?.due ?? Number.POSITIVE_INFINITY, notAfter);
    const due = Math.min(wanted, ALARM_AT_MAX);
    if (wanted === Number.POSITIVE_INFINITY || (this.#alarm !== undefined && this.#alarm <= due)) return;
    this.#alarm = due;
    void this.#storage.setAlarm(due);
  }

  /** The platform has no alarm any more once it has called. */
  fired(): void {
    this.#alarm = undefined;
  }

  reset(): void {
    this.#due.clear();
    this.#heap.length = 0;
    this.#alarm = undefined;
  }

  #peek(): Entry | undefined {
    for (let first = this.#heap[0]; first; first = this.#heap[0]) {
      if (this.#due.get(first.started) === first.due) return first;
      this.#pop();
    }
    return undefined;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up];
      if (parent === undefined || parent.due <= entry.due) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      const [left, right] = [heap[down], heap[down + 1]];
      if (left === undefined) break;
      if (right !== undefined && right.due < left.due) down++;
      const child = heap[down];
      if (child === undefined || child.due >= last.due) break;
      heap[at] = child;
      at = down;
    }
    heap[at] = last;
  }
}
