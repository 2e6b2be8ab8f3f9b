/**
 * What the tenant's log holds: one sequence for the whole tenant, append-only, and the only truth that D1
 * is folded from. A message is stored once: inputs name the records that they carry, and a `persisted-*`
 * topic reads the same record as its executions topic.
 */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { LifetimeStatus } from "../control-plane/status.ts";
import type { GraphStatus } from "../graph/graph.ts";
import type { Delegation, Vote } from "../guardrails/approval.ts";
import type { ExpiryAction } from "../guardrails/approval-terms.ts";
import type { Budget } from "../guardrails/budget.ts";
import type { Amounts } from "../guardrails/measure.ts";
import type { PolicyAction, PolicyEvent, PolicyMode } from "../guardrails/policy.ts";
import type { Crossing } from "../guardrails/threshold.ts";
import type { Result } from "../result.ts";
import type { Execution } from "../wire/codec.ts";
import type { ExecutionHeader } from "../wire/gen/escapement/v1/execution_pb.ts";
import type { Kind, Topic } from "./topics.ts";

interface Appended {
  /** Position in the log; a topic's offset is the position of its record, so offsets rise but are not dense. */
  readonly offset: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface InputRecord extends Appended {
  readonly type: "input";
  readonly kind: Kind;
  /** ExecutionHeader, encoded: what the execution of this input will carry. */
  readonly header: Uint8Array;
  /** The same, while it is at hand decoded: it is not stored. */
  readonly decoded?: ExecutionHeader;
  /** The executions that it carries, in order: for a plan tasks, for a task one plan. */
  readonly carries: readonly number[];
  /** Of those, the ones whose result is left out. */
  readonly withoutResult: readonly number[];
  /** What an approval has made of what the plan had given to the task. */
  readonly parameters?: JsonObject;
  /** The version of the policies that allowed it, where there are any. */
  readonly policies?: number;
  /** What was reserved for it of budgets, where there are any. */
  readonly estimate?: Amounts;
  /** Of a node that Kafka executes: whether it goes out to Kafka, or came from there. */
  readonly kafka?: "out" | "in";
}

export interface ExecutionRecord extends Appended {
  readonly type: "execution";
  readonly kind: Kind;
  /** PlanExecution or TaskExecution, encoded, its header complete. */
  readonly message: Uint8Array;
  /** The same, while it is at hand decoded: it is not stored. Results that are handed on may be left out. */
  readonly execution?: Execution;
  /** What was odd about it without being wrong, say a task name that the graph does not have. */
  readonly warnings?: readonly string[];
  /** Offset of the input that was answered in its time, or was not, while that is at hand: it is not stored. */
  readonly input?: number;
  /** The version of the deployment whose code ran it, where that is known. */
  readonly version?: string;
  /** What budgets were charged of it without anybody having said so. */
  readonly estimated?: Amounts;
  /** It came from Kafka. */
  readonly kafka?: "in";
  /** The control plane has ended the attempt itself: no policy was asked. */
  readonly own?: true;
}

export interface LifetimeStartedRecord extends Appended {
  readonly type: "lifetime_started";
  readonly lifetime: string;
  readonly graph: string;
  readonly version: number;
  readonly labels: Readonly<Record<string, string>>;
  /** TaskExecution, encoded: the synthetic root that carries the lifetime's input into its first plans. */
  readonly root: Uint8Array;
}

export interface LifetimeEndedRecord extends Appended {
  readonly type: "lifetime_ended";
  readonly lifetime: string;
  readonly status: LifetimeStatus;
  readonly reason?: { readonly code: string; readonly detail: string };
  readonly steps: number;
  /** Where branches ended. */
  readonly outcomes: readonly { readonly kind: Kind; readonly execId: string; readonly offset: number }[];
}

/** It had failed, and goes on. */
export interface LifetimeRetriedRecord extends Appended {
  readonly type: "lifetime_retried";
  readonly lifetime: string;
  /** Who asked for it, or why. */
  readonly detail: string;
}

export interface SignalReceivedRecord extends Appended {
  readonly type: "signal_received";
  readonly lifetime: string;
  readonly name: string;
  readonly key?: string;
  /** The name of the credential that it was sent with. */
  readonly by: string;
  /** google.protobuf.Value, encoded. */
  readonly value: Uint8Array;
  /** The input whose wait it ended; absent where it was kept for one to come. */
  readonly input?: string;
}

/** People are asked. All of what follows refers to it by its id. */
export interface ApprovalOpenedRecord extends Appended {
  readonly type: "approval_opened";
  readonly lifetime: string;
  readonly approval: string;
  /** The input that waits for it. */
  readonly input: string;
  readonly node: string;
  readonly nodeType: Kind;
  readonly attempt: number;
  /** Those that ask for it; absent where a task does. */
  readonly policies?: readonly string[];
  readonly title: string;
  readonly description?: string;
  /** The input, where it is small JSON. */
  readonly subject?: JsonValue;
  /** JSON schema of the answer, where one is asked for. */
  readonly schema?: JsonObject;
  readonly who: readonly string[];
  readonly quorum: number;
  /** Milliseconds since the epoch. */
  readonly due?: number;
  readonly escalateTo?: readonly string[];
  readonly onExpiry: ExpiryAction;
}

/** How an approval stands. */
interface ApprovalStanding {
  readonly lifetime: string;
  readonly approval: string;
  readonly who: readonly string[];
  readonly quorum: number;
  readonly due?: number;
  readonly votes?: readonly Vote[];
  readonly delegations?: readonly Delegation[];
  /** What is agreed to instead of what was asked, or the answer. */
  readonly edit?: JsonValue;
  /** Absent where time has decided. */
  readonly by?: string;
  readonly via?: string;
  readonly comment?: string;
}

export interface ApprovalChangedRecord extends Appended, ApprovalStanding {
  readonly type: "approval_changed";
  readonly act: "voted" | "delegated" | "escalated";
}

export interface ApprovalClosedRecord extends Appended, ApprovalStanding {
  readonly type: "approval_closed";
  readonly outcome: "approved" | "rejected" | "aborted" | "timed_out" | "withdrawn";
}

/** To PAUSED or WAITING, and back, or PAUSED still for another reason; a start and an end say their status themselves. */
export interface LifetimeStatusRecord extends Appended {
  readonly type: "lifetime_status";
  readonly lifetime: string;
  readonly status: LifetimeStatus;
  readonly reason?: { readonly code: string; readonly detail: string };
}

/** All lifetimes of the tenant, or of a graph, are to hold. */
export interface PausedRecord extends Appended {
  readonly type: "paused";
  /** The tenant where absent. */
  readonly graph?: string;
  readonly detail: string;
  /** The name of the credential that asked for it. */
  readonly by?: string;
}

export interface ResumedRecord extends Appended {
  readonly type: "resumed";
  readonly graph?: string;
  readonly by?: string;
}

/** An evaluation of a policy that did not simply allow. */
export interface VerdictRecord extends Appended {
  readonly type: "verdict";
  readonly lifetime: string;
  readonly graph: string;
  /** Absent where a lifetime as a whole was judged. */
  readonly node?: string;
  readonly policy: string;
  /** Of this policy; and of all that held when it was evaluated. */
  readonly version: number;
  readonly policies: number;
  readonly on: PolicyEvent;
  readonly action: PolicyAction;
  readonly mode: PolicyMode;
  readonly message: string;
  /** Why it could not be evaluated, if so. */
  readonly error?: string;
  /** What followed from that. */
  readonly on_error?: "closed" | "open";
  /** What its expression has read, by name. */
  readonly read: JsonObject;
  /** The input that was to be issued, or was answered, and the attempt. */
  readonly input?: string;
  readonly attempt?: number;
  /** The execution that was judged. */
  readonly execution?: string;
}

/** A new budget, or one that was changed. */
export interface BudgetSetRecord extends Appended {
  readonly type: "budget_set";
  readonly budget: Omit<Budget, "id" | "createdAt">;
}

export interface BudgetRemovedRecord extends Appended {
  readonly type: "budget_removed";
  readonly budget: string;
}

/** So much of a budget is spent. */
export interface BudgetThresholdRecord extends Appended, Crossing {
  readonly type: "budget_threshold";
}

/** Another version of a policy, or its end; with it another version of all of them. */
export interface PolicyChangedRecord extends Appended {
  readonly type: "policy_changed";
  readonly policy: string;
  /** Of all policies, and from now on of this one. */
  readonly version: number;
  /** Absent where it holds no more. */
  readonly document?: JsonObject;
}

export interface GraphRegisteredRecord extends Appended {
  readonly type: "graph_registered";
  readonly graph: string;
  readonly version: number;
  readonly hash: string;
  readonly status: GraphStatus;
  readonly document: JsonObject;
  /** The DOT text that it was written as; not kept in the log. */
  readonly source?: string;
}

export interface GraphStatusRecord extends Appended {
  readonly type: "graph_status";
  readonly graph: string;
  readonly version: number;
  readonly status: GraphStatus;
}

/** A further task execution that a producer has handed in with the start of a lifetime. */
export interface LifetimeRootRecord extends Appended {
  readonly type: "lifetime_root";
  readonly lifetime: string;
  /** TaskExecution, encoded. */
  readonly message: Uint8Array;
}

/** What came from Kafka and is kept as it came: it starts nothing, and goes nowhere. */
export interface MirroredRecord extends Appended {
  readonly type: "mirrored";
  readonly kind: Kind;
  readonly topic: Topic;
  readonly message: Uint8Array;
  /** Whose it is, if another deployment has written it; then nobody has looked into it. */
  readonly deployment?: string;
}

/** What Kafka lacks of these offsets, both in it, it may never get. */
export interface MirrorGapRecord extends Appended {
  readonly type: "mirror_gap";
  readonly from: number;
  readonly to: number;
}

export type LogRecord =
  | InputRecord
  | ExecutionRecord
  | LifetimeStartedRecord
  | LifetimeEndedRecord
  | LifetimeRetriedRecord
  | SignalReceivedRecord
  | LifetimeStatusRecord
  | ApprovalOpenedRecord
  | ApprovalChangedRecord
  | ApprovalClosedRecord
  | VerdictRecord
  | BudgetSetRecord
  | BudgetRemovedRecord
  | BudgetThresholdRecord
  | PolicyChangedRecord
  | PausedRecord
  | ResumedRecord
  | GraphRegisteredRecord
  | GraphStatusRecord
  | LifetimeRootRecord
  | MirroredRecord
  | MirrorGapRecord;

/** Of the tenant rather than of a lifetime, before it has its place. */
export type TenantwideRecord = LogRecord extends infer R
  ? R extends {
      type:
        | "graph_registered"
        | "graph_status"
        | "paused"
        | "resumed"
        | "policy_changed"
        | "budget_set"
        | "budget_removed"
        | "budget_threshold"
        | "mirrored"
        | "mirror_gap";
    }
    ? Omit<R, "offset" | "at">
    : never
  : never;

/** The execution that a record holds. */
export const messageOf = (record: LogRecord | undefined): Uint8Array | undefined => {
  if (record?.type === "execution" || record?.type === "lifetime_root") return record.message;
  return record?.type === "lifetime_started" ? record.root : undefined;
};

/** What the record at an offset says; only what can be decoded gets into the log. */
export const recorded = <T>(decoded: Result<T, string>, offset: number): T => {
  if (decoded.ok) return decoded.value;
  throw new Error(`the log holds at ${offset} what is ${decoded.error}`);
};
