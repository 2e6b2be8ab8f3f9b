/**
 * Where a lifetime that has not ended stands: PAUSED while something holds it, WAITING while every outstanding
 * input waits for something outside, else RUNNING. Derived from the state at the end of every step, and
 * nowhere else; a record tells of a move, and of another reason to be PAUSED, but not of the first move to
 * RUNNING, which its start tells.
 */

import { isoOf } from "../wire/timestamp.ts";
import { append, type Draft, move } from "./draft.ts";
import { isSameHold } from "./holds.ts";
import type { Head, Hold, Lifetime, Member } from "./lifetime.ts";
import type { LifetimeStatus } from "./status.ts";

/** Looking through more of them with every step would cost more than a restart does. */
const MEMBERS_LOOKED_AT = 64;

export interface StandingReason {
  readonly code: `${Hold["scope"]}_paused` | "waiting";
  readonly detail: string;
}

export const statusOf = (
  { waiting, outstanding }: Head,
  holds: readonly Hold[] | undefined,
): LifetimeStatus => {
  if (holds !== undefined && holds.length > 0) return "PAUSED";
  return waiting !== undefined && waiting === outstanding ? "WAITING" : "RUNNING";
};

/** Whether an input may be at an executor: never false where one is, seldom true where none is. */
export const mayBeOut = ({ head: { waiting = 0, outstanding, holds }, members }: Lifetime): boolean => {
  if (waiting === outstanding) return false;
  // Looked through only where a pause is likely to hold all else, and only few that are paused are large.
  if (holds === undefined || members.size > MEMBERS_LOOKED_AT) return true;
  for (const [, { phase }] of members.entries()) if (phase === "issued") return true;
  return false;
};

/** Why it is PAUSED or WAITING; undefined while it is neither. */
export const reasonOf = (
  { head, members }: Lifetime,
  holds: readonly Hold[] | undefined,
): StandingReason | undefined => {
  const [hold] = holds ?? [];
  if (hold) return { code: `${hold.scope}_paused`, detail: hold.detail };
  if (statusOf(head, holds) !== "WAITING") return undefined;
  const waiting = [...members.entries()].filter(([, member]) => isWaiting(member));
  const [first] = waiting.sort(([a], [b]) => a - b).map(([, member]) => waitOf(member));
  const others = waiting.length > 1 ? `, and ${waiting.length - 1} more` : "";
  return { code: "waiting", detail: `${first}${others}` };
};

const waitOf = ({ node, waits, approval }: Member): string => {
  if (approval) return `${node} waits for an answer of ${approval.who.join(" or ")}`;
  if (waits?.signal !== undefined) return `${node} waits for signal ${JSON.stringify(waits.signal)}`;
  return waits?.until === undefined ? `${node} waits` : `${node} waits until ${isoOf(waits.until)}`;
};

/** For something outside: a signal, time, or people. */
export const isWaiting = ({ phase, held }: Member): boolean =>
  phase === "waiting" || (phase === "held" && held?.cause === "approval");

/** An input waits for something outside from now on. */
export const waitBegins = ({ lifetime: { head } }: Draft): void => {
  head.waiting = (head.waiting ?? 0) + 1;
};

/** Whatever became of an input, it waits no more. */
export const waitEnds = ({ lifetime: { head } }: Draft, member: Member): void => {
  if (head.waiting === undefined || !isWaiting(member)) return;
  if (head.waiting > 1) head.waiting--;
  else delete head.waiting;
};

/** `before` is the head as the step found it: of two pauses one may have been lifted, and the other be the reason. */
export const settleStatus = (draft: Draft, before: Head | undefined): void => {
  const { head } = draft.lifetime;
  if (head.endedAt !== undefined) return;
  const from = head.status;
  const status = statusOf(head, head.holds);
  if (status === from && isSameHold(head.holds?.[0], before?.holds?.[0])) return;
  // What the log answers in this very turn may end the wait.
  if (status !== from && draft.effects.some(({ type }) => type === "recall")) return;
  if (status !== from) {
    move(draft, status);
    if (status === "RUNNING") delete head.since;
    else head.since = draft.at;
  }
  if (from === "QUEUED" && status === "RUNNING") return;
  const reason = reasonOf(draft.lifetime, head.holds);
  append(draft, { type: "lifetime_status", lifetime: head.id, status, ...(reason && { reason }) });
};
