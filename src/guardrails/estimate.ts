/** What an attempt will use, as far as can be said before it: by its author, else by what its node has used, else by default. */
import type { Node } from "../graph/graph.ts";
import { ESTIMATE_COST_USD_MICROS, ESTIMATE_MS, ESTIMATE_TOKENS } from "../limits.ts";
import { type Amounts, amountsOf } from "./measure.ts";
import { p95, type Sketch } from "./sketch.ts";

/** A first attempt passes through its node; a retry does not again. */
export const estimateOf = (
  { type, timeoutMs, estimate }: Pick<Node, "type" | "timeoutMs" | "estimate">,
  sketch: Sketch | undefined,
  first: boolean,
): Amounts => {
  const learned = (measure: "tokens" | "cost_usd_micros" | "wall_ms") => sketch && p95(sketch, measure);
  // Plans decide, and nearly none of them asks a model; those that do say so, or it is learned.
  const byDefault = (amount: number) => (type === "task" ? amount : 0);
  return amountsOf({
    tokens: estimate?.tokens ?? learned("tokens") ?? byDefault(ESTIMATE_TOKENS),
    cost_usd_micros:
      estimate?.costUsdMicros ?? learned("cost_usd_micros") ?? byDefault(ESTIMATE_COST_USD_MICROS),
    wall_ms: Math.min(timeoutMs, estimate?.ms ?? learned("wall_ms") ?? byDefault(ESTIMATE_MS)),
    calls: 1,
    iterations: first ? 1 : 0,
  });
};
