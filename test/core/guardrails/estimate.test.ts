/** Without this a node's use could be learned wrongly, windows turn early, and what peers say break the sums. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { estimateOf } from "../../../src/guardrails/estimate.ts";
import { amountsOf, minus, plus } from "../../../src/guardrails/measure.ts";
import { NO_SKETCH, observed, p95, type Sketch } from "../../../src/guardrails/sketch.ts";
import { WINDOWS, windowEnd, windowStart } from "../../../src/guardrails/window.ts";
import {
  ESTIMATE_COST_USD_MICROS,
  ESTIMATE_MAX,
  ESTIMATE_MS,
  ESTIMATE_TOKENS,
  SKETCH_SAMPLES_MAX,
} from "../../../src/limits.ts";

const sketchOf = (tokens: readonly number[]): Sketch =>
  tokens.reduce((sketch, each) => observed(sketch, { tokens: each }), NO_SKETCH);

describe("estimates", () => {
  const task = { type: "task" as const, timeoutMs: 60_000 };

  it("take what the author says, then what was learned, then a default", () => {
    expect(estimateOf(task, undefined, true)).toEqual({
      tokens: ESTIMATE_TOKENS,
      cost_usd_micros: ESTIMATE_COST_USD_MICROS,
      wall_ms: ESTIMATE_MS,
      calls: 1,
      iterations: 1,
    });
    const sketch = sketchOf(Array.from({ length: 20 }, () => 3));
    expect(estimateOf(task, sketch, false)).toEqual({ tokens: 3, calls: 1 });
    expect(estimateOf({ ...task, estimate: { tokens: 9, costUsdMicros: 8, ms: 7 } }, sketch, false)).toEqual({
      tokens: 9,
      cost_usd_micros: 8,
      wall_ms: 7,
      calls: 1,
    });
  });

  it("take nothing for a plan that says nothing, and no more time than there is", () => {
    expect(estimateOf({ type: "plan", timeoutMs: 60_000 }, undefined, true)).toEqual({
      calls: 1,
      iterations: 1,
    });
    expect(estimateOf({ ...task, timeoutMs: 5 }, undefined, true).wall_ms).toBe(5);
  });

  it("learn what 95 of 100 stay within, a quarter too much at the most", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(ESTIMATE_MAX), { minLength: 8, maxLength: 400 }), (all) => {
        // From there on it is looked at every 16 executions.
        const amounts = all.slice(0, all.length < 16 ? all.length : all.length - (all.length % 16));
        const exact = [...amounts].sort((one, other) => other - one)[
          Math.floor(amounts.length / 20)
        ] as number;
        const learned = p95(sketchOf(amounts), "tokens") as number;
        expect(learned).toBeGreaterThanOrEqual(exact);
        expect(learned).toBeLessThanOrEqual(exact * 1.25 + 1);
      }),
    );
  });

  it("follow a node that changes, in bounded room", () => {
    const before = sketchOf(Array.from({ length: SKETCH_SAMPLES_MAX }, () => 1_000));
    let sketch = before;
    for (let i = 0; i < 20 * SKETCH_SAMPLES_MAX; i++) sketch = observed(sketch, { tokens: 10 });
    expect(p95(before, "tokens")).toBeGreaterThanOrEqual(1_000);
    expect(p95(sketch, "tokens")).toBeLessThan(20);
    expect(sketch.samples).toBeLessThanOrEqual(SKETCH_SAMPLES_MAX);
  });

  it("are not known from too few", () => {
    expect(p95(sketchOf([1, 2, 3]), "tokens")).toBeUndefined();
  });
});

describe("amounts", () => {
  it("are whole, safe and never negative, whatever a peer says", () => {
    expect(
      amountsOf({ tokens: -5, calls: 0, wall_ms: 1.5, cost_usd_micros: Number(2n ** 63n - 1n) }),
    ).toEqual({
      wall_ms: 2,
      cost_usd_micros: ESTIMATE_MAX,
    });
    expect(plus({ tokens: Number.MAX_SAFE_INTEGER }, { tokens: 5 })).toEqual({
      tokens: Number.MAX_SAFE_INTEGER,
    });
    expect(minus({ tokens: 5, calls: 1 }, { tokens: 9 })).toEqual({ calls: 1 });
  });
});

describe("windows", () => {
  it("are those of the calendar in UTC", () => {
    const at = Date.UTC(2028, 1, 29, 13, 59, 59, 999);
    const iso = (ms: number) => new Date(ms).toISOString().slice(0, 16);
    expect(WINDOWS.map((window) => [iso(windowStart(window, at)), iso(windowEnd(window, at))])).toEqual([
      ["2028-02-29T13:00", "2028-02-29T14:00"],
      ["2028-02-29T00:00", "2028-03-01T00:00"],
      ["2028-02-01T00:00", "2028-03-01T00:00"],
    ]);
  });

  it("follow each other without a gap", () => {
    fc.assert(
      fc.property(fc.constantFrom(...WINDOWS), fc.nat(4_000_000_000_000), (window, at) => {
        expect(windowStart(window, at)).toBeLessThanOrEqual(at);
        expect(windowEnd(window, at)).toBeGreaterThan(at);
        expect(windowStart(window, windowEnd(window, at))).toBe(windowEnd(window, at));
      }),
    );
  });
});
