/**
 * Attempts that were sent and are at no executor. A lost attempt is no attempt: the same one is sent again.
 *
 * 1. An executor that vanishes is given REDISPATCHES_MAX more chances; what kills each is likely the input.
 * 2. A deploy or an eviction takes all calls with it, whoever is to blame, so those are counted apart.
 * 3. A node that no deployed code has has not begun: it waits, by itself, as long as its lifetime may last.
 */
import { MISSING_WAIT_MS_MAX, MISSING_WAIT_MS_MIN, REDISPATCHES_MAX, RESTARTS_MAX } from "../limits.ts";
import { settle } from "./answer.ts";
import { type Draft, inOrder } from "./draft.ts";
import type { DispatchLost, ExecutorMissing } from "./event.ts";
import { put, resend } from "./issue.ts";
import type { Member } from "./lifetime.ts";
import { recordOutcome } from "./outcome.ts";

export const dispatchLost = (draft: Draft, { inputs }: DispatchLost): void => {
  for (const [n, member] of sent(draft, inputs)) {
    if (member.resent < REDISPATCHES_MAX) resend(draft, n, { ...member, resent: member.resent + 1 });
    else giveUp(draft, n, member, `its executor vanished ${REDISPATCHES_MAX + 1} times`);
    if (draft.lifetime.head.endedAt !== undefined) return;
  }
};

/** What runs elsewhere was not called, so nothing of it is lost. */
export const restarted = (draft: Draft): void => {
  for (const [n, member] of inOrder(draft)) {
    if (member.phase !== "issued" || draft.graph.node(member.node).executor !== undefined) continue;
    const restarts = (member.restarts ?? 0) + 1;
    if (member.missing?.asleep) resend(draft, n, member);
    else if (restarts <= RESTARTS_MAX) resend(draft, n, { ...member, restarts });
    else
      giveUp(draft, n, member, `the control plane was started anew ${restarts} times while it was at work`);
    if (draft.lifetime.head.endedAt !== undefined) return;
  }
};

/** Each wait is as long as it has been missing so far, within bounds; a restart, as by a deploy, cuts it short. */
export const executorMissing = (draft: Draft, { inputs }: ExecutorMissing): void => {
  for (const [n, member] of sent(draft, inputs)) {
    const since = member.missing?.since ?? draft.at;
    const wait = Math.min(MISSING_WAIT_MS_MAX, Math.max(MISSING_WAIT_MS_MIN, draft.at - since));
    put(draft, n, { ...member, missing: { since, asleep: true }, due: draft.at + wait });
  }
};

const giveUp = (draft: Draft, n: number, member: Member, detail: string): void =>
  settle(draft, n, member, recordOutcome(draft, n, member, "executor_unavailable", detail));

/** Those of the attempts that are still open, in the order of issue. */
function* sent(draft: Draft, inputs: DispatchLost["inputs"]): Generator<[number, Member]> {
  const attempts = new Map(inputs.map((each) => [each.n, each.attempt]));
  for (const [n, member] of inOrder(draft))
    if (member.phase === "issued" && attempts.get(n) === member.attempt) yield [n, member];
}
