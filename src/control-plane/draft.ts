/**
 * The working copy of one lifetime during one step: the forked state and the effects so far. Whoever holds
 * it may change it; nothing outside sees it before the step has returned.
 */
import type { GraphIndex } from "../graph/lookup.ts";
import type { Guard } from "../guardrails/guard.ts";
import type { LogRecord } from "../topics/record.ts";
import { counted } from "./counting.ts";
import type { Effect } from "./effect.ts";
import type { Moment } from "./event.ts";
import { forkLifetime, type Lifetime, type Member } from "./lifetime.ts";
import { type LifetimeStatus, mayMove } from "./status.ts";

/** A record before it has its place. */
export type Unplaced = LogRecord extends infer R
  ? R extends LogRecord
    ? Omit<R, "offset" | "at">
    : never
  : never;

export interface Draft {
  readonly lifetime: Lifetime;
  readonly graph: GraphIndex;
  readonly at: number;
  readonly effects: Effect[];
  /** Keys of the gatherings that nothing open leads to any more; they are looked at when the step is done. */
  readonly quiet: string[];
  tail: number;
  /** What has to allow what is to follow; the answers are asked for in guard.ts alone. */
  readonly guard?: Guard;
}

export const draftOf = (from: Lifetime, graph: GraphIndex, moment: Moment): Draft => ({
  lifetime: forkLifetime(from),
  graph,
  at: moment.at,
  effects: [],
  quiet: [],
  tail: moment.tail,
  ...(moment.guard && { guard: moment.guard }),
});

/** Appends to the log and answers the offset. */
export const append = (draft: Draft, record: Unplaced): number => {
  const offset = draft.tail++;
  const placed = { ...record, offset, at: draft.at } as LogRecord;
  draft.effects.push({ type: "append", record: placed });
  if (draft.guard) counted(draft, placed);
  return offset;
};

export const move = (draft: Draft, to: LifetimeStatus): void => {
  const { head } = draft.lifetime;
  if (!mayMove(head.status, to))
    throw new Error(`lifetime ${head.id} cannot move from ${head.status} to ${to}`);
  head.status = to;
};

/** The members as they are now, in the order of issue; one that another takes along before its turn is passed over. */
export function* inOrder({ lifetime: { members } }: Draft): Generator<[number, Member]> {
  for (const [n, member] of [...members.entries()].sort(([a], [b]) => a - b))
    if (members.get(n) !== undefined) yield [n, member];
}

export const memberOf = (draft: Draft, n: number): Member => {
  const member = draft.lifetime.members.get(n);
  if (member === undefined) throw new Error(`lifetime ${draft.lifetime.head.id} has no open input ${n}`);
  return member;
};
