/** How the mirror of a tenant stands, and what is asked of it beside the protocol of bridges. */
import type { Rejection } from "../rejection.ts";
import type { Result } from "../result.ts";
import type { Kind, Topic } from "../topics/topics.ts";
import type { Mark } from "./mark.ts";

export interface MirrorState {
  readonly deployment: string;
  /** Bridges that are connected. */
  readonly connections: number;
  /** Who sends the log to Kafka. */
  readonly lease?: { readonly holder: string; readonly epoch: number };
  /** The last log offset that Kafka has, and how many records of the log there are after it. */
  readonly acknowledged: number;
  readonly lag: number;
  readonly gap?: MirrorGap;
  readonly partitions: readonly Mark[];
}

/** Log offsets that Kafka was not waited for, the last time that there were any: what was trimmed of them it never gets. */
export interface MirrorGap {
  readonly from: number;
  readonly to: number;
  /** Whether it has what was left of them. */
  readonly passed: boolean;
}

/** Inputs of a node that executors elsewhere have, and have not answered. */
export interface OpenInputs {
  readonly graph: string;
  readonly kind: Kind;
  readonly node: string;
  readonly inputs: number;
}

/** What becomes of the topics in Kafka of a tenant that is deleted. */
export type TopicsChoice = "delete" | "keep";

/** They are one bridge's to delete, for so long. */
export interface TopicClaim {
  readonly tenant: string;
  readonly generation: number;
  readonly lasts_ms: number;
}

export interface MirrorRpc {
  mirror(): Promise<Result<MirrorState, Rejection>>;
  /** Of nodes that executors elsewhere run. */
  openElsewhere(): Promise<Result<readonly OpenInputs[], Rejection>>;
  /** The topic of this partition was made anew: it is taken from its beginning. */
  renewPartition(topic: Topic, partition: number): Promise<Result<Mark, Rejection>>;
  claimTopics(bridge: string): Promise<Result<TopicClaim, Rejection>>;
  /** They are gone, as its claim had it: now the tenant is. */
  topicsDeleted(bridge: string): Promise<Result<void, Rejection>>;
}
