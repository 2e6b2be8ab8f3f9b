/** Time is an event: leases that ended, waits and backoffs that are over, and the deadline of the lifetime. */
import { settle } from "./answer.ts";
import { approvalDue } from "./approvals.ts";
import { type Draft, inOrder } from "./draft.ts";
import { end } from "./ending.ts";
import { attempt, nextAttempt, resend } from "./issue.ts";
import { NEVER } from "./lifetime.ts";
import { recordOutcome } from "./outcome.ts";
import { askBudgetsAgain } from "./pause.ts";
import { isWaiting } from "./standing.ts";
import { waitDue } from "./wake.ts";

const isOpen = (draft: Draft): boolean => draft.lifetime.head.endedAt === undefined;

/** No timer fires early (I11): what is not due yet is left, and `due` is set to the earliest of it. */
export const timePassed = (draft: Draft): void => {
  const { head } = draft.lifetime;
  if (draft.at >= head.deadline) {
    end(draft, "FAILED", {
      code: "lifetime_timed_out",
      detail: `not done within ${draft.graph.graph.bounds.timeoutMs} ms; the graph's timeout sets this`,
    });
    return;
  }
  if (head.holds?.some(({ until = NEVER }) => until <= draft.at)) askBudgetsAgain(draft);
  if (!isOpen(draft)) return;
  for (const [n, member] of inOrder(draft)) {
    if (member.phase === "done" || member.due > draft.at) continue;
    if (member.phase === "backoff") {
      attempt(draft, [[n, nextAttempt(member)]]);
      if (!isOpen(draft)) return;
      continue;
    }
    if (isWaiting(member)) {
      if (member.approval) approvalDue(draft, n, member, member.approval);
      else waitDue(draft, n, member);
      if (!isOpen(draft)) return;
      continue;
    }
    if (member.missing?.asleep) {
      resend(draft, n, member);
      continue;
    }
    draft.effects.push({ type: "withdraw", inputs: [n] });
    const detail = `no answer within ${draft.graph.node(member.node).timeoutMs} ms`;
    const recorded = recordOutcome(draft, n, member, "timed_out", detail);
    settle(draft, n, member, { ...recorded, expired: true });
    if (!isOpen(draft)) return;
  }
  head.due = Math.min(head.deadline, ...(head.holds ?? []).map(({ until = NEVER }) => until));
  for (const [, member] of draft.lifetime.members.entries())
    if (member.phase !== "done") head.due = Math.min(head.due, member.due);
};
