/** What the tenant object answers of its budgets. */
import type { Budget } from "../guardrails/budget.ts";
import type { Amounts } from "../guardrails/measure.ts";
import type { Answer } from "./tenant.ts";

/** Amounts by measure; without what was spent where each lifetime has its own account. */
export interface BudgetView
  extends Pick<Budget, "scope" | "graph" | "node" | "window" | "limits" | "over" | "thresholds"> {
  readonly budget: string;
  readonly created_at: string;
  readonly spent?: Amounts;
  readonly reserved?: Amounts;
  readonly overrun?: Amounts;
  readonly window_ends_at?: string;
  readonly runs_out_at?: string;
}

export interface BudgetRpc {
  /** Other limits go on from what was counted; another scope or window begins anew. */
  putBudget(budget: Omit<Budget, "id" | "createdAt">): Promise<Answer<BudgetView & { created: boolean }>>;
  getBudget(name: string): Promise<Answer<BudgetView>>;
  listBudgets(): Promise<Answer<readonly BudgetView[]>>;
  removeBudget(name: string): Promise<Answer<void>>;
}
