/** What a turn may ask of the storage, all of it synchronous; and what it asks to be written, in one transaction. */

import type { NodeSpec } from "../executor/dispatch.ts";
import type { GraphIndex } from "../graph/lookup.ts";
import type { StoredGuard } from "../guardrails/guard.ts";
import type { Mark } from "../mirror/mark.ts";
import type { LogRecord } from "../topics/record.ts";
import type { Kind } from "../topics/topics.ts";
import type { DeadLetterReason, StrayReason } from "./disposition.ts";
import type { Holds } from "./holds.ts";
import type { Lifetime } from "./lifetime.ts";

/** What remains of a lifetime that has ended. */
export interface Tombstone {
  readonly id: string;
  readonly started: number;
  /** Offset of its lifetime_ended record. */
  readonly ended: number;
}

export interface IdempotencyEntry {
  readonly key: string;
  readonly bodyHash: string;
  readonly lifetime: string;
  /** Milliseconds since the epoch; where absent it is kept for as long as anything of its lifetime. */
  readonly expiresAt?: number;
}

export interface Store {
  /** The first free position of the log. */
  tail(): number;
  lifetime(id: string): Lifetime | Tombstone | undefined;
  /** The last state of a lifetime that has failed, if it is kept for a retry. */
  failed(id: string): Lifetime | undefined;
  graph(name: string, version: number): GraphIndex;
  idempotency(key: string): IdempotencyEntry | undefined;
  /** What pauses the tenant and its graphs. */
  holds(): Holds;
  /** What guards the tenant; undefined, in most, where nothing does. */
  guard(): StoredGuard | undefined;
  record(offset: number): LogRecord | undefined;
  /** Of the deployment that decides in the turn. */
  readonly version?: string;
  /** The tasks that a plan launches if the control plane can tell by itself; undefined is for its executor. */
  decide(spec: NodeSpec, iteration: number): readonly string[] | undefined;
  /** Inputs of this node that run elsewhere, oldest first; among them all open ones whose parents are exactly these. */
  openInputs(
    kind: Kind,
    node: string,
    parents: readonly string[],
  ): readonly { lifetime: string; n: number }[];
}

export interface Stray {
  readonly at: number;
  readonly reason: StrayReason;
  readonly kind: Kind;
  readonly message: Uint8Array;
}

export interface DeadLetter {
  readonly at: number;
  readonly reason: DeadLetterReason;
  readonly detail: string;
  readonly topic: string;
  readonly message: Uint8Array;
  /** Where it is in Kafka, if it came from there; without a partition, where it is in the log. */
  readonly from?: { readonly partition: number | null; readonly offset: number };
}

/** Everything that one transaction writes. */
export interface Writes {
  readonly records: readonly LogRecord[];
  readonly lifetimes: readonly Lifetime[];
  readonly idempotency: readonly IdempotencyEntry[];
  readonly strays: readonly Stray[];
  readonly deadLetters: readonly DeadLetter[];
  /** How far partitions of Kafka are taken in, if that has changed. */
  readonly marks?: readonly Mark[];
  /** What pauses the tenant and its graphs, if that has changed. */
  readonly holds?: Holds;
  /** What guards the tenant, if that has changed. */
  readonly guard?: StoredGuard;
}
