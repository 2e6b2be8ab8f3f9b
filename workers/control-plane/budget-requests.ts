/** What is asked of the budgets of a tenant: answered as the gateway shows them. */
import type { Answer, BudgetView } from "../../src/control-plane/tenant.ts";
import { accountKey, EMPTY, turnsAt } from "../../src/guardrails/account.ts";
import type { Budget } from "../../src/guardrails/budget.ts";
import { runsOutAt } from "../../src/guardrails/forecast.ts";
import type { Ledger } from "../../src/guardrails/ledger.ts";
import { BUDGETS_MAX } from "../../src/limits.ts";
import { reject } from "../../src/rejection.ts";
import { ok } from "../../src/result.ts";
import { isoOf } from "../../src/wire/timestamp.ts";
import type { Engine } from "./engine.ts";
import type { Entrance } from "./entrance.ts";

const noBudget = (name: string) => reject("budget_not_found", `no budget ${name} in this tenant`);

export class BudgetRequests {
  readonly #engine: Engine;
  readonly #entrance: Entrance;
  readonly #now: () => number;

  constructor(engine: Engine, entrance: Entrance, now: () => number) {
    this.#engine = engine;
    this.#entrance = entrance;
    this.#now = now;
  }

  async put(budget: Omit<Budget, "id" | "createdAt">): Promise<Answer<BudgetView & { created: boolean }>> {
    const { name } = budget;
    const put = await this.#entrance.ask((turn) => {
      const known = turn.ledger?.budgets.all;
      const created = known?.has(name) !== true;
      if (created && (known?.size ?? 0) >= BUDGETS_MAX)
        return reject("invalid_request", `a tenant has ${BUDGETS_MAX} budgets at the most; delete one`);
      const may = this.#engine.room.mayArrive();
      if (!may.ok) return may;
      turn.append({ type: "budget_set", budget });
      return ok(created);
    });
    if (!put.ok) return put;
    const view = this.get(name);
    return view.ok ? ok({ ...view.value, created: put.value }) : view;
  }

  async remove(name: string): Promise<Answer<void>> {
    return this.#entrance.ask((turn) => {
      if (!turn.ledger?.budgets.all.has(name)) return noBudget(name);
      turn.append({ type: "budget_removed", budget: name });
      return ok(undefined);
    });
  }

  get(name: string): Answer<BudgetView> {
    const listed = this.list();
    if (!listed.ok) return listed;
    const found = listed.value.find(({ budget }) => budget === name);
    return found ? ok(found) : noBudget(name);
  }

  /** By name. */
  list(): Answer<readonly BudgetView[]> {
    const entered = this.#entrance.enter();
    if (!entered.ok) return entered;
    const ledger = this.#engine.parts.budgets.current;
    const budgets = [...(ledger?.budgets.all.values() ?? [])].sort((one, other) =>
      one.name < other.name ? -1 : 1,
    );
    return ok(ledger ? budgets.map((budget) => viewOf(budget, ledger, this.#now())) : []);
  }
}

const viewOf = (budget: Budget, ledger: Ledger, at: number): BudgetView => {
  const { name, scope, graph, node, window, limits, over, thresholds, createdAt } = budget;
  const shown = {
    budget: name,
    scope,
    ...(graph !== undefined && { graph }),
    ...(node !== undefined && { node }),
    ...(window && { window }),
    limits,
    over,
    thresholds,
    created_at: isoOf(createdAt),
  };
  // Each lifetime has its own account.
  if (scope === "lifetime") return shown;
  const balance = ledger.balances.get(accountKey(budget, at)) ?? EMPTY;
  const turns = turnsAt(budget, at);
  const runsOut = runsOutAt(budget, balance, at);
  return {
    ...shown,
    spent: balance.spent,
    reserved: balance.reserved,
    ...(balance.overrun && { overrun: balance.overrun }),
    ...(turns !== undefined && { window_ends_at: isoOf(turns) }),
    ...(runsOut !== undefined && { runs_out_at: isoOf(runsOut) }),
  };
};
