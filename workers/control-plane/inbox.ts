/**
 * Arrivals wait here for the next turn. Whatever has come when a turn begins shares its transaction, its
 * commit to disk and the calls that follow.
 */

import type { Turn } from "../../src/control-plane/turn.ts";
import { BATCH_EVENTS_MAX } from "../../src/limits.ts";

export interface Arrival<T = unknown> {
  /** Pure but for the turn. */
  take(turn: Turn): T;
  /** After the commit. */
  committed(result: T): void;
  failed(cause: unknown): void;
}

export class Inbox {
  readonly #barrier: () => Promise<void> | undefined;
  readonly #act: (arrivals: readonly Arrival[]) => void;
  #waiting: Arrival[] = [];
  #draining = false;

  /** `barrier` lets calls in that have arrived already, if there can be any; `act` takes, commits and releases, all at once. */
  constructor(barrier: () => Promise<void> | undefined, act: (arrivals: readonly Arrival[]) => void) {
    this.#barrier = barrier;
    this.#act = act;
  }

  get size(): number {
    return this.#waiting.length;
  }

  add<T>(arrival: Arrival<T>): void {
    this.#waiting.push(arrival as Arrival);
    if (!this.#draining) void this.#drain();
  }

  /** The result, once what it came from is durable. */
  ask<T>(take: (turn: Turn) => T): Promise<T> {
    return new Promise((committed, failed) => this.add({ take, committed, failed }));
  }

  /** Nothing that waits will be taken any more. */
  fail(cause: unknown): void {
    for (const arrival of this.#waiting.splice(0)) arrival.failed(cause);
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    try {
      while (this.#waiting.length > 0) {
        await this.#barrier();
        this.#commit(this.#waiting.splice(0, BATCH_EVENTS_MAX));
      }
    } catch (cause) {
      // The storage is broken, and the platform is about to start this object anew.
      this.fail(cause);
    } finally {
      this.#draining = false;
    }
  }

  /** A batch whose transaction fails is halved until the one arrival is found that fails it. */
  #commit(batch: readonly Arrival[]): void {
    try {
      this.#act(batch);
    } catch (cause) {
      const [only] = batch;
      if (batch.length <= 1) {
        only?.failed(cause);
        return;
      }
      const middle = batch.length >> 1;
      this.#commit(batch.slice(0, middle));
      this.#commit(batch.slice(middle));
    }
  }
}
