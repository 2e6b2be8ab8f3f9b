/** What the tenant object answers of its lifetimes, and takes for them. */
import type { JsonValue } from "@bufbuild/protobuf";
import type { Outcome as ApprovalOutcome, Ballot, Voter } from "../guardrails/approval.ts";
import type { Amounts } from "../guardrails/measure.ts";
import type { Kind } from "../topics/topics.ts";
import type { LifetimeStatus } from "./status.ts";
import type { Answer, PausedView } from "./tenant.ts";

/** A branch of the graph that ended, with the message that it ended in. */
export interface Outcome {
  readonly kind: Kind;
  /** PlanExecution or TaskExecution, encoded. */
  readonly message: Uint8Array;
}

export interface LifetimeView {
  readonly lifetime: string;
  readonly graph: string;
  readonly graph_version: number;
  readonly status: LifetimeStatus;
  /** Why it ended other than by itself, or why it is PAUSED or WAITING: a code, and a sentence. */
  readonly reason?: { readonly code: string; readonly detail: string; readonly since?: string };
  /** All that pauses it; it goes on when nothing of this is left. */
  readonly paused?: readonly ({ readonly scope: "lifetime" | "graph" | "tenant" | "budget" } & PausedView)[];
  readonly labels: Readonly<Record<string, string>>;
  readonly started_at: string;
  readonly ended_at?: string;
  readonly steps: number;
  /** Of those that count each lifetime by itself, while its state is kept. */
  readonly budgets?: readonly {
    readonly budget: string;
    readonly spent: Amounts;
    readonly reserved: Amounts;
  }[];
  /** Present once it has ended, when the results are still at hand in the object. */
  readonly outcomes?: readonly Outcome[];
  /** How many more there are than one answer takes. */
  readonly omitted?: number;
  /** Where it was asked for, until it has ended. */
  readonly why?: Why;
}

/** What a lifetime waits for. */
export interface Why {
  /** Inputs without an outcome. */
  readonly outstanding: number;
  /** The first of them. */
  readonly inputs: readonly OutstandingInput[];
}

export interface OutstandingInput {
  readonly input_id: string;
  readonly node: string;
  readonly kind: Kind;
  readonly attempt: number;
  readonly phase: "at_executor" | "in_queue" | "no_executor" | "backoff" | "waiting" | "held";
  /** In words. */
  readonly for: string;
  /** When its attempt was issued; of one that is held or has no executor, since when that is so. */
  readonly since?: string;
  /** When its lease, wait or backoff ends. */
  readonly due?: string;
  /** The approval that it waits for. */
  readonly approval?: string;
  /** What its node last said of how far it has come. */
  readonly progress?: JsonValue;
}

/** A request that does what it does once, however often it comes with the same key. */
export interface KeyedRequest {
  readonly idempotency?: { readonly key: string; readonly bodyHash: string };
}

export interface StartRequest extends KeyedRequest {
  readonly graph: string;
  /** The newest active one where absent. */
  readonly version?: number;
  readonly lifetime: string;
  /** google.protobuf.Value, encoded. */
  readonly input: Uint8Array;
  readonly labels: Readonly<Record<string, string>>;
  /** Answer when the lifetime has ended, or after this long. 0 answers once it is durable. */
  readonly waitMs: number;
}

export interface StartAnswer {
  readonly lifetime: LifetimeView;
  /** An earlier request with the same key started it. */
  readonly replayed: boolean;
}

export interface SignalRequest extends KeyedRequest {
  readonly lifetime: string;
  readonly name: string;
  /** google.protobuf.Value, encoded. */
  readonly value: Uint8Array;
  /** The name of the credential that it was sent with. */
  readonly by: string;
}

export interface SignalAnswer {
  readonly lifetime: string;
  readonly name: string;
  /** Whether it is kept for a wait to come. */
  readonly kept: boolean;
  /** The input whose wait it has just ended. */
  readonly input_id?: string;
  readonly replayed: boolean;
}

export interface ApprovalRequest extends KeyedRequest {
  readonly approval: string;
  readonly voter: Voter;
  readonly ballot: Ballot;
  readonly comment?: string;
}

export interface ApprovalAnswer {
  readonly approval: string;
  readonly lifetime: string;
  /** What came of it; absent where an earlier request with the same key was answered, and likewise the rest. */
  readonly outcome?: ApprovalOutcome["type"];
  readonly votes?: number;
  readonly quorum?: number;
  readonly replayed: boolean;
}

export interface RetryRequest extends KeyedRequest {
  readonly lifetime: string;
  readonly detail: string;
}

export interface LifetimeRpc {
  start(request: StartRequest): Promise<Answer<StartAnswer>>;
  getLifetime(lifetime: string, waitMs: number): Promise<Answer<LifetimeView>>;
  cancel(lifetime: string, detail: string): Promise<Answer<LifetimeView>>;
  signal(request: SignalRequest): Promise<Answer<SignalAnswer>>;
  /** Agrees, rejects, or passes it on. */
  answerApproval(request: ApprovalRequest): Promise<Answer<ApprovalAnswer>>;
  /** Continues what has failed from where it did. */
  retry(request: RetryRequest): Promise<Answer<StartAnswer>>;
  /** Pausing what is paused, and resuming what is not, changes nothing. */
  pauseLifetime(lifetime: string, detail: string, by?: string): Promise<Answer<LifetimeView>>;
  resumeLifetime(lifetime: string): Promise<Answer<LifetimeView>>;
  /** TaskResult of the execution at an offset, encoded. */
  getResult(offset: number): Promise<Answer<Uint8Array>>;
  /** Of one that has ended: its records, its rows and its blobs. */
  removeLifetime(lifetime: string): Promise<Answer<void>>;
}
