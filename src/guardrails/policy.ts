/** What a policy says: a document that people write, as it is kept. Never evaluates anything. */

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
