/** When a budget runs out, if it goes on being spent as it has been since its window began. */
import type { Balance } from "./account.ts";
import type { Budget } from "./budget.ts";
import { MEASURES } from "./measure.ts";
import { windowEnd, windowStart } from "./window.ts";

/** Milliseconds since the epoch; undefined where it lasts, or where nothing can be said yet. */
export const runsOutAt = (
  { limits, window, createdAt }: Budget,
  { spent, reserved }: Balance,
  at: number,
): number | undefined => {
  const since = window === undefined ? createdAt : Math.max(createdAt, windowStart(window, at));
  const elapsed = at - since;
  const until = window === undefined ? Number.MAX_SAFE_INTEGER : windowEnd(window, at);
  let earliest = Number.POSITIVE_INFINITY;
  for (const measure of MEASURES) {
    const limit = limits[measure];
    const used = spent[measure] ?? 0;
    if (limit === undefined) continue;
    const left = limit - used - (reserved[measure] ?? 0);
    if (left <= 0) return at;
    if (used > 0 && elapsed > 0) earliest = Math.min(earliest, at + Math.floor((left / used) * elapsed));
  }
  return earliest < until ? earliest : undefined;
};
