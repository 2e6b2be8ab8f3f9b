/**
 * What has been used and done so far, counted from the records of the log: of a lifetime and of a tenant. The same
 * fold counts as records are appended, and when recorded ones are looked through again.
 */

import { REPEATED_INPUTS_MAX } from "../limits.ts";
import type { Usage } from "../wire/gen/escapement/v1/execution_pb.ts";
import { type Window, windowStart } from "./window.ts";

export interface Spent {
  readonly tokens_in: number;
  readonly tokens_out: number;
  readonly cost_usd_micros: number;
  readonly calls: number;
}

export const NOTHING_SPENT: Spent = { tokens_in: 0, tokens_out: 0, cost_usd_micros: 0, calls: 0 };

/** Kept of a lifetime only while a policy reads it. */
export interface Tally {
  readonly spent?: Spent;
  /** Attempts that are at work. */
  readonly open?: number;
}

/** Of one node: hashes of inputs that it had, the latest last, and how often. */
export type Repeats = readonly (readonly [string, number])[];

/** What of these has to be counted. */
export interface Needs {
  readonly spent: boolean;
  readonly open: boolean;
  readonly repeats: boolean;
  /** Of the tenant. */
  readonly tenant: boolean;
}

/** Negative and unreadable numbers of a foreign executor count nothing. */
const count = (value: bigint): number => {
  const number = Number(value);
  return number > 0 && Number.isSafeInteger(number) ? number : 0;
};

/** Every execution is a call. */
export const addUsage = (spent: Spent, usage: Usage | undefined): Spent => ({
  tokens_in: spent.tokens_in + (usage ? count(usage.tokensIn) : 0),
  tokens_out: spent.tokens_out + (usage ? count(usage.tokensOut) : 0),
  cost_usd_micros: spent.cost_usd_micros + (usage ? count(usage.costUsdMicros) : 0),
  calls: spent.calls + 1,
});

export const repeatsOf = (repeats: Repeats = [], hash: string): number =>
  repeats.find(([known]) => known === hash)?.[1] ?? 0;

/** A first attempt was issued with this input. */
export const repeated = (repeats: Repeats = [], hash: string): Repeats =>
  [...repeats.filter(([known]) => known !== hash), [hash, repeatsOf(repeats, hash) + 1] as const].slice(
    -REPEATED_INPUTS_MAX,
  );

/** An input was issued. */
export const inputIssued = (tally: Tally, needs: Needs): Tally =>
  needs.open ? { ...tally, open: (tally.open ?? 0) + 1 } : tally;

/** An execution was recorded; `wasOpen` where its attempt had been issued. */
export const executionRecorded = (
  tally: Tally,
  needs: Needs,
  usage: Usage | undefined,
  wasOpen: boolean,
): Tally => ({
  ...tally,
  ...(needs.spent && { spent: addUsage(tally.spent ?? NOTHING_SPENT, usage) }),
  ...(needs.open && wasOpen && { open: Math.max(0, (tally.open ?? 0) - 1) }),
});

/** Of a tenant: lifetimes that run, and what was spent in the present hour, day and month, in UTC. */
export interface TenantTally {
  readonly running: number;
  readonly spent: Readonly<Record<Window, { readonly from: number; readonly spent: Spent }>>;
}

const EMPTY = { from: 0, spent: NOTHING_SPENT };
export const newTenantTally = (running: number): TenantTally => ({
  running,
  spent: { hour: EMPTY, day: EMPTY, month: EMPTY },
});

/** Nothing where the window has turned since. */
export const spentIn = ({ spent }: TenantTally, window: Window, at: number): Spent =>
  spent[window].from === windowStart(window, at) ? spent[window].spent : NOTHING_SPENT;

export const tenantSpent = (tally: TenantTally, usage: Usage | undefined, at: number): TenantTally => {
  const add = (window: Window) => ({
    from: windowStart(window, at),
    spent: addUsage(spentIn(tally, window, at), usage),
  });
  return { ...tally, spent: { hour: add("hour"), day: add("day"), month: add("month") } };
};

export const tenantRuns = (tally: TenantTally, more: 1 | -1): TenantTally => ({
  ...tally,
  running: Math.max(0, tally.running + more),
});
