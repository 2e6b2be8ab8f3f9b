/**
 * Continues a lifetime that a node has failed, or time: what had ended with it is attempted again, and what was
 * done is kept. Attempts go on counting, so each has its own id; the node's own retries begin anew.
 */
import type { GraphIndex } from "../graph/lookup.ts";
import { ATTEMPTS_MAX } from "../limits.ts";
import type { LogRecord } from "../topics/record.ts";
import { append, type Draft, move } from "./draft.ts";
import type { Moment, RetryRequested } from "./event.ts";
import { attempt, nextAttempt } from "./issue.ts";
import type { EndCode, Lifetime, Member, Reason } from "./lifetime.ts";
import { findQuiet } from "./merge.ts";
import { align } from "./pause.ts";
import { unreserved } from "./reserve.ts";
import type { LifetimeStatus } from "./status.ts";

/** Every other reason would be met again: the graph of a lifetime and its bounds never change. */
const RETRYABLE: readonly EndCode[] = ["node_failed", "lifetime_timed_out", "budget_aborted", "internal"];

export const isRetryable = (reason: { readonly code: string } | undefined): boolean =>
  (RETRYABLE as readonly string[]).includes(reason?.code ?? "");

const stoppedOf = ({ members }: Lifetime): [number, Member][] =>
  [...members.entries()].filter(([, { phase }]) => phase === "stopped").sort(([a], [b]) => a - b);

/** At the end, where it may be retried: what is not done stops, and all else stays as it is. */
export const stop = ({ lifetime: { members } }: Draft): void => {
  for (const [n, { approval: _, ...member }] of [...members.entries()])
    if (member.phase !== "done" && member.phase !== "stopped")
      members.set(n, {
        ...unreserved(member),
        phase: "stopped",
        // What was held had not begun.
        attempt: member.attempt - (member.phase === "held" ? 1 : 0),
        expired: member.expired || member.phase === "issued",
      });
};

/** Completes "lifetime … cannot be retried: …"; undefined where it can. */
export const retryRefusal = (lifetime: Lifetime, { graph: { bounds } }: GraphIndex): string | undefined => {
  const { head } = lifetime;
  if (head.status !== "FAILED") return notFailed(head.status);
  if (!isRetryable(head.reason)) return notMended(head.reason);
  const stopped = stoppedOf(lifetime);
  if (head.steps + stopped.length > bounds.stepsMax)
    return `it would take more than steps_max, ${bounds.stepsMax}`;
  const worn = stopped.find(([, member]) => member.attempt >= ATTEMPTS_MAX);
  return worn && `${worn[1].node} has been attempted ${ATTEMPTS_MAX} times`;
};

/** The same of a lifetime whose state is not kept, by the record of its end. */
export const endRefusal = (end: LogRecord | undefined): string => {
  if (end?.type !== "lifetime_ended")
    return "its records have been deleted, and with them what a retry needs";
  if (end.status !== "FAILED") return notFailed(end.status);
  return isRetryable(end.reason) ? "what a retry needs has been deleted" : notMended(end.reason);
};

const notFailed = (status: LifetimeStatus): string =>
  `it is ${status}, and only what has FAILED is continued`;

const notMended = (reason: Pick<Reason, "detail"> | undefined): string =>
  `another attempt would end the same: ${reason?.detail ?? "it failed"}`;

/** A pause of the lifetime itself was over with its end; that of its graph or its tenant holds it as any other. */
export const retried = (draft: Draft, { detail, holds }: RetryRequested & Moment): void => {
  const { head } = draft.lifetime;
  if (retryRefusal(draft.lifetime, draft.graph) !== undefined) return;
  const stopped = stoppedOf(draft.lifetime);
  move(draft, "RUNNING");
  delete head.reason;
  delete head.endedAt;
  delete head.ended;
  head.epoch++;
  const { timeoutMs } = draft.graph.graph.bounds;
  head.deadline = draft.at + timeoutMs;
  head.due = head.deadline;
  head.outstanding = stopped.length;
  append(draft, { type: "lifetime_retried", lifetime: head.id, detail });
  align(draft, holds);
  findQuiet(draft);
  // Whatever holds it may have done so for long; the time that it is given begins now.
  if (head.left !== undefined) head.left = timeoutMs;
  attempt(
    draft,
    stopped.map(([n, member]) => [n, { ...nextAttempt(member), before: member.attempt }]),
  );
};
