/** Takes inputs back that nobody waits for any more. */
import { WITHDRAWN_RANGES_MAX } from "../limits.ts";
import { withdrawApproval } from "./approval-record.ts";
import type { Draft } from "./draft.ts";
import type { Head, Member } from "./lifetime.ts";
import { recordOutcome } from "./outcome.ts";
import { reached, release } from "./scopes.ts";
import { waitEnds } from "./standing.ts";

type Inputs = readonly (readonly [number, Member])[];

/**
 * An attempt that is open gets its outcome here, and its executor, if it has one, is told; others need none.
 * What becomes of the members is for the caller.
 */
export const withdraw = (draft: Draft, inputs: Inputs, detail: string): void => {
  const running: number[] = [];
  for (const [n, member] of inputs) {
    withdrawApproval(draft, n, member);
    waitEnds(draft, member);
    if (member.phase !== "issued" && member.phase !== "waiting") continue;
    if (member.phase === "issued") running.push(n);
    recordOutcome(draft, n, member, "canceled", detail);
  }
  if (running.length > 0) draft.effects.push({ type: "withdraw", inputs: running });
};

/** Withdraws open tasks of a lifetime that runs on without them. Their wave is counted by the caller. */
export const withdrawTasks = (draft: Draft, inputs: Inputs, detail: string): void => {
  const { head, members, waves } = draft.lifetime;
  withdraw(draft, inputs, detail);
  for (const [n, member] of inputs) {
    members.delete(n);
    head.outstanding--;
    head.withdrawn = remember(head.withdrawn ?? [], n);
    const scopes = reached(draft, member.node, waves.get(member.wave)?.scopes);
    if (scopes) release(draft, scopes);
  }
};

type Ranges = NonNullable<Head["withdrawn"]>;

/** Neighbours share a range, and the oldest is forgotten: what answers it then counts as a duplicate. */
const remember = (ranges: Ranges, n: number): Ranges => {
  const last = ranges.at(-1);
  if (last?.[1] === n - 1) return [...ranges.slice(0, -1), [last[0], n]];
  return [...ranges, [n, n] as const].slice(-WITHDRAWN_RANGES_MAX);
};

export const wasWithdrawn = ({ withdrawn }: Head, n: number): boolean =>
  withdrawn?.some(([first, last]) => first <= n && n <= last) ?? false;
