/** What the tenant object answers over RPC. Refusals are values; an exception is a broken invariant. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { Graph, GraphStatus } from "../graph/graph.ts";
import type { Outcome as ApprovalOutcome, Ballot, Voter } from "../guardrails/approval.ts";
import type { Budget } from "../guardrails/budget.ts";
import type { Amounts } from "../guardrails/measure.ts";
import type { Family } from "../metrics/family.ts";
import type { MirrorSettings, MirrorView } from "../mirror/settings.ts";
import type { MirrorRpc } from "../mirror/state.ts";
import type { Rejection } from "../rejection.ts";
import type { Result } from "../result.ts";
import type { ExecutionTopic, Kind, Topic } from "../topics/topics.ts";
import type { PolicyRpc } from "./policy-rpc.ts";
import type { LifetimeStatus } from "./status.ts";

export type Answer<T> = Result<T, Rejection>;

/** What the object has cost since it started. */
export interface Counters {
  /** Calls of the object, alarms included. */
  readonly requests: number;
  readonly commits: number;
  /** Calls of executors. */
  readonly rpcs: number;
  /** Written to the object's SQLite, index entries included. */
  readonly rows: number;
  readonly flushes: number;
  /** Written to D1, index entries included. */
  readonly d1_rows: number;
  /** Inputs that no code at their executor had the node for, each time that they were sent. */
  readonly executor_missing: number;
  /** Records that D1 does not have yet, at the most; and the bytes of their messages. */
  readonly backlog: number;
  readonly backlog_bytes: number;
  /** Of the object's storage, when it was last looked at. */
  readonly storage_bytes: number;
  /** Who follow events now, of the tenant or of a lifetime. */
  readonly stream_readers: number;
}

/** Which object is meant; it checks that it is that one. */
export interface Address {
  readonly tenant: string;
  readonly partition: number;
}

/** What was paused, why and since when. */
export interface PausedView {
  readonly reason: string;
  /** The name of the credential that asked for it, where somebody did. */
  readonly by?: string;
  readonly since: string;
}

export interface TenantView {
  readonly tenant: string;
  readonly status: "ACTIVE" | "DELETING";
  /** Counts how often a tenant of this name was provisioned; nothing of an older one can come back. */
  readonly generation: number;
  readonly created_at: string;
  /** Where the tenant has set its own. */
  readonly log_retention_ms?: number;
  readonly mirror?: MirrorView;
  readonly paused?: PausedView;
}

/** What is left out stays as it is. */
export interface TenantSettings {
  /** How long records stay in the log after the end of their lifetime. */
  readonly logRetentionMs?: number;
  /** What goes to Kafka and comes from there; what is left out stays as it is. */
  readonly mirror?: Partial<MirrorSettings>;
}

export interface GraphView {
  readonly graph: string;
  readonly version: number;
  readonly status: GraphStatus;
  /** SHA-256 of the canonical document, hex. */
  readonly hash: string;
  readonly created_at: string;
  /** The graph, in all of its versions. */
  readonly paused?: PausedView;
}

export interface GraphDetail extends GraphView {
  readonly document: JsonObject;
  /** The text that it was registered from. */
  readonly source?: { readonly language: "dot"; readonly text: string };
}

/** Amounts by measure; without what was spent where each lifetime has its own account. */
export interface BudgetView
  extends Pick<Budget, "scope" | "graph" | "node" | "window" | "limits" | "over" | "thresholds"> {
  readonly budget: string;
  readonly created_at: string;
  readonly spent?: Amounts;
  readonly reserved?: Amounts;
  readonly overrun?: Amounts;
  readonly window_ends_at?: string;
  readonly runs_out_at?: string;
}

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

export interface TopicRecord {
  readonly offset: number;
  /** Milliseconds since the epoch at which it was appended. */
  readonly at: number;
  readonly key: string;
  /** The protobuf message of the topic, encoded. */
  readonly value: Uint8Array;
  /** Of an execution: the deployment whose code ran it, where that is known. */
  readonly executorVersion?: string;
}

export interface TopicPage {
  readonly records: readonly TopicRecord[];
  /** Where to read on; offsets of one topic rise but are not dense. */
  readonly nextOffset: number;
  readonly firstOffset: number;
}

/** What became of a message that somebody produced. */
export type Disposition =
  | { readonly outcome: "recorded"; readonly exec_id: string; readonly offset: number }
  | { readonly outcome: "stray"; readonly reason: StrayReason; readonly exec_id: string }
  | { readonly outcome: "dead_letter"; readonly reason: DeadLetterReason }
  | { readonly outcome: "ignored"; readonly reason: IgnoredReason };

/** Why something from Kafka is not even kept. */
export const IGNORED_REASONS = [
  /** This deployment has written it. */
  "echo",
  /** It was taken in before: what is below a mark, and what starts a lifetime that is there. */
  "redelivered",
  "duplicate",
  /** It matches nothing here, and is another deployment's to take. */
  "not_ours",
  /** The tenant takes nothing in of its topic. */
  "disabled",
] as const;
export type IgnoredReason = (typeof IGNORED_REASONS)[number];

/** An answer that came, was understood, and is not the one that counts. */
export type StrayReason = "late" | "duplicate" | "unknown" | "unfinished";
/** A message that nothing can be done with, kept for people. */
export const DEAD_LETTER_REASONS = [
  "undecodable",
  "uncorrelated",
  "wrong_tenant",
  "internal",
  /** In the log, and refused by D1. */
  "unprojectable",
  /** In the log, and refused by Kafka. */
  "undeliverable",
  /** A start from Kafka of a graph that is not there, or not active. */
  "graph_not_found",
  /** One that does not say of which graph. */
  "ambiguous_graph",
  /** A start from Kafka whose answer could not be told by its parents. */
  "uncorrelatable",
] as const;
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number];

export interface StrayView {
  readonly id: number;
  readonly reason: StrayReason;
  readonly received_at: string;
  readonly kind: Kind;
  readonly message: Uint8Array;
}

export interface DeadLetterView {
  readonly id: number;
  readonly reason: DeadLetterReason;
  readonly detail: string;
  readonly received_at: string;
  readonly topic: string;
  /** Where it is in Kafka, if it came from there. */
  readonly partition?: number;
  readonly offset?: number;
  readonly message: Uint8Array;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Pass it back as `after` for the next page; absent on the last. */
  readonly next?: number;
}

export interface StreamRequest {
  /** The whole tenant where absent. */
  readonly lifetime?: string;
  /** The last offset that has been seen. Where absent: a lifetime from its start, the tenant from now on. */
  readonly after?: number;
}

export interface TenantRpc extends PolicyRpc, MirrorRpc {
  provision(address: Address, settings?: TenantSettings): Promise<Answer<TenantView & { created: boolean }>>;
  describe(): Promise<Answer<TenantView>>;
  /** Refuses what comes from now on, and deletes everything, in slices if it is much. */
  remove(): Promise<Answer<TenantView>>;

  /** The same graph again answers the version that it has; NEW unless activated. */
  registerGraph(request: {
    graph: Graph;
    source?: { language: "dot"; text: string };
    activate: boolean;
  }): Promise<Answer<GraphView & { created: boolean }>>;
  /** The newest version of each graph, by name, after the given name. */
  listGraphs(request: { after: string; limit: number }): Promise<Answer<readonly GraphView[]>>;
  /** All versions of one graph, newest first. */
  listVersions(graph: string): Promise<Answer<readonly GraphView[]>>;
  getGraph(graph: string, version?: number): Promise<Answer<GraphDetail>>;
  /** One version, or all of them. */
  setGraphStatus(request: {
    graph: string;
    version?: number;
    status: "ACTIVE" | "ARCHIVED";
  }): Promise<Answer<readonly GraphView[]>>;

  /** Other limits go on from what was counted; another scope or window begins anew. */
  putBudget(budget: Omit<Budget, "id" | "createdAt">): Promise<Answer<BudgetView & { created: boolean }>>;
  getBudget(name: string): Promise<Answer<BudgetView>>;
  listBudgets(): Promise<Answer<readonly BudgetView[]>>;
  removeBudget(name: string): Promise<Answer<void>>;

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
  /** Likewise, for all lifetimes of a graph; they learn of it soon, and issue nothing from now on. */
  pauseGraph(graph: string, detail: string, by?: string): Promise<Answer<readonly GraphView[]>>;
  resumeGraph(graph: string, by?: string): Promise<Answer<readonly GraphView[]>>;
  pauseTenant(detail: string, by?: string): Promise<Answer<TenantView>>;
  resumeTenant(by?: string): Promise<Answer<TenantView>>;

  /** TaskResult of the execution at an offset, encoded. */
  getResult(offset: number): Promise<Answer<Uint8Array>>;
  /** Of one that has ended: its records, its rows and its blobs. */
  removeLifetime(lifetime: string): Promise<Answer<void>>;

  produce(topic: ExecutionTopic, message: Uint8Array): Promise<Answer<Disposition>>;
  readTopic(request: {
    topic: Topic;
    offset: number;
    limit: number;
    waitMs: number;
  }): Promise<Answer<TopicPage>>;
  listStrays(request: { after: number; limit: number }): Promise<Answer<Page<StrayView>>>;
  listDeadLetters(request: { after: number; limit: number }): Promise<Answer<Page<DeadLetterView>>>;

  /**
   * Server-sent events: of a POST with a StreamRequest. 204 where everything has been seen already, a Rejection with
   * 400. Not a call as the others, because a stream that RPC carries waits for a round trip with each piece of it.
   */
  fetch(request: Request): Promise<Response>;

  counters(): Promise<Answer<Counters>>;
  /** What it has seen since it started, and how it stands. */
  metrics(): Promise<Answer<readonly Family[]>>;
  /** Settles when D1 has everything that was in the log at the time of the call. */
  projected(): Promise<Answer<{ offset: number; generation: number }>>;
  /** Resumes what a lost alarm left lying. */
  wake(): Promise<void>;
}
