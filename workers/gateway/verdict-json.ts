/** A verdict as it is shown. */
import { z } from "@hono/zod-openapi";
import { ON_ERROR, POLICY_ACTIONS, POLICY_EVENTS, POLICY_MODES } from "../../src/guardrails/policy.ts";
import { isoOf } from "../../src/wire/timestamp.ts";
import type { Verdict } from "../data-plane/verdict-list.ts";

export const verdictSchema = z
  .object({
    lifetime: z.string(),
    graph: z.string(),
    node: z.string().optional(),
    policy: z.string(),
    version: z.int(),
    policies: z.int().openapi({ description: "The version of all policies that it was evaluated in" }),
    on: z.enum(POLICY_EVENTS),
    action: z.enum(POLICY_ACTIONS),
    mode: z.enum(POLICY_MODES),
    message: z.string(),
    error: z.string().optional().openapi({ description: "Why it could not be evaluated" }),
    on_error: z.enum(ON_ERROR).optional().openapi({ description: "What followed from that" }),
    read: z.looseObject({}).openapi({ description: "The values that its expression has read" }),
    input_id: z.string().optional(),
    attempt: z.int().optional(),
    exec_id: z.string().optional(),
    judged_at: z.string().openapi({ format: "date-time" }),
    offset: z.int(),
  })
  .openapi("Verdict");

export const verdictJson = (verdict: Verdict): z.input<typeof verdictSchema> => ({
  lifetime: verdict.lifetime,
  graph: verdict.graph,
  ...(verdict.node !== null && { node: verdict.node }),
  policy: verdict.policy,
  version: verdict.version,
  policies: verdict.policies,
  on: verdict.event,
  action: verdict.action,
  mode: verdict.mode,
  message: verdict.message,
  ...(verdict.error !== null && { error: verdict.error }),
  ...(verdict.onError !== null && { on_error: verdict.onError }),
  read: verdict.read,
  ...(verdict.inputId !== null && { input_id: verdict.inputId }),
  ...(verdict.attempt !== null && { attempt: verdict.attempt }),
  ...(verdict.execId !== null && { exec_id: verdict.execId }),
  judged_at: isoOf(verdict.judgedAt),
  offset: verdict.offset,
});
