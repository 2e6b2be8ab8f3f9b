/** What is measured, in integers that can be added up without loss: the limits of budgets, and what steps take of them. */
import { ESTIMATE_MAX } from "../limits.ts";
import type { Usage } from "../wire/gen/escapement/v1/execution_pb.ts";

/**
 * Tokens, in and out; millionths of a dollar; attempts; milliseconds from the issue of an attempt to its outcome;
 * passes through nodes.
 */
export const MEASURES = ["tokens", "cost_usd_micros", "calls", "wall_ms", "iterations"] as const;
export type Measure = (typeof MEASURES)[number];

/** Positive safe integers; what is left out is 0. */
export type Amounts = Readonly<Partial<Record<Measure, number>>>;

/** What an executor says it has used; the control plane counts the rest itself. */
export const REPORTED = ["tokens", "cost_usd_micros"] as const satisfies readonly Measure[];

/** A peer may say anything, and sums are to stay safe integers for a long time. */
export const amountsOf = (amounts: Amounts): Amounts => {
  const kept: Partial<Record<Measure, number>> = {};
  for (const measure of MEASURES) {
    const amount = amounts[measure];
    if (amount !== undefined && amount > 0) kept[measure] = Math.min(Math.round(amount), ESTIMATE_MAX);
  }
  return kept;
};

export const usageOf = (usage: Usage): Amounts =>
  amountsOf({
    tokens: Number(usage.tokensIn) + Number(usage.tokensOut),
    cost_usd_micros: Number(usage.costUsdMicros),
  });

export const plus = (one: Amounts, other: Amounts): Amounts => combined(one, other, 1);

/** Never below nothing. */
export const minus = (one: Amounts, other: Amounts): Amounts => combined(one, other, -1);

const combined = (one: Amounts, other: Amounts, sign: 1 | -1): Amounts => {
  const sum: Partial<Record<Measure, number>> = { ...one };
  for (const measure of MEASURES) {
    const amount = other[measure];
    if (amount === undefined) continue;
    const next = (one[measure] ?? 0) + sign * amount;
    if (next > 0) sum[measure] = Math.min(next, Number.MAX_SAFE_INTEGER);
    else delete sum[measure];
  }
  return sum;
};

export const isNothing = (amounts: Amounts): boolean => MEASURES.every((measure) => !amounts[measure]);
