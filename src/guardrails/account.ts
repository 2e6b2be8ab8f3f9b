/** What was spent and what is reserved of one budget, in one window, or in one lifetime. */
import type { Budget } from "./budget.ts";
import { type Amounts, isNothing, MEASURES, type Measure, minus, plus } from "./measure.ts";
import { windowEnd, windowStart } from "./window.ts";

export interface Balance {
  readonly spent: Amounts;
  readonly reserved: Amounts;
  /** By how much steps have used more than was reserved for them. */
  readonly overrun?: Amounts;
  /** The highest threshold that was told of, by measure. */
  readonly told?: Readonly<Partial<Record<Measure, number>>>;
}

export const EMPTY: Balance = { spent: {}, reserved: {} };

/** Balances by their keys; those of a lifetime are kept with it, all others with the tenant. */
export interface Accounts {
  get(key: string): Balance | undefined;
  set(key: string, balance: Balance): void;
  delete(key: string): void;
}

const LIFETIME = "l";

interface Keyed {
  readonly from: number;
  readonly until: number;
  readonly key: string;
}

/** Of the windows that they are in: every step asks for them. */
const keys = new WeakMap<Budget, Keyed>();

/** Of the account that a step at this time is counted in. */
export const accountKey = (budget: Budget, at: number): string => {
  const known = keys.get(budget);
  if (known && known.from <= at && at < known.until) return known.key;
  const keyed = keyedAt(budget, at);
  keys.set(budget, keyed);
  return keyed.key;
};

const keyedAt = ({ id, scope, window }: Budget, at: number): Keyed => {
  if (window === undefined || scope === "lifetime")
    return {
      from: 0,
      until: Number.POSITIVE_INFINITY,
      key: scope === "lifetime" ? `${LIFETIME}${id}` : `${id}`,
    };
  const from = windowStart(window, at);
  return { from, until: windowEnd(window, at), key: `${id}@${from}` };
};

export const isOfLifetime = (key: string): boolean => key.startsWith(LIFETIME);

export const budgetIdOf = (key: string): number =>
  Number.parseInt(isOfLifetime(key) ? key.slice(1) : key, 10);

/** When an account begins anew; undefined where it never does. */
export const turnsAt = ({ window }: Budget, at: number): number | undefined =>
  window && windowEnd(window, at);

/** Of what an account may be over: the limit that an ask would pass. */
export interface Shortage {
  readonly measure: Measure;
  readonly asked: number;
  readonly spent: number;
  readonly reserved: number;
  readonly limit: number;
}

/** Also nothing is too much where more was spent than there is: an overrun has to be covered first. */
export const shortageOf = (
  { spent, reserved }: Balance,
  limits: Amounts,
  ask: Amounts,
): Shortage | undefined => {
  for (const measure of MEASURES) {
    const limit = limits[measure];
    if (limit === undefined) continue;
    const now = { asked: ask[measure] ?? 0, spent: spent[measure] ?? 0, reserved: reserved[measure] ?? 0 };
    if (now.spent + now.reserved + now.asked > limit) return { measure, ...now, limit };
  }
  return undefined;
};

export const withReserved = (balance: Balance, amounts: Amounts): Balance => ({
  ...balance,
  reserved: plus(balance.reserved, amounts),
});

/** What was reserved is reserved no more, and what was used is spent. */
export const withSettled = (balance: Balance, reserved: Amounts, used: Amounts): Balance => {
  const spent = plus(balance.spent, used);
  const left = minus(balance.reserved, reserved);
  const over = minus(used, reserved);
  if (isNothing(over)) return { ...balance, spent, reserved: left };
  return { ...balance, spent, reserved: left, overrun: plus(balance.overrun ?? {}, over) };
};

/** A charge that was estimated is replaced by what was used. */
export const withCorrected = (balance: Balance, estimated: Amounts, used: Amounts): Balance => ({
  ...balance,
  spent: plus(minus(balance.spent, estimated), used),
});
