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
export const amountsOf = (amounts: Amounts): Amounts =>
  made(
    bounded(amounts.tokens),
    bounded(amounts.cost_usd_micros),
    bounded(amounts.calls),
    bounded(amounts.wall_ms),
    bounded(amounts.iterations),
  );

const bounded = (amount = 0): number => Math.min(Math.round(amount), ESTIMATE_MAX);

/** Measure by measure, because every step of a tenant with budgets adds and subtracts some. */
const made = (tokens: number, cost: number, calls: number, wall: number, iterations: number): Amounts => {
  const amounts: { -readonly [Key in Measure]?: number } = {};
  if (tokens > 0) amounts.tokens = tokens;
  if (cost > 0) amounts.cost_usd_micros = cost;
  if (calls > 0) amounts.calls = calls;
  if (wall > 0) amounts.wall_ms = wall;
  if (iterations > 0) amounts.iterations = iterations;
  return amounts;
};

export const usageOf = (usage: Usage): Amounts =>
  amountsOf({
    tokens: Number(usage.tokensIn) + Number(usage.tokensOut),
    cost_usd_micros: Number(usage.costUsdMicros),
  });

export const plus = (one: Amounts, other: Amounts): Amounts =>
  made(
    sum(one.tokens, other.tokens),
    sum(one.cost_usd_micros, other.cost_usd_micros),
    sum(one.calls, other.calls),
    sum(one.wall_ms, other.wall_ms),
    sum(one.iterations, other.iterations),
  );

const sum = (one = 0, other = 0): number => Math.min(one + other, Number.MAX_SAFE_INTEGER);

/** Never below nothing. */
export const minus = (one: Amounts, other: Amounts): Amounts =>
  made(
    (one.tokens ?? 0) - (other.tokens ?? 0),
    (one.cost_usd_micros ?? 0) - (other.cost_usd_micros ?? 0),
    (one.calls ?? 0) - (other.calls ?? 0),
    (one.wall_ms ?? 0) - (other.wall_ms ?? 0),
    (one.iterations ?? 0) - (other.iterations ?? 0),
  );

export const isNothing = ({ tokens, cost_usd_micros, calls, wall_ms, iterations }: Amounts): boolean =>
  !tokens && !cost_usd_micros && !calls && !wall_ms && !iterations;
