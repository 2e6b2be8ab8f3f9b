/** Amounts by measure, as budgets limit them and as they are spent. */
import { z } from "@hono/zod-openapi";
import { BUDGET_LIMIT_MAX } from "../../src/limits.ts";

const amount = z.int().min(0).max(BUDGET_LIMIT_MAX).optional();

export const amountsSchema = z.strictObject({
  tokens: amount,
  cost_usd_micros: amount.openapi({ description: "Millionths of a dollar" }),
  calls: amount.openapi({ description: "Attempts, retries included" }),
  wall_ms: amount.openapi({ description: "From the issue of an attempt to its outcome" }),
  iterations: amount.openapi({ description: "Passes through nodes, retries not included" }),
});
