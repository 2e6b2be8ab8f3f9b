/** One lifetime as looking back sees it: what its records have said so far, and where it would have gone otherwise. */

import type { JsonObject } from "@bufbuild/protobuf";
import { BACKTEST_EXECUTIONS_KEPT } from "../limits.ts";
import type { InputRecord, LifetimeStartedRecord, LogRecord } from "../topics/record.ts";
import type { Execution } from "../wire/codec.ts";
import type { ExecutionHeader } from "../wire/gen/escapement/v1/execution_pb.ts";
import { type Amounts, plus } from "./measure.ts";
import type { PolicyAction, PolicyEvent } from "./policy.ts";
import { NOTHING_SPENT, type Repeats, type Spent, type Tally } from "./tally.ts";

export type Decision = PolicyAction | "NONE";

export interface Flip {
  readonly lifetime: string;
  readonly graph: string;
  /** Of the record that was judged. */
  readonly offset: number;
  readonly at: number;
  readonly on: PolicyEvent;
  readonly node?: string;
  readonly input_id: string;
  readonly attempt: number;
  readonly exec_id?: string;
  /** What the policy decides, and what it had decided then. */
  readonly decision: Decision;
  readonly recorded: Decision;
  readonly error?: string;
  readonly read: JsonObject;
  /** Recorded after it. */
  readonly saved: Spent;
}

/** What is judged. */
export interface Asked {
  readonly on: PolicyEvent;
  readonly record: LogRecord;
  readonly header: ExecutionHeader;
  readonly carries: readonly number[];
  readonly withoutResult?: readonly number[];
  readonly parameters?: JsonObject | undefined;
  readonly execution?: Execution;
  readonly issuedAt?: number;
}

/** One lifetime that has not ended, as far as the records go. */
export interface Life {
  readonly id: string;
  readonly graph: string;
  readonly version: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly startedAt: number;
  readonly root: number;
  steps: number;
  readonly iterations: Map<string, bigint>;
  tally: Tally;
  readonly repeats: Map<string, Repeats>;
  /** Attempts that are at work, by input. */
  readonly open: Map<number, InputRecord>;
  /** Offsets of its latest executions. */
  readonly executions: Map<string, number>;
  /** What the policy had decided, by what it was asked about; until that is looked at. */
  readonly verdicts: Map<string, Decision>;
  /** The last input, and where the first that was to be issued with it is. */
  together?: { readonly with: string; readonly from: number };
  /** Inputs that were refused before others were issued that they were judged with; until each is judged. */
  refused?: Asked[];
  flip?: Omit<Flip, "saved">;
  /** Its first flip has been, and there is no other. */
  told?: true;
  saved: Spent;
}

export const newLife = (record: LifetimeStartedRecord): Life => ({
  id: record.lifetime,
  graph: record.graph,
  version: record.version,
  labels: record.labels,
  startedAt: record.at,
  root: record.offset,
  steps: 0,
  iterations: new Map(),
  tally: {},
  repeats: new Map(),
  open: new Map(),
  executions: new Map(),
  verdicts: new Map(),
  saved: NOTHING_SPENT,
});

/** For what is at work, but for what was issued together with the last input. */
export const reservedOf = ({ open, together }: Life): Amounts => {
  let reserved: Amounts = {};
  for (const { estimate, offset } of open.values())
    if (estimate && offset < (together?.from ?? Number.POSITIVE_INFINITY))
      reserved = plus(reserved, estimate);
  return reserved;
};

/** An input of this node was issued, or would have been. */
export const passed = ({ iterations }: Life, { name, iterationIdx }: ExecutionHeader): void => {
  const passes = BigInt(iterationIdx + 1);
  if (passes > (iterations.get(name) ?? 0n)) iterations.set(name, passes);
};

export const remember = (executions: Map<string, number>, id: string, offset: number): void => {
  executions.set(id, offset);
  const [oldest] = executions.keys();
  if (executions.size > BACKTEST_EXECUTIONS_KEPT && oldest !== undefined) executions.delete(oldest);
};
