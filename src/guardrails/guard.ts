/**
 * What guards a tenant, as of one event: its policies and its ledger. Absent where a tenant has neither, and then
 * nothing is asked and nothing is paid. A step works on a fork, which is kept or dropped with what it decided.
 */

import { forkLedger, hasChanges, type Ledger } from "./ledger.ts";

export interface Guard {
  /** Of the policies that hold now; raised with every change of one. Absent while there are none. */
  readonly policies?: PolicySet;
  /** Absent while there are no budgets. */
  readonly ledger?: Ledger;
}

/** Every policy of a tenant at one version. Immutable, so forks share it. */
export interface PolicySet {
  readonly version: number;
}

/** For one event: what it changes is seen by nobody until the event is accepted. */
export const forkGuard = (guard: Guard): Guard =>
  guard.ledger ? { ...guard, ledger: forkLedger(guard.ledger) } : { ...guard };

/** Whether there is anything to write of it: of policies there is not, they change by requests of their own. */
export const isChanged = ({ ledger }: Guard, before: Guard | undefined): boolean =>
  ledger !== undefined && (ledger.budgets !== before?.ledger?.budgets || hasChanges(ledger));
