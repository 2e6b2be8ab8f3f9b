/** What a guard answers: one closed union, from the mildest to the strictest. */

/** Who may let a held input go, and how; what the policy that asks for it says. */
export interface ApprovalSpec {
  /** Names, or roles of credentials; anybody who may write where both are empty. */
  readonly approvers: readonly string[];
  readonly roles: readonly string[];
  /** How many have to agree. */
  readonly quorum: number;
  /** Milliseconds until it expires; without it, it does not. */
  readonly dueMs?: number;
  readonly onExpiry: "approve" | "reject" | "abort";
  /** Asked besides, once this long has passed. */
  readonly escalation?: { readonly afterMs: number; readonly to: readonly string[] };
}

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
  readonly spec: ApprovalSpec;
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
