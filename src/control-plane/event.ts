/** What happened to one lifetime. Everything that a step depends on is in here, time included. */

import type { JsonValue } from "@bufbuild/protobuf";
import type { Ballot, Voter } from "../guardrails/approval.ts";
import type { Guard } from "../guardrails/guard.ts";
import type { Kind } from "../topics/topics.ts";
import type { Execution } from "../wire/codec.ts";
import type { Hold } from "./lifetime.ts";

export interface Moment {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The first free position of the log. */
  readonly tail: number;
  /** What pauses the tenant or the graph; absent where nothing does. */
  readonly holds?: readonly Hold[];
  /** For this event alone, which may change it; absent where nothing guards the tenant. */
  readonly guard?: Guard;
}

export interface Started {
  readonly type: "started";
  readonly lifetime: string;
  readonly tenant: string;
  readonly partition: number;
  readonly version: number;
  readonly labels: Readonly<Record<string, string>>;
  /** google.protobuf.Value, encoded. */
  readonly input: Uint8Array;
  /** Where a producer has begun with an input of its own: whose it is, and what it carries instead of a value. */
  readonly handed?: { readonly node: string; readonly executions: readonly Handed[] };
}

/** TaskExecution, encoded, with what of its header is asked for; `execId` may be empty. */
export interface Handed {
  readonly execId: string;
  readonly name: string;
  readonly message: Uint8Array;
}

export interface ExecutionArrived {
  readonly type: "execution_arrived";
  readonly kind: Kind;
  /** The input that it answers. */
  readonly n: number;
  /** Its header is complete. */
  readonly execution: Execution;
  /** The same, encoded. */
  readonly message: Uint8Array;
  /** Of the code that ran it, where it is known. */
  readonly version?: string;
  /** It came from there. */
  readonly kafka?: "in";
}

/** Time has passed: leases, backoffs and the lifetime's own deadline are looked at. */
export interface TimePassed {
  readonly type: "time_passed";
}

export interface HeartbeatReceived {
  readonly type: "heartbeat_received";
  readonly n: number;
  readonly attempt: number;
}

type Attempts = readonly { readonly n: number; readonly attempt: number }[];

/** The executor vanished without an answer. */
export interface DispatchLost {
  readonly type: "dispatch_lost";
  readonly inputs: Attempts;
}

/** The executor has no code for the node of these inputs. */
export interface ExecutorMissing {
  readonly type: "executor_missing";
  readonly inputs: Attempts;
}

/** The object was started anew: every call that an earlier incarnation of it had made is void. */
export interface Restarted {
  readonly type: "restarted";
}

export interface SignalReceived {
  readonly type: "signal_received";
  readonly name: string;
  /** By which its sender makes it one, however often it is sent. */
  readonly key?: string;
  /** The name of the credential that it was sent with. */
  readonly by: string;
  /** google.protobuf.Value, encoded. */
  readonly value: Uint8Array;
}

/** What a wait needed to know, or why there is no such thing. */
export type Found =
  | { readonly value: Uint8Array }
  | { readonly until: number }
  | { readonly fault: string }
  | { readonly asks: Asked };

/** What people are asked, and the input that it is about where that is small JSON. */
export interface Asked {
  /** Absent where a policy asks. */
  readonly title?: string;
  readonly description?: string;
  readonly subject?: JsonValue;
}

/** The log has answered a wait. */
export interface Recalled {
  readonly type: "recalled";
  readonly n: number;
  readonly attempt: number;
  readonly found: Found;
}

/** Somebody has answered an approval, or passed it on. */
export interface ApprovalAnswered {
  readonly type: "approval_answered";
  readonly n: number;
  /** Offset of the record that opened it. */
  readonly opened: number;
  readonly voter: Voter;
  readonly ballot: Ballot;
  readonly comment?: string;
}

export interface CancelRequested {
  readonly type: "cancel_requested";
  readonly detail: string;
}

/** Of this lifetime alone. */
export interface PauseRequested {
  readonly type: "pause_requested";
  readonly detail: string;
  /** The name of the credential that it was asked with. */
  readonly by?: string;
}

export interface ResumeRequested {
  readonly type: "resume_requested";
}

/** Its tenant or graph was paused or resumed; what holds them now comes with the moment, as with every event. */
export interface HoldsChanged {
  readonly type: "holds_changed";
}

/** Of a lifetime that has failed. */
export interface RetryRequested {
  readonly type: "retry_requested";
  readonly detail: string;
}

/** Reducing an event of this lifetime threw. */
export interface ReduceFailed {
  readonly type: "reduce_failed";
  readonly detail: string;
}

export type LifetimeEvent = Moment &
  (
    | Started
    | ExecutionArrived
    | TimePassed
    | HeartbeatReceived
    | DispatchLost
    | SignalReceived
    | Recalled
    | ApprovalAnswered
    | ExecutorMissing
    | Restarted
    | CancelRequested
    | PauseRequested
    | ResumeRequested
    | HoldsChanged
    | RetryRequested
    | ReduceFailed
  );
