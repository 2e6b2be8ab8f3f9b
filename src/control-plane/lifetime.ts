/**
 * The state of one lifetime: a head of fixed size, and entries that grow with what is open, never with how
 * long it has run (iterations: with the graph).
 *
 * 1. `outstanding` is the number of members that are not done, held ones too; at 0 the lifetime ends.
 * 2. A member that is done is kept while its wave is open, because a join may still collect it, and while a
 *    merge waits with it.
 * 3. `due` is never later than the earliest deadline in here; it may be earlier.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Balance } from "../guardrails/account.ts";
import type { Approve } from "../guardrails/answer.ts";
import type { Approval } from "../guardrails/approval.ts";
import type { Reservation } from "../guardrails/ledger.ts";
import type { Repeats, Tally } from "../guardrails/tally.ts";
import type { Kind } from "../topics/topics.ts";
import { Cells } from "./cells.ts";
import type { LifetimeStatus } from "./status.ts";

/** Raised when a stored state has to be upgraded on load. */
export const STATE_VERSION = 1;

export interface Reason {
  readonly code: EndCode;
  readonly detail: string;
}

/** The time of what has no time: a number that JSON keeps, later than any other. */
export const NEVER = Number.MAX_SAFE_INTEGER;

/** Why a lifetime ended other than by itself. */
export type EndCode =
  | "node_failed"
  | "canceled"
  | "lifetime_timed_out"
  | "iterations_exceeded"
  | "fan_out_exceeded"
  | "outstanding_exceeded"
  | "steps_exceeded"
  | "input_too_large"
  | "join_unreachable"
  | "policy_aborted"
  | "budget_aborted"
  | "approval_aborted"
  | "internal";

export interface Head {
  readonly id: string;
  readonly tenant: string;
  readonly partition: number;
  readonly graph: string;
  readonly version: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Offset of its lifetime_started record: its number in the tenant. */
  readonly started: number;
  /** Milliseconds since the epoch; likewise the following. */
  readonly startedAt: number;
  deadline: number;
  readonly seed: number;
  status: LifetimeStatus;
  /** What pauses it, one for each scope; absent while nothing does. */
  holds?: readonly Hold[];
  /** Milliseconds that were left when its deadline stopped; absent while it runs. */
  left?: number;
  /** Of the outstanding inputs, how many wait for something outside; absent where none does. */
  waiting?: number;
  /** Since when it is PAUSED or WAITING. */
  since?: number;
  reason?: Reason;
  endedAt?: number;
  /** Offset of its lifetime_ended record. */
  ended?: number;
  due: number;
  /** Raised by an end and by a retry; what was dispatched under a lower one has no effect any more. */
  epoch: number;
  issued: number;
  outstanding: number;
  steps: number;
  waves: number;
  /** Ranges of inputs that were withdrawn while the lifetime ran on, the latest last; answers to them are late. */
  withdrawn?: readonly (readonly [number, number])[];
  /** That no wait has taken yet, in the order in which they came. */
  signals?: readonly KeptSignal[];
  /** An input of it was given to an executor elsewhere. */
  elsewhere?: true;
  /** Of budgets of lifetimes: its accounts with them, by key. */
  accounts?: Readonly<Record<string, Balance>>;
  /** What policies read of it, while any does. */
  tally?: Tally;
}

/** Its value is in its record. */
export interface KeptSignal {
  readonly name: string;
  readonly offset: number;
  readonly key?: string;
}

/** What keeps a lifetime from going on: itself, its graph or its tenant was paused, or a budget has no room for it. */
export interface Hold {
  readonly scope: "lifetime" | "graph" | "tenant" | "budget";
  readonly detail: string;
  /** The name of the credential that asked for it. */
  readonly by?: string;
  readonly since: number;
  /** When a budget is to be asked again, if time may help. */
  readonly until?: number;
}

/** An execution, as an input refers to it. */
export interface Parent {
  readonly execId: string;
  readonly name: string;
  readonly offset: number;
  /** A failure that its node ignores is a parent still, but without its result. */
  readonly ignored?: true;
}

/** One input and its attempts. */
export interface Member {
  readonly kind: Kind;
  readonly node: string;
  readonly iteration: number;
  /** The wave that launched a task; 0 for a plan. */
  readonly wave: number;
  /** The executions that it carries, in order. */
  readonly parents: readonly Parent[];
  readonly attempt: number;
  /** A held attempt has no record yet: it is issued, and maybe refused, when it is released. `stopped` is what ended
   * with its lifetime, if that may be retried. */
  readonly phase: "issued" | "waiting" | "backoff" | "held" | "done" | "stopped";
  /** Offset of the input record of this attempt; 0 while it is held. */
  readonly input: number;
  /** When the lease of this attempt ends, or its wait, or the backoff before the next; NEVER while it is held. */
  readonly due: number;
  /** How often this attempt was sent again because its executor vanished. */
  readonly resent: number;
  /** How often it was sent again because the object that had sent it was started anew; absent at 0. */
  readonly restarts?: number;
  /** No code that was deployed had its node: since when, and whether it waits to be sent again. */
  readonly missing?: { readonly since: number; readonly asleep: boolean };
  /** The attempt before this one was ended by its lease, so its answer may still come, late. */
  readonly expired: boolean;
  /** Attempts before its lifetime was retried; the node's own retries count from there. */
  readonly before?: number;
  /** The record of its first attempt is its producer's, in Kafka. */
  readonly adopted?: true;
  /** While it is waiting. */
  readonly waits?: Waits;
  /** While people are asked. */
  readonly approval?: Approval;
  /** While held. */
  readonly held?: Held;
  /** While it is open, of budgets. */
  readonly reserved?: Reservation;
  /** The policies whose approval it has. */
  readonly approved?: readonly string[];
  /** Its input, where an approval has changed what its plan had given it. */
  readonly parameters?: JsonObject;
  /** Once done. */
  readonly answer?: Answered;
  /** Of a plan: the merges that it may lead to. Of a task that is done: those that wait with it. */
  readonly scopes?: readonly Scope[];
}

export interface Held {
  readonly cause: HoldCause;
  readonly since: number;
  /** What has to be approved, and by whom. */
  readonly approval?: Omit<Approve, "action">;
}

/** What a wait waits for; neither while its instant is not known. */
export interface Waits {
  /** The name of a signal. */
  readonly signal?: string;
  /** Milliseconds since the epoch. */
  readonly until?: number;
}
/** Why an attempt is not issued yet. Each cause is released by itself. */
export type HoldCause = "paused" | "approval";

export interface Answered extends Parent {
  /** What it takes in an input at the least: there its result may be referred to. */
  readonly bytes: number;
  /** The only plan that it goes to, where it chose one. */
  readonly edge?: string;
}

/** The tasks that one plan execution launched. */
export interface Wave {
  /** Its members are the inputs first … first + count - 1. */
  readonly first: number;
  readonly count: number;
  readonly open: number;
  /** Plans with join `all` or `first` → members that may still come. A join that has fired is gone from here. */
  readonly joins: Readonly<Record<string, number>>;
  /** Plans with join `first` → members that came and count. */
  readonly arrived?: Readonly<Record<string, number>>;
  /** The merges that its tasks may lead to. */
  readonly scopes?: readonly Scope[];
}

/** A merge, and the number of the wave that it gathers in. */
export interface Scope {
  readonly merge: string;
  readonly wave: number;
}

/** A merge that may still fire for a wave. */
export interface Gathering extends Scope {
  /** Inputs, and other merges that wait, that may still lead to it. It fires at 0. */
  readonly open: number;
  readonly arrived: number;
  /** The merges that it may lead to itself. */
  readonly scopes: readonly Scope[];
}

/** Where a branch ended. */
export interface Ending {
  readonly kind: Kind;
  readonly execId: string;
  readonly offset: number;
}

export interface Lifetime {
  readonly head: Head;
  readonly members: Cells<number, Member>;
  readonly waves: Cells<number, Wave>;
  /** Node → passes so far. */
  readonly iterations: Cells<string, number>;
  readonly endings: Cells<number, Ending>;
  /** By wave and merge. */
  readonly gatherings: Cells<string, Gathering>;
  /** Of the inputs of each node, while a policy reads it. */
  readonly repeats: Cells<string, Repeats>;
}

export const newLifetime = (head: Head): Lifetime => ({
  head,
  members: Cells.of(),
  waves: Cells.of(),
  iterations: Cells.of(),
  endings: Cells.of(),
  gatherings: Cells.of(),
  repeats: Cells.of(),
});

export const forkLifetime = (from: Lifetime): Lifetime => ({
  head: { ...from.head },
  members: from.members.fork(),
  waves: from.waves.fork(),
  iterations: from.iterations.fork(),
  endings: from.endings.fork(),
  gatherings: from.gatherings.fork(),
  repeats: from.repeats.fork(),
});

/** Whether a step has left anything in its fork that was not in what it was forked from. */
export const hasChanged = (from: Lifetime, fork: Lifetime): boolean =>
  PARTS.some((part) => fork[part].touched) ||
  (Object.keys({ ...from.head, ...fork.head }) as (keyof Head)[]).some(
    (key) => from.head[key] !== fork.head[key],
  );

export const settleLifetime = (lifetime: Lifetime): void => {
  for (const part of PARTS) lifetime[part].settle();
};

/** The parts that are stored entry by entry once a lifetime has grown. */
export const PARTS = ["members", "waves", "iterations", "endings", "gatherings", "repeats"] as const;
/** Left out of a state where they are empty. */
export const RARE_PARTS: readonly Part[] = ["gatherings", "repeats"];
export type Part = (typeof PARTS)[number];
