/** How the budgets of a tenant change. One that goes on counting the same steps goes on with what it has counted. */
import type { BudgetRemovedRecord, BudgetSetRecord } from "../topics/record.ts";
import { type Budget, budgetSet, sameAccounts } from "./budget.ts";
import { type Ledger, newLedger, withBudgets } from "./ledger.ts";

type Change = Pick<BudgetSetRecord, "type" | "budget"> | Pick<BudgetRemovedRecord, "type" | "budget">;

/** The ledger under the budgets that a record makes of them; the offset of the record tells a new one apart. */
export const limited = (from: Ledger | undefined, change: Change, offset: number, at: number): Ledger => {
  const ledger = from ?? newLedger(budgetSet([]));
  const all = new Map(ledger.budgets.all);
  if (change.type === "budget_removed") all.delete(change.budget);
  else {
    const { budget } = change;
    const known = all.get(budget.name);
    const account = known && sameAccounts(known, budget) ? known : { id: offset, createdAt: at };
    const { id, createdAt } = account;
    all.set(budget.name, { ...budget, id, createdAt } satisfies Budget);
  }
  return withBudgets(ledger, budgetSet(all.values()));
};
