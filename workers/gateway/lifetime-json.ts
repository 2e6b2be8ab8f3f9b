/** A lifetime as callers read it: the object's view, with the messages in which its branches ended decoded. */

import type { JsonValue } from "@bufbuild/protobuf";
import { z } from "@hono/zod-openapi";
import { LIFETIME_STATUSES } from "../../src/control-plane/status.ts";
import type { LifetimeView, Outcome } from "../../src/control-plane/tenant.ts";
import { decodeExecution, type Execution, isPlan } from "../../src/wire/codec.ts";
import { readResult } from "../../src/wire/payload.ts";
import { isoOf } from "../../src/wire/timestamp.ts";
import type { LifetimeDetail, LifetimeSummary } from "../data-plane/queries.ts";
import { amountsSchema } from "./amounts.ts";
import { pausedSchema } from "./paused.ts";

const outputSchema = z.object({
  node: z.string(),
  kind: z.enum(["plan", "task"]),
  exec_id: z.string(),
  iteration_idx: z.int(),
  result: z.any().optional().openapi({ description: "Of a plan: the list of the results that it was given" }),
  error: z.string().optional(),
});

export const summarySchema = z
  .object({
    lifetime: z.string(),
    graph: z.string(),
    graph_version: z.int(),
    status: z.enum(LIFETIME_STATUSES),
    reason: z
      .object({
        code: z.string(),
        detail: z.string(),
        since: z.string().optional().openapi({ format: "date-time" }),
      })
      .optional()
      .openapi({ description: "Why it ended other than by itself, or why it is PAUSED or WAITING" }),
    labels: z.record(z.string(), z.string()).readonly(),
    started_at: z.string().openapi({ format: "date-time" }),
    ended_at: z.string().optional().openapi({ format: "date-time" }),
    steps: z.int().optional().openapi({ description: "In lists once it has ended" }),
  })
  .openapi("LifetimeSummary");

const whySchema = z.object({
  outstanding: z.int().openapi({ description: "Inputs without an outcome" }),
  inputs: z
    .array(
      z.object({
        input_id: z.string(),
        node: z.string(),
        kind: z.enum(["plan", "task"]),
        attempt: z.int(),
        phase: z.enum(["at_executor", "in_queue", "no_executor", "backoff", "waiting", "held"]),
        for: z.string(),
        since: z.string().optional().openapi({ format: "date-time" }),
        due: z.string().optional().openapi({ format: "date-time" }),
        approval: z.string().optional().openapi({ description: "That it waits for" }),
        progress: z.any().optional().openapi({ description: "What its node last said" }),
      }),
    )
    .readonly()
    .openapi({ description: "The first of them" }),
});

export const lifetimeSchema = summarySchema
  .extend({
    paused: z
      .array(pausedSchema.extend({ scope: z.enum(["lifetime", "graph", "tenant", "budget"]) }))
      .readonly()
      .optional()
      .openapi({ description: "All that pauses it; it goes on when nothing of this is left" }),
    budgets: z
      .array(z.object({ budget: z.string(), spent: amountsSchema, reserved: amountsSchema }))
      .readonly()
      .optional()
      .openapi({ description: "Of budgets with scope lifetime: what it has used; while it runs" }),
    why: whySchema
      .optional()
      .openapi({ description: "What it waits for and since when, where it is read and has not ended" }),
    output: z
      .array(outputSchema)
      .optional()
      .openapi({ description: "Where its branches ended, once it has" }),
    output_omitted: z
      .int()
      .optional()
      .openapi({ description: "Ends that are too large together for one answer; the executions have them" }),
  })
  .openapi("Lifetime");

export type LifetimeJson = z.input<typeof lifetimeSchema>;

/** Null stands for a result that is not there. */
export const resultOf = (execution: Execution): JsonValue =>
  isPlan(execution)
    ? (execution.result?.upstreamTasksResults ?? []).map((each) => readResult(each) ?? null)
    : (readResult(execution.result) ?? null);

const outputOf = ({ kind, message }: Outcome): z.input<typeof outputSchema> => {
  const decoded = decodeExecution(kind, message);
  if (!decoded.ok) throw new Error(`an outcome is ${decoded.error}`);
  const { header, result } = decoded.value;
  return {
    node: header?.name ?? "",
    kind,
    exec_id: header?.execId ?? "",
    iteration_idx: header?.iterationIdx ?? 0,
    ...(result?.errorMessage ? { error: result.errorMessage } : { result: resultOf(decoded.value) }),
  };
};

export const lifetimeJson = ({ outcomes, omitted, ...view }: LifetimeView): LifetimeJson => ({
  ...view,
  ...(outcomes && { output: outcomes.map(outputOf) }),
  ...(omitted !== undefined && { output_omitted: omitted }),
});

export const summaryOf = (row: LifetimeSummary): z.input<typeof summarySchema> => ({
  lifetime: row.lifetime,
  graph: row.graph,
  graph_version: row.graphVersion,
  status: row.status,
  ...(row.reasonCode !== null && { reason: { code: row.reasonCode, detail: row.reasonDetail ?? "" } }),
  labels: row.labels,
  started_at: isoOf(row.startedAt),
  ...(row.endedAt !== null && { ended_at: isoOf(row.endedAt) }),
  ...(row.steps !== null && { steps: row.steps }),
});

/** From D1, where the object has it no more. */
export const storedLifetimeJson = (row: LifetimeDetail): LifetimeJson => ({
  ...summaryOf(row),
  ...(row.endedAt !== null && { output: row.outcomes.map(outputOf) }),
  ...(row.omitted > 0 && { output_omitted: row.omitted }),
});
