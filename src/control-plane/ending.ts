/** The end of a lifetime: what is outstanding is recorded as canceled and withdrawn, and it is announced once. */

import { ERROR_MESSAGE_CHARS_MAX, OUTCOMES_MAX } from "../limits.ts";
import { append, type Draft, move } from "./draft.ts";
import type { Ending, Reason } from "./lifetime.ts";
import { isRetryable, stop } from "./retry.ts";
import { withdraw } from "./withdraw.ts";

type Terminal = "SUCCEEDED" | "FAILED" | "CANCELED";

export const end = (draft: Draft, status: Terminal, reason?: Reason): void => {
  const { head, members, waves, iterations, endings, gatherings, repeats } = draft.lifetime;
  // What a foreign executor says of its failure has no bound of its own.
  const cut = reason && { ...reason, detail: reason.detail.slice(0, ERROR_MESSAGE_CHARS_MAX) };
  const inputs = [...members.entries()].sort(([a], [b]) => a - b);
  withdraw(draft, inputs, reason?.detail ?? "the lifetime ended");

  move(draft, status);
  head.endedAt = draft.at;
  delete head.holds;
  delete head.left;
  delete head.since;
  if (cut) head.reason = cut;
  head.outstanding = 0;
  head.epoch++;
  const outcomes = [...endings.entries()].sort(([a], [b]) => a - b).map(([, ending]) => ending);
  head.ended = append(draft, {
    type: "lifetime_ended",
    lifetime: head.id,
    status,
    ...(cut && { reason: cut }),
    steps: head.steps,
    outcomes,
  });
  if (status === "FAILED" && isRetryable(reason)) stop(draft);
  else {
    members.clear();
    waves.clear();
    iterations.clear();
    gatherings.clear();
    repeats.clear();
  }
  draft.effects.push({ type: "announce_end" });
};

/** A loop may end a branch with every pass, and the record of the end is one row: the first ones are kept. */
export const endBranch = (draft: Draft, ending: Ending): void => {
  const { endings } = draft.lifetime;
  if (endings.size < OUTCOMES_MAX) endings.set(endings.size, ending);
};

/** A lifetime with nothing outstanding has succeeded: whatever failed was routed or ignored. */
export const endIfDone = (draft: Draft): void => {
  const { head } = draft.lifetime;
  if (head.endedAt === undefined && head.outstanding === 0) end(draft, "SUCCEEDED");
};
