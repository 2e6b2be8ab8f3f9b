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
  readonly partitions: readonly Mark[];
}

/** Inputs of a node that executors elsewhere have, and have not answered. */
export interface OpenInputs {
  readonly graph: string;
  readonly kind: Kind;
  readonly node: string;
  readonly inputs: number;
}

export interface MirrorRpc {
  mirror(): Promise<Result<MirrorState, Rejection>>;
  /** Of nodes that executors elsewhere run. */
  openElsewhere(): Promise<Result<readonly OpenInputs[], Rejection>>;
  /** The topic of this partition was made anew: it is taken from its beginning. */
  renewPartition(topic: Topic, partition: number): Promise<Result<Mark, Rejection>>;
}
