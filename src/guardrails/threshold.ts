/** Who is told how far a budget is spent: once for each threshold and window, and again where it was passed anew. */
import type { Balance } from "./account.ts";
import type { Budget } from "./budget.ts";
import { MEASURES, type Measure } from "./measure.ts";

export interface Crossing {
  readonly budget: string;
  readonly measure: Measure;
  /** The threshold. */
  readonly percent: number;
  readonly spent: number;
  readonly limit: number;
  /** Of a budget of lifetimes: whose. */
  readonly lifetime?: string;
}

/** The balance with what is told of it now, and what is to be told. */
export const told = (
  balance: Balance,
  { name, limits, thresholds }: Budget,
): { balance: Balance; crossings: readonly Crossing[] } => {
  const crossings: Crossing[] = [];
  let next = balance.told;
  for (const measure of MEASURES) {
    const limit = limits[measure];
    if (limit === undefined && balance.told?.[measure] === undefined) continue;
    const spent = balance.spent[measure] ?? 0;
    const reached =
      limit === undefined ? 0 : (thresholds.findLast((each) => spent * 100 >= each * limit) ?? 0);
    const before = balance.told?.[measure] ?? 0;
    if (reached === before) continue;
    next = { ...next, [measure]: reached };
    if (limit !== undefined && reached > before)
      crossings.push({ budget: name, measure, percent: reached, spent, limit });
  }
  return {
    balance: next === balance.told ? balance : { ...balance, ...(next && { told: next }) },
    crossings,
  };
};
