/** A lifetime as callers see it, from its state while it runs and from the log once it has ended. */
import type { Lifetime } from "../../src/control-plane/lifetime.ts";
import type { Tombstone } from "../../src/control-plane/store.ts";
import type { LifetimeView, Outcome } from "../../src/control-plane/tenant.ts";
import { type Log, messageOf } from "./log.ts";

const iso = (at: number): string => new Date(at).toISOString();

export const viewOf = (found: Lifetime | Tombstone, log: Log): LifetimeView | undefined => {
  if (!("head" in found)) return viewOfEnded(found.started, found.ended, log);
  const { head } = found;
  return {
    lifetime: head.id,
    graph: head.graph,
    graph_version: head.version,
    status: head.status,
    ...(head.reason && { reason: head.reason }),
    labels: head.labels,
    started_at: iso(head.startedAt),
    ...(head.endedAt !== undefined && { ended_at: iso(head.endedAt) }),
    steps: head.steps,
    ...(head.ended !== undefined && { outcomes: outcomesOf(head.ended, log) }),
  };
};

/** Undefined when the log no longer has its records. */
const viewOfEnded = (started: number, ended: number, log: Log): LifetimeView | undefined => {
  const start = log.get(started);
  const end = log.get(ended);
  if (start?.type !== "lifetime_started" || end?.type !== "lifetime_ended") return undefined;
  return {
    lifetime: start.lifetime,
    graph: start.graph,
    graph_version: start.version,
    status: end.status,
    ...(end.reason && { reason: end.reason }),
    labels: start.labels,
    started_at: iso(start.at),
    ended_at: iso(end.at),
    steps: end.steps,
    outcomes: outcomesOf(ended, log),
  };
};

const outcomesOf = (ended: number, log: Log): readonly Outcome[] => {
  const end = log.get(ended);
  if (end?.type !== "lifetime_ended") return [];
  return end.outcomes.flatMap(({ kind, offset }) => {
    const message = messageOf(log.get(offset));
    return message ? [{ kind, message }] : [];
  });
};
