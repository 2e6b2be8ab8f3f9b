/**
 * The one place where a step asks what guards its tenant: before inputs are issued, all that are to be issued at
 * once; before later attempts, and what was held, likewise; and when an execution has arrived.
 *
 * 1. Nothing is issued that was not allowed in the transaction that issues it (I2).
 * 2. What is refused is a member before it is refused, as what else was to be issued with it: its outcome may end
 *    the wave, or the lifetime, that they belong to.
 */
import { ALLOW, type GuardAnswer, type Reject } from "../guardrails/answer.ts";
import type { Execution } from "../wire/codec.ts";
import { settle } from "./answer.ts";
import { holdForApproval } from "./approvals.ts";
import { type Draft, memberOf } from "./draft.ts";
import { end } from "./ending.ts";
import { type Attempt, type Attempts, hold, open } from "./issue.ts";
import type { Member } from "./lifetime.ts";
import { recordOutcome } from "./outcome.ts";
import { pause, pauseForBudget } from "./pause.ts";
import { type OverBudget, refusedFor, reserveFor } from "./reserve.ts";
import { judgeExecution, judgeInputs } from "./verdicts.ts";

/** Issues what is allowed of these attempts, and does with the others what the answers say. */
export const allowed = (draft: Draft, attempts: Attempts): void => {
  const answers = judgeInputs(draft, attempts);
  const asked = attempts.map(([n, what], i) => ({ n, what, answer: answers[i] ?? ALLOW }));
  const abort = answers.find(({ action }) => action === "abort");
  if (abort) {
    abortLifetime(draft, abort);
    return;
  }
  for (const answer of answers) if (answer.action === "pause") pause(draft, answer.detail);
  const { head, members } = draft.lifetime;
  const rejected = asked.filter(({ answer }) => answer.action === "reject");
  if (rejected.length > 0 || head.holds !== undefined)
    for (const { n, what } of asked) hold(draft, n, what, { cause: "paused" });
  for (const { n, answer } of rejected) {
    // Its wave may have done without it, once another was refused.
    if (members.get(n)?.phase === "held") reject(draft, n, answer as Reject);
    if (head.endedAt !== undefined) return;
  }
  if (head.holds !== undefined) return;
  const free: (readonly [number, Attempt])[] = [];
  for (const { n, what, answer } of asked) {
    if (rejected.length > 0 && members.get(n)?.phase !== "held") continue;
    if (answer.action === "approve") holdForApproval(draft, n, what, answer);
    else free.push([n, what]);
  }
  if (draft.guard?.ledger) openReserved(draft, free);
  else for (const [n, what] of free) open(draft, n, what);
};

const wavesOf = (attempts: Attempts): readonly Attempts[] => [
  ...Map.groupBy(attempts, ([n, { wave, attempt }]) => (attempt === 1 && wave) || -n).values(),
];

/** Why what was held for want of room would be held again, looked at before policies are asked about any of it. */
export const stillOverBudget = (draft: Draft, attempts: Attempts, since: number): OverBudget | undefined => {
  const [first] = wavesOf(attempts);
  const refusal = first && refusedFor(draft, first, since);
  return refusal?.budget.over === "pause" ? refusal : undefined;
};

/** Each wave is reserved whole, or not at all. */
const openReserved = (draft: Draft, attempts: Attempts): void => {
  const { head, members } = draft.lifetime;
  const waves = wavesOf(attempts);
  let held = false;
  for (const [i, whole] of waves.entries()) {
    if (head.holds !== undefined || head.endedAt !== undefined) return;
    const wave = held ? whole.filter(([n]) => members.get(n)?.phase === "held") : whole;
    const reserved = reserveFor(draft, wave);
    if ("refusal" in reserved) {
      if (!held) for (const [n, what] of waves.slice(i).flat()) hold(draft, n, what, { cause: "paused" });
      held = true;
      overBudget(draft, wave, reserved.refusal);
    } else for (const [i, [n, what]] of wave.entries()) open(draft, n, what, reserved[i]);
  }
};

/** Nothing of them is reserved, so none of them is issued. */
const overBudget = (
  draft: Draft,
  attempts: Attempts,
  { budget: { over }, detail, until }: OverBudget,
): void => {
  const { head, members } = draft.lifetime;
  if (over === "abort") abortLifetime(draft, { action: "abort", by: "budget", detail });
  else if (over === "pause") pauseForBudget(draft, detail, until);
  else
    for (const [n] of attempts) {
      if (members.get(n)?.phase !== "held") continue;
      reject(draft, n, { action: "reject", by: "budget", detail });
      if (head.endedAt !== undefined) return;
    }
};

/** What a policy, or else a budget, says of the execution of an open input, before it is recorded. */
export const askExecution = (draft: Draft, n: number, member: Member, execution: Execution): GuardAnswer =>
  judgeExecution(draft, n, member, execution);

/** Ends the lifetime for what a guard has said of it. */
export const abortLifetime = (draft: Draft, answer: GuardAnswer): void => {
  if (answer.action === "abort")
    end(draft, "FAILED", { code: `${answer.by}_aborted`, detail: answer.detail });
};

const reject = (draft: Draft, n: number, { by, detail }: Reject): void => {
  const member = memberOf(draft, n);
  settle(draft, n, member, recordOutcome(draft, n, member, `${by}_rejected`, detail));
};
