/** What the tenant object answers over RPC. Refusals are values; an exception is a broken invariant. */
import type { Family } from "../metrics/family.ts";
import type { MirrorSettings, MirrorView } from "../mirror/settings.ts";
import type { MirrorRpc, TopicsChoice } from "../mirror/state.ts";
import type { Rejection } from "../rejection.ts";
import type { Result } from "../result.ts";
import type { BudgetRpc } from "./budget-rpc.ts";
import type { GraphRpc } from "./graph-rpc.ts";
import type { LifetimeRpc } from "./lifetime-rpc.ts";
import type { PolicyRpc } from "./policy-rpc.ts";
import type { TopicRpc } from "./topic-rpc.ts";

export type * from "./budget-rpc.ts";
export * from "./disposition.ts";
export type * from "./graph-rpc.ts";
export type * from "./lifetime-rpc.ts";
export type * from "./topic-rpc.ts";

export type Answer<T> = Result<T, Rejection>;

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
  /** Its topics in Kafka go with it: it is gone once a bridge has deleted them. */
  readonly topics?: "delete";
}

/** What is left out stays as it is. */
export interface TenantSettings {
  /** How long records stay in the log after the end of their lifetime. */
  readonly logRetentionMs?: number;
  /** What goes to Kafka and comes from there; what is left out stays as it is. */
  readonly mirror?: Partial<MirrorSettings>;
}

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

export interface StreamRequest {
  /** The whole tenant where absent. */
  readonly lifetime?: string;
  /** The last offset that has been seen. Where absent: a lifetime from its start, the tenant from now on. */
  readonly after?: number;
}

export interface TenantRpc extends GraphRpc, BudgetRpc, PolicyRpc, LifetimeRpc, TopicRpc, MirrorRpc {
  provision(address: Address, settings?: TenantSettings): Promise<Answer<TenantView & { created: boolean }>>;
  describe(): Promise<Answer<TenantView>>;
  /** Refuses what comes from now on, and deletes everything, in slices if it is much. */
  remove(topics?: TopicsChoice): Promise<Answer<TenantView>>;
  /** All its lifetimes learn of it soon, and issue nothing from now on. */
  pauseTenant(detail: string, by?: string): Promise<Answer<TenantView>>;
  resumeTenant(by?: string): Promise<Answer<TenantView>>;

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
