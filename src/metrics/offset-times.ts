/**
 * When what is at an offset of the log was appended, without reading the log: all that is appended in one
 * millisecond has one entry. Of the older half every second entry goes when there are too many: long ago, and so
 * a long time until now, needs less precision.
 */
import { OFFSET_TIMES_MAX } from "../limits.ts";

export class OffsetTimes {
  #offsets: number[] = [];
  #times: number[] = [];

  /** From this offset on; both rise. */
  note(offset: number, at: number): void {
    if (this.#times.at(-1) === at) return;
    this.#offsets.push(offset);
    this.#times.push(at);
    if (this.#times.length > OFFSET_TIMES_MAX) this.#thin();
  }

  /** Undefined for what was there before the first entry. */
  at(offset: number): number | undefined {
    const offsets = this.#offsets;
    let low = 0;
    let high = offsets.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((offsets[middle] ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return this.#times[low - 1];
  }

  reset(): void {
    this.#offsets = [];
    this.#times = [];
  }

  #thin(): void {
    const stays = (_: number, i: number) => i % 2 === 0 || i > OFFSET_TIMES_MAX / 2;
    this.#offsets = this.#offsets.filter(stays);
    this.#times = this.#times.filter(stays);
  }
}
