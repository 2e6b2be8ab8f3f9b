/** What a policy says, as it is kept and evaluated. Never reads what people write: document.ts does. */
import type { ApprovalTerms } from "./approval-terms.ts";

/** When a policy is asked. */
export const POLICY_EVENTS = [
  "lifetime_start",
  "plan_input",
  "task_input",
  "plan_execution",
  "task_execution",
] as const;
export type PolicyEvent = (typeof POLICY_EVENTS)[number];

/** From the mildest to the strictest. */
export const POLICY_ACTIONS = [
  "WARN",
  "ROUTE_TO",
  "REQUIRE_APPROVAL",
  "PAUSE_LIFETIME",
  "REJECT_EXECUTION",
  "ABORT_LIFETIME",
] as const;
export type PolicyAction = (typeof POLICY_ACTIONS)[number];

/** What is observed is recorded, and not acted on. */
export const POLICY_MODES = ["enforce", "observe"] as const;
export type PolicyMode = (typeof POLICY_MODES)[number];

/** Whether an expression that fails counts as a match. */
export const ON_ERROR = ["closed", "open"] as const;

export interface Policy {
  readonly name: string;
  readonly description?: string;
  /** The whole tenant where empty. */
  readonly scope: { readonly graph?: string; readonly node?: string };
  readonly on: readonly PolicyEvent[];
  /** CEL; it holds for everything that `on` and `scope` admit where absent. */
  readonly when: string;
  readonly action: PolicyAction;
  readonly message: string;
  /** Of ROUTE_TO. */
  readonly routeTo?: string;
  /** Of REQUIRE_APPROVAL. */
  readonly approval?: ApprovalTerms;
  readonly onError: (typeof ON_ERROR)[number];
  readonly mode: PolicyMode;
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch: from the first, and until before the second. */
  readonly from?: number;
  readonly until?: number;
}
