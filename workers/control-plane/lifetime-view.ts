/** A lifetime as callers see it, from its state while it runs and from the log once it has ended. */
import { type Holds, holdsOn } from "../../src/control-plane/holds.ts";
import type { Head, Lifetime } from "../../src/control-plane/lifetime.ts";
import { holdsOf } from "../../src/control-plane/pause.ts";
import { reasonOf, statusOf } from "../../src/control-plane/standing.ts";
import type { Tombstone } from "../../src/control-plane/store.ts";
import type { LifetimeView, Outcome } from "../../src/control-plane/tenant.ts";
import { budgetIdOf } from "../../src/guardrails/account.ts";
import type { BudgetSet } from "../../src/guardrails/budget.ts";
import { PAGE_BYTES_MAX } from "../../src/limits.ts";
import { messageOf } from "../../src/topics/record.ts";
import { isoOf } from "../../src/wire/timestamp.ts";
import type { Log } from "./log.ts";
import { pausedView } from "./pausing.ts";

export const viewOf = (
  found: Lifetime | Tombstone,
  log: Log,
  holds: Holds,
  budgets: BudgetSet | undefined,
): LifetimeView | undefined => {
  if (!("head" in found)) return viewOfEnded(found.started, found.ended, log);
  const { head } = found;
  return {
    lifetime: head.id,
    graph: head.graph,
    graph_version: head.version,
    ...(head.endedAt === undefined ? standingOf(found, holds) : endingOf(head)),
    labels: head.labels,
    started_at: isoOf(head.startedAt),
    ...(head.endedAt !== undefined && { ended_at: isoOf(head.endedAt) }),
    steps: head.steps,
    ...(head.accounts && budgets && { budgets: accountsOf(head.accounts, budgets) }),
    ...(head.ended !== undefined && outcomesOf(head.ended, log)),
  };
};

const accountsOf = (accounts: NonNullable<Head["accounts"]>, { byId }: BudgetSet) =>
  Object.entries(accounts).flatMap(([key, { spent, reserved }]) => {
    const budget = byId.get(budgetIdOf(key))?.name;
    return budget === undefined ? [] : [{ budget, spent, reserved }];
  });

const endingOf = ({ status, reason }: Head) => ({ status, ...(reason && { reason }) });

/** As it is, though it may not have learned yet that its graph or tenant was paused or resumed. */
const standingOf = (lifetime: Lifetime, tenantwide: Holds) => {
  const { head } = lifetime;
  const holds = holdsOf(head, holdsOn(tenantwide, head.graph));
  const reason = reasonOf(lifetime, holds);
  const since = holds[0]?.since ?? head.since;
  return {
    status: statusOf(head, holds),
    ...(reason && { reason: { ...reason, ...(since !== undefined && { since: isoOf(since) }) } }),
    ...(holds.length > 0 && {
      paused: holds.map((hold) => ({ scope: hold.scope, ...pausedView(hold) })),
    }),
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
    started_at: isoOf(start.at),
    ended_at: isoOf(end.at),
    steps: end.steps,
    ...outcomesOf(ended, log),
  };
};

/** As many as one answer takes, in order; how many more there are is said. */
const outcomesOf = (ended: number, log: Log): Pick<LifetimeView, "outcomes" | "omitted"> => {
  const end = log.get(ended);
  if (end?.type !== "lifetime_ended") return { outcomes: [] };
  const outcomes: Outcome[] = [];
  let bytes = 0;
  for (const { kind, offset } of end.outcomes) {
    const message = messageOf(log.get(offset));
    if (message === undefined) continue;
    bytes += message.byteLength;
    if (bytes > PAGE_BYTES_MAX && outcomes.length > 0)
      return { outcomes, omitted: end.outcomes.length - outcomes.length };
    outcomes.push({ kind, message });
  }
  return { outcomes };
};
