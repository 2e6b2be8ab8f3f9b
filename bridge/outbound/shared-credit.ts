/** What all objects together may send ahead to one process: shared among those that send to it, for its memory's sake. */

const BYTES_MAX = 48 * 1024 * 1024;
/** Of one: a transaction and the one after it, and at the least one that is worth its time. */
const EACH_BYTES_MAX = 4 * 1024 * 1024;
const EACH_BYTES_MIN = 64 * 1024;

export class SharedCredit {
  #holders = 0;

  enter(): void {
    this.#holders++;
  }

  leave(): void {
    this.#holders--;
  }

  /** Of one holder, by now; who has more gives back by not asking for more. */
  get bytes(): number {
    const share = Math.floor(BYTES_MAX / Math.max(1, this.#holders));
    return Math.min(EACH_BYTES_MAX, Math.max(EACH_BYTES_MIN, share));
  }
}
