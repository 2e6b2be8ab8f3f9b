/**
 * What a node has used so far, as counts in buckets that are a quarter of a power of two wide: bounded, whole
 * numbers, and the same for the same executions. Old ones fade as new ones come.
 */
import { SKETCH_SAMPLES_MAX, SKETCH_SAMPLES_MIN } from "../limits.ts";
import type { Amounts, Measure } from "./measure.ts";

export const SKETCHED = ["tokens", "cost_usd_micros", "wall_ms"] as const satisfies readonly Measure[];
type Sketched = (typeof SKETCHED)[number];

/** Bucket → how many; JavaScript keeps such keys in rising order. */
type Buckets = Readonly<Record<number, number>>;

export interface Sketch {
  readonly samples: number;
  readonly buckets: Readonly<Record<Sketched, Buckets>>;
}

export const NO_SKETCH: Sketch = { samples: 0, buckets: { tokens: {}, cost_usd_micros: {}, wall_ms: {} } };

/** 0 … 3 are buckets of their own; from there on there are four to a power of two. */
const bucketOf = (amount: number): number => {
  if (amount < 4) return amount;
  const power = Math.floor(Math.log2(amount));
  return 4 * (power - 1) + (Math.floor(amount / 2 ** (power - 2)) & 3);
};

/** The largest amount that falls in a bucket. */
const topOf = (bucket: number): number => {
  if (bucket < 4) return bucket;
  const power = Math.floor(bucket / 4) + 1;
  return (5 + (bucket & 3)) * 2 ** (power - 2) - 1;
};

export const observed = ({ samples, buckets }: Sketch, used: Amounts): Sketch => {
  const fades = samples >= SKETCH_SAMPLES_MAX;
  const next = (measure: Sketched): Buckets => {
    const bucket = bucketOf(used[measure] ?? 0);
    const counts: Record<number, number> = fades ? halved(buckets[measure]) : { ...buckets[measure] };
    counts[bucket] = (counts[bucket] ?? 0) + 1;
    return counts;
  };
  return {
    samples: (fades ? samples >> 1 : samples) + 1,
    buckets: { tokens: next("tokens"), cost_usd_micros: next("cost_usd_micros"), wall_ms: next("wall_ms") },
  };
};

const halved = (counts: Buckets): Record<number, number> =>
  Object.fromEntries(
    Object.entries(counts)
      .map(([bucket, count]) => [bucket, count >> 1] as const)
      .filter(([, count]) => count > 0),
  );

/** What 95 of 100 stayed within, rounded up by a quarter at the most; undefined while too few are known. */
export const p95 = ({ samples, buckets }: Sketch, measure: Sketched): number | undefined => {
  if (samples < SKETCH_SAMPLES_MIN) return undefined;
  const counts = Object.entries(buckets[measure]);
  let above = Math.floor(counts.reduce((sum, [, count]) => sum + count, 0) / 20);
  for (const [bucket, count] of counts.reverse()) {
    above -= count;
    if (above < 0) return topOf(Number(bucket));
  }
  return undefined;
};
