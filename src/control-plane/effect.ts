/** What is asked for by a step; the shell does it, after the commit for all but `append` and `recall`. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Allowance } from "../executor/dispatch.ts";
import type { LogRecord } from "../topics/record.ts";
import type { StrayReason } from "./disposition.ts";

/** Part of the transaction: the state and the records are one. */
export interface Append {
  readonly type: "append";
  readonly record: LogRecord;
}

/** Sends an input that is in the log, or is with this commit, to its executor. */
export interface DispatchInput {
  readonly type: "dispatch";
  readonly n: number;
  readonly attempt: number;
  readonly node: string;
  readonly epoch: number;
  /** Of its record in the log. */
  readonly offset: number;
  /** When the lease ends. */
  readonly due: number;
  readonly allowance?: Allowance;
}

/** Asks for what a wait needs of the record at an offset; answered by the turn before it takes in anything else. */
export interface Recall {
  readonly type: "recall";
  readonly n: number;
  readonly attempt: number;
  readonly offset: number;
  /** The input alone, for an approval of it. */
  readonly subject?: true;
  /** The input, where it is not the one that its plan has given. */
  readonly parameters?: JsonObject;
}

/** Running work that nobody waits for any more. */
export interface Withdraw {
  readonly type: "withdraw";
  readonly inputs: readonly number[];
}

export interface SetAside {
  readonly type: "set_aside";
  readonly reason: StrayReason;
}

export interface AnnounceEnd {
  readonly type: "announce_end";
}

export type Effect = Append | DispatchInput | Recall | Withdraw | SetAside | AnnounceEnd;
