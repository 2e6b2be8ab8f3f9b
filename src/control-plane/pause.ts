/**
 * Pausing holds, it does not drop: what is issued runs on, what would follow is held until nothing pauses the
 * lifetime any more. A lifetime may be paused by itself, by its graph and by its tenant at once; of the latter
 * two it learns with whatever happens to it next. Its own deadline stops meanwhile, unless the graph says otherwise.
 */
import type { Draft } from "./draft.ts";
import { stillOverBudget } from "./guard.ts";
import { isSameHold } from "./holds.ts";
import { heldFor, release } from "./issue.ts";
import { type Head, type Hold, NEVER } from "./lifetime.ts";

/** Everything that pauses a lifetime, whether it knows already or not. */
export const holdsOf = ({ holds }: Head, tenantwide: readonly Hold[] = []): readonly Hold[] => [
  ...(holds?.filter(isOwn) ?? []),
  ...tenantwide,
];

/** Of the lifetime itself, and not of others too. */
const isOwn = ({ scope }: Hold): boolean => scope === "lifetime" || scope === "budget";

/** Whether a lifetime knows what pauses its graph and its tenant. */
export const isAligned = (head: Head, tenantwide: readonly Hold[] | undefined): boolean => {
  const { holds } = head;
  if (holds === undefined) return tenantwide === undefined;
  const next = holdsOf(head, tenantwide);
  return next.length === holds.length && next.every((hold) => holds.some((each) => isSameHold(each, hold)));
};

export const align = (draft: Draft, tenantwide: readonly Hold[] | undefined): void => {
  const { head } = draft.lifetime;
  if (!isAligned(head, tenantwide)) setHolds(draft, holdsOf(head, tenantwide));
};

/** Pausing what is paused changes nothing: the first reason stays. */
export const pause = (draft: Draft, detail: string, by?: string): void => {
  const { holds = [] } = draft.lifetime.head;
  if (holds.some(({ scope }) => scope === "lifetime")) return;
  const hold: Hold = { scope: "lifetime", detail, since: draft.at, ...(by !== undefined && { by }) };
  setHolds(draft, [hold, ...holds]);
};

/** Budgets are asked again by this: what they have no room for yet is held again. */
export const resume = (draft: Draft): void => {
  lift(draft, isOwn);
  const { head } = draft.lifetime;
  if (head.holds)
    head.holds = head.holds.map((hold) =>
      hold.scope === "lifetime" ? { ...hold, detail: `${hold.detail}${ASKED_AGAIN}` } : hold,
    );
};

/** Who resumes learns why nothing goes on: only a policy pauses again what was resumed just now. */
const ASKED_AGAIN =
  " (it was resumed, and this policy, asked again, has paused it again: change or delete the policy, or let it observe, and resume once more; or cancel the lifetime)";

/** Until there is room again: it is looked for at `until`, and whenever budgets change. */
export const pauseForBudget = (draft: Draft, detail: string, until: number | undefined): void => {
  const { head } = draft.lifetime;
  const hold: Hold = { scope: "budget", detail, since: draft.at, ...(until !== undefined && { until }) };
  if (until !== undefined) head.due = Math.min(head.due, until);
  setHolds(draft, [...(head.holds ?? []), hold]);
};

export const isOverBudget = ({ holds }: Head): boolean => holds?.some(isOfBudget) === true;

/** What a budget had no room for is asked for once more. */
export const askBudgetsAgain = (draft: Draft): void => {
  const { head } = draft.lifetime;
  const before = head.holds?.find(isOfBudget);
  if (before === undefined) return;
  const { since } = before;
  const still = stillOverBudget(draft, heldFor(draft, "paused"), since);
  if (still) {
    const { until: _, ...hold } = before;
    setBudgetHold(draft, still.until === undefined ? hold : { ...hold, until: still.until });
    return;
  }
  lift(draft, isOfBudget);
  const again = head.holds?.find(isOfBudget);
  if (again) setBudgetHold(draft, { ...again, since });
};

const setBudgetHold = ({ lifetime: { head } }: Draft, budget: Hold): void => {
  head.holds = (head.holds ?? []).map((hold) => (isOfBudget(hold) ? budget : hold));
  if (budget.until !== undefined) head.due = Math.min(head.due, budget.until);
};

const isOfBudget = ({ scope }: Hold): boolean => scope === "budget";

const lift = (draft: Draft, which: (hold: Hold) => boolean): void => {
  const { holds } = draft.lifetime.head;
  if (holds !== undefined)
    setHolds(
      draft,
      holds.filter((hold) => !which(hold)),
    );
};

const setHolds = (draft: Draft, holds: readonly Hold[]): void => {
  const { head } = draft.lifetime;
  if (holds.length > 0) {
    if (head.holds === undefined) stopDeadline(draft, holds);
    head.holds = holds;
    return;
  }
  delete head.holds;
  if (head.left !== undefined) {
    head.deadline = draft.at + head.left;
    head.due = Math.min(head.due, head.deadline);
    delete head.left;
  }
  release(draft, "paused");
};

/** As of when the pause was asked for: a lifetime may learn of it only later. */
const stopDeadline = (draft: Draft, holds: readonly Hold[]): void => {
  const { head } = draft.lifetime;
  if (draft.graph.graph.bounds.timeoutWhilePaused) return;
  const since = Math.max(head.startedAt, Math.min(...holds.map((each) => each.since)));
  head.left = Math.max(0, head.deadline - since);
  head.deadline = NEVER;
};
