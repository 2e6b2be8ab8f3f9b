/** What a guard answers: one closed union, from the mildest to the strictest. */
import type { ApprovalTerms } from "./approval-terms.ts";

export interface Allow {
  readonly action: "allow";
}

/** Instead of the tasks that a plan chose. */
export interface RouteTo {
  readonly action: "route_to";
  readonly task: string;
}

/** Held until people say so. */
export interface Approve {
  readonly action: "approve";
  /** The policies that ask for it: what has been approved is not asked for again. */
  readonly policies: readonly string[];
  /** Those of the policy that asks. */
  readonly terms: ApprovalTerms;
  readonly detail: string;
}

/** Held, with everything that would follow. `budget` until there is room again, `policy` until it is resumed. */
export interface Pause {
  readonly action: "pause";
  readonly by: "policy" | "budget";
  readonly detail: string;
}

/** An outcome of status REJECTED, with this message, for the node's `on_failure` to decide on. */
export interface Reject {
  readonly action: "reject";
  readonly by: "policy" | "budget";
  readonly detail: string;
}

/** Ends the lifetime. */
export interface Abort {
  readonly action: "abort";
  readonly by: "policy" | "budget";
  readonly detail: string;
}

export type GuardAnswer = Allow | RouteTo | Approve | Pause | Reject | Abort;

const STRICTNESS: Readonly<Record<GuardAnswer["action"], number>> = {
  allow: 0,
  route_to: 1,
  approve: 2,
  pause: 3,
  reject: 4,
  abort: 5,
};

export const ALLOW: Allow = { action: "allow" };

/** Of two that are as strict as each other the first. */
export const strictest = (one: GuardAnswer, other: GuardAnswer): GuardAnswer =>
  STRICTNESS[other.action] > STRICTNESS[one.action] ? other : one;
