/**
 * reduce(state, event) → { state, effects }: one step of one lifetime, pure. The same log gives the same
 * states, the same ids and the same effects.
 *
 * 1. A lifetime that has ended asks for nothing, unless it is retried; what still arrives is set aside.
 * 2. Effects name only the nodes downstream of what happened, and merges that wait for it no more.
 * 3. A throw is a broken invariant; the state that went in is untouched, and the caller discards the event.
 */
import type { GraphIndex } from "../graph/lookup.ts";
import { executionArrived } from "./answer.ts";
import { approvalAnswered } from "./approvals.ts";
import { type Draft, draftOf } from "./draft.ts";
import type { Effect } from "./effect.ts";
import { end, endIfDone } from "./ending.ts";
import type { LifetimeEvent } from "./event.ts";
import { extendLease } from "./issue.ts";
import type { Lifetime } from "./lifetime.ts";
import { dispatchLost, executorMissing, restarted } from "./lost.ts";
import { fireMerges } from "./merge.ts";
import { align, askBudgetsAgain, pause, resume } from "./pause.ts";
import { retried } from "./retry.ts";
import { settleStatus } from "./standing.ts";
import { started } from "./start.ts";
import { timePassed } from "./time.ts";
import { recalled, signalReceived } from "./wake.ts";

export interface Step {
  readonly state: Lifetime;
  readonly effects: readonly Effect[];
}

export const reduce = (state: Lifetime | undefined, event: LifetimeEvent, graph: GraphIndex): Step => {
  const draft = event.type === "started" ? started(event, graph) : next(state, event, graph);
  fireMerges(draft);
  endIfDone(draft);
  settleStatus(draft, state?.head);
  return { state: draft.lifetime, effects: draft.effects };
};

const next = (
  state: Lifetime | undefined,
  event: Exclude<LifetimeEvent, { type: "started" }>,
  graph: GraphIndex,
): Draft => {
  if (state === undefined) throw new Error(`${event.type} of a lifetime that has not started`);
  const draft = draftOf(state, graph, event);
  // What has failed may have no graph that anything could be issued by.
  if (state.head.endedAt === undefined && event.type !== "reduce_failed") align(draft, event.holds);
  if (event.type === "execution_arrived") executionArrived(draft, event);
  else if (event.type === "retry_requested") retried(draft, event);
  // What it was held for may have ended it just now.
  else if (draft.lifetime.head.endedAt === undefined) happened(draft, event);
  return draft;
};

const happened = (
  draft: Draft,
  event: Exclude<LifetimeEvent, { type: "started" | "execution_arrived" | "retry_requested" }>,
): void => {
  switch (event.type) {
    case "time_passed":
      timePassed(draft);
      break;
    case "dispatch_lost":
      dispatchLost(draft, event);
      break;
    case "executor_missing":
      executorMissing(draft, event);
      break;
    case "restarted":
      restarted(draft);
      break;
    case "heartbeat_received": {
      const member = draft.lifetime.members.get(event.n);
      if (member?.phase === "issued" && member.attempt === event.attempt) extendLease(draft, event.n, member);
      break;
    }
    case "signal_received":
      signalReceived(draft, event);
      break;
    case "recalled":
      recalled(draft, event);
      break;
    case "approval_answered":
      approvalAnswered(draft, event);
      break;
    case "cancel_requested":
      end(draft, "CANCELED", { code: "canceled", detail: event.detail });
      break;
    case "pause_requested":
      pause(draft, event.detail, event.by);
      break;
    case "resume_requested":
      resume(draft);
      break;
    case "holds_changed":
      askBudgetsAgain(draft);
      break;
    case "reduce_failed":
      end(draft, "FAILED", { code: "internal", detail: event.detail });
  }
};
