/** Takes inputs back that nobody waits for any more. What becomes of their members is for the caller. */
import type { Draft } from "./draft.ts";
import type { Member } from "./lifetime.ts";
import { recordOutcome } from "./outcome.ts";
import { waitEnds } from "./standing.ts";

/** An attempt that is open gets its outcome here, and its executor, if it has one, is told; others need none. */
export const withdraw = (draft: Draft, inputs: Iterable<readonly [number, Member]>, detail: string): void => {
  const running: number[] = [];
  for (const [n, member] of inputs) {
    if (member.phase !== "issued" && member.phase !== "waiting") continue;
    if (member.phase === "issued") running.push(n);
    recordOutcome(draft, n, member, "canceled", detail);
    waitEnds(draft, member);
  }
  if (running.length > 0) draft.effects.push({ type: "withdraw", inputs: running });
};
