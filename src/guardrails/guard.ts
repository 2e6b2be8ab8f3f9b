/**
 * What guards a tenant, as of one event: its policies and its ledger. Absent where a tenant has neither, and then
 * nothing is asked and nothing is paid. A step works on a fork, which is kept or dropped with what it decided.
 */

import type { LogRecord } from "../topics/record.ts";
import type { Execution } from "../wire/codec.ts";
import { forkLedger, hasChanges, type Ledger } from "./ledger.ts";
import type { PolicySet } from "./policy-set.ts";
import type { TenantTally } from "./tally.ts";

export interface Guard {
  /** Those that hold now. Absent while there are none. */
  readonly policies?: PolicySet;
  /** Absent while there are no budgets. */
  readonly ledger?: Ledger;
  /** Of the tenant, while a policy reads it. */
  tally?: TenantTally;
  /** What is at an offset of the log. */
  readonly recordAt: (offset: number) => LogRecord | undefined;
  /** What policies have read of this event, decoded, by offset. */
  readonly executions?: Map<number, Execution>;
}

/** As it is kept between turns. */
export type StoredGuard = Omit<Guard, "recordAt" | "executions">;

/** For one event: what it changes is seen by nobody until the event is accepted. */
export const forkGuard = (guard: StoredGuard, recordAt: Guard["recordAt"]): Guard => ({
  ...guard,
  recordAt,
  ...(guard.policies && { executions: new Map() }),
  ...(guard.ledger && { ledger: forkLedger(guard.ledger) }),
});

/** Whether there is anything to write of it; policies change by requests of their own. */
export const isChanged = ({ ledger, tally }: StoredGuard, before: StoredGuard | undefined): boolean =>
  tally !== before?.tally ||
  (ledger !== undefined && (ledger.budgets !== before?.ledger?.budgets || hasChanges(ledger)));
