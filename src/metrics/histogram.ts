/** How often a number was at most each of some bounds. Small numbers are cheapest: bounds are tried from the lowest. */
import { type Labels, numberText, type Sample } from "./family.ts";

export class Histogram {
  readonly #bounds: readonly number[];
  /** Not cumulative; the last is over all bounds. */
  readonly #counts: number[];
  #sum = 0;

  /** Bounds rise. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = [...bounds, Number.POSITIVE_INFINITY].map(() => 0);
  }

  observe(value: number): void {
    const bounds = this.#bounds;
    let i = 0;
    while (i < bounds.length && value > (bounds[i] ?? 0)) i++;
    this.#counts[i] = (this.#counts[i] ?? 0) + 1;
    this.#sum += value;
  }

  samples(labels: Labels = {}): Sample[] {
    let count = 0;
    const buckets = this.#counts.map((each, i): Sample => {
      count += each;
      const le = numberText(this.#bounds[i] ?? Number.POSITIVE_INFINITY);
      return { suffix: "_bucket", labels: { ...labels, le }, value: count };
    });
    return [
      ...buckets,
      { suffix: "_sum", labels, value: this.#sum },
      { suffix: "_count", labels, value: count },
    ];
  }
}
