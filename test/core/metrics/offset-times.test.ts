// Without these the latency of a step is counted from the wrong moment, or takes ever more memory.
import { expect, test } from "vitest";
import { OFFSET_TIMES_MAX } from "../../../src/limits.ts";
import { OffsetTimes } from "../../../src/metrics/offset-times.ts";

test("an offset has the time of the last entry that begins at or before it", () => {
  const times = new OffsetTimes();
  times.note(10, 1_000);
  times.note(12, 1_000);
  times.note(20, 1_005);
  expect([9, 10, 13, 19, 20, 99].map((offset) => times.at(offset))).toEqual([
    undefined,
    1_000,
    1_000,
    1_000,
    1_005,
    1_005,
  ]);
});

test("of very many entries the newest stay exact, and none is off by more than it is old", () => {
  const times = new OffsetTimes();
  const last = OFFSET_TIMES_MAX * 4;
  for (let at = 1; at <= last; at++) times.note(at, at);
  for (let at = last - OFFSET_TIMES_MAX / 2 + 2; at <= last; at += 97) expect(times.at(at)).toBe(at);
  for (let at = 1; at <= last; at += 997) {
    const found = times.at(at) ?? Number.NaN;
    expect(found).toBeLessThanOrEqual(at);
    expect(at - found).toBeLessThanOrEqual(last - at + 1);
  }
});

test("nothing is known after a reset", () => {
  const times = new OffsetTimes();
  times.note(1, 1);
  times.reset();
  expect(times.at(1)).toBeUndefined();
});
