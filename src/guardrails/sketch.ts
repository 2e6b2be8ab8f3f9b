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
  /** What 95 of 100 stayed within, as of the last time that it was looked at; absent while too few are known. */
  readonly within?: Readonly<Record<Sketched, number>>;
}

export const NO_SKETCH: Sketch = { samples: 0, buckets: { tokens: {}, cost_usd_micros: {}, wall_ms: {} } };

/** Executions between two looks at what most stayed within. */
const LOOK_EVERY = 16;

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

export const observed = (sketch: Sketch, used: Amounts): Sketch => {
  const fades = sketch.samples >= SKETCH_SAMPLES_MAX;
  const next = (measure: Sketched): Buckets => {
    const bucket = bucketOf(used[measure] ?? 0);
    const counts: Record<number, number> = fades
      ? halved(sketch.buckets[measure])
      : { ...sketch.buckets[measure] };
    counts[bucket] = (counts[bucket] ?? 0) + 1;
    return counts;
  };
  const samples = (fades ? sketch.samples >> 1 : sketch.samples) + 1;
  const buckets = {
    tokens: next("tokens"),
    cost_usd_micros: next("cost_usd_micros"),
    wall_ms: next("wall_ms"),
  };
  if (samples < SKETCH_SAMPLES_MIN) return { samples, buckets };
  const looks = sketch.within === undefined || samples < LOOK_EVERY || samples % LOOK_EVERY === 0;
  return { samples, buckets, within: looks ? withinOf(buckets) : sketch.within };
};

const withinOf = (buckets: Sketch["buckets"]): Record<Sketched, number> => ({
  tokens: mostOf(buckets.tokens),
  cost_usd_micros: mostOf(buckets.cost_usd_micros),
  wall_ms: mostOf(buckets.wall_ms),
});

const halved = (counts: Buckets): Record<number, number> =>
  Object.fromEntries(
    Object.entries(counts)
      .map(([bucket, count]) => [bucket, count >> 1] as const)
      .filter(([, count]) => count > 0),
  );

const mostOf = (buckets: Buckets): number => {
  const counts = Object.entries(buckets);
  let above = Math.floor(counts.reduce((sum, [, count]) => sum + count, 0) / 20);
  for (const [bucket, count] of counts.reverse()) {
    above -= count;
    if (above < 0) return topOf(Number(bucket));
  }
  return 0;
};

/** What 95 of 100 stayed within, rounded up by a quarter at the most; undefined while too few are known. */
export const p95 = ({ within }: Sketch, measure: Sketched): number | undefined => within?.[measure];
