/**
 * The ledger of a tenant's budgets: reservations before steps are issued, settled by what they have used.
 *
 * 1. No reservation is granted that would take spent + reserved over a limit (I3), on any of its budgets.
 * 2. Each is settled once, in the accounts that it was made in, also where their window has turned since.
 * 3. A limit that was lowered, or passed by what a step used in the end, blocks what comes, and nothing else.
 */
import { Cells } from "../control-plane/cells.ts";
import { LATE_CHARGES_MAX } from "../limits.ts";
import {
  type Accounts,
  accountKey,
  type Balance,
  budgetIdOf,
  EMPTY,
  isOfLifetime,
  type Shortage,
  shortageOf,
  turnsAt,
  withCorrected,
  withReserved,
  withSettled,
} from "./account.ts";
import { type Budget, type BudgetSet, OVER } from "./budget.ts";
import { type Amounts, isNothing, plus } from "./measure.ts";
import type { Sketch } from "./sketch.ts";
import { type Crossing, told } from "./threshold.ts";

export interface Ledger {
  readonly budgets: BudgetSet;
  readonly balances: Cells<string, Balance>;
  /** What was charged without being known, by attempt: a late answer corrects it. */
  readonly charges: Cells<string, Charge>;
  /** What nodes have used so far, by graph and node. */
  readonly sketches: Cells<string, Sketch>;
  /** What is to be told of, in order. */
  readonly crossings: Crossing[];
}

/** One attempt's share of its accounts. */
export interface Reservation {
  /** When it was made. */
  readonly at: number;
  readonly amounts: Amounts;
  /** Keys of accounts. */
  readonly on: readonly string[];
  /** Its executor may answer without saying what it has used. */
  readonly external?: true;
}

export interface Charge {
  readonly estimated: Amounts;
  readonly external?: true;
  readonly on: readonly string[];
}

export interface Ask {
  readonly node: string;
  readonly amounts: Amounts;
  readonly external?: boolean;
}

export interface Refusal extends Shortage {
  readonly budget: Budget;
  /** When its window turns. */
  readonly until?: number;
}

/** The ledger, and the accounts of the lifetime whose step it is. */
export interface Book {
  readonly ledger: Ledger;
  readonly lifetime: { readonly id: string; readonly graph: string; readonly accounts: Accounts };
}

export const newLedger = (
  budgets: BudgetSet,
  kept: { [Part in "balances" | "charges" | "sketches"]?: Ledger[Part] } = {},
): Ledger => ({
  budgets,
  balances: kept.balances ?? Cells.of(),
  charges: kept.charges ?? Cells.of(),
  sketches: kept.sketches ?? Cells.of(),
  crossings: [],
});

/** As Cells: forks are independent until one is settled. What was to be told of stays with the original. */
export const forkLedger = ({ budgets, balances, charges, sketches }: Ledger): Ledger => ({
  budgets,
  balances: balances.fork(),
  charges: charges.fork(),
  sketches: sketches.fork(),
  crossings: [],
});

export const hasChanges = ({ balances, charges, sketches }: Ledger): boolean =>
  balances.changes().size + charges.changes().size + sketches.changes().size > 0;

export const settleLedger = ({ balances, charges, sketches }: Ledger): void => {
  balances.settle();
  charges.settle();
  sketches.settle();
};

const accountsOf = ({ ledger, lifetime }: Book, key: string): Accounts =>
  isOfLifetime(key) ? lifetime.accounts : ledger.balances;

export type Granted = readonly Reservation[] | { readonly refusals: readonly Refusal[] };

/** Which budgets have no room for all of them, the strictest first; reserves nothing. */
export const refusalsOf = (book: Book, asks: readonly Ask[], at: number): readonly Refusal[] => {
  const { ledger, lifetime } = book;
  const sums: Sums = new Map();
  for (const { node, amounts } of asks) add(sums, ledger.budgets.on(lifetime.graph, node), amounts);
  return refusalsFor(book, sums, at);
};

/** Reserves for all of them, in their order, or says which budgets refuse it, the strictest first. */
export const reserve = (book: Book, asks: readonly Ask[], at: number): Granted => {
  const { ledger, lifetime } = book;
  const sums: Sums = new Map();
  const reservations = asks.map(({ node, amounts, external }): Reservation => {
    const budgets = ledger.budgets.on(lifetime.graph, node);
    add(sums, budgets, amounts);
    return {
      at,
      amounts,
      on: budgets.map((budget) => accountKey(budget, at)),
      ...(external && { external }),
    };
  });
  const refusals = refusalsFor(book, sums, at);
  if (refusals.length > 0) return { refusals };
  for (const [budget, sum] of sums) {
    const key = accountKey(budget, at);
    const accounts = accountsOf(book, key);
    const balance = accounts.get(key);
    if (balance === undefined && budget.window !== undefined) forgetTurned(ledger, budget.id);
    accounts.set(key, withReserved(balance ?? EMPTY, sum));
  }
  return reservations;
};

type Sums = Map<Budget, Amounts>;

const add = (sums: Sums, budgets: readonly Budget[], amounts: Amounts): void => {
  for (const budget of budgets) sums.set(budget, plus(sums.get(budget) ?? {}, amounts));
};

const refusalsFor = (book: Book, sums: Sums, at: number): readonly Refusal[] => {
  const refusals: Refusal[] = [];
  for (const [budget, sum] of sums) {
    const key = accountKey(budget, at);
    const shortage = shortageOf(accountsOf(book, key).get(key) ?? EMPTY, budget.limits, sum);
    const until = turnsAt(budget, at);
    if (shortage) refusals.push({ ...shortage, budget, ...(until !== undefined && { until }) });
  }
  return refusals.sort(byStrictness);
};

const byStrictness = (one: Refusal, other: Refusal): number =>
  OVER.indexOf(one.budget.over) - OVER.indexOf(other.budget.over);

/** The first step of a window drops the windows before it, but for what still has to settle there. */
const forgetTurned = ({ balances }: Ledger, id: number): void => {
  for (const [key, { reserved }] of [...balances.entries()])
    if (budgetIdOf(key) === id && isNothing(reserved)) balances.delete(key);
};

/** What an attempt has used replaces what was reserved for it. */
export const settle = (book: Book, { amounts, on }: Reservation, used: Amounts, at: number): void => {
  for (const key of on) change(book, key, at, (balance) => withSettled(balance, amounts, used));
};

/** Remembers that an attempt was charged by estimate. The oldest are forgotten, and stay as they were charged. */
export const charged = ({ charges }: Ledger, attempt: string, charge: Charge): void => {
  if (isNothing(charge.estimated)) return;
  charges.set(attempt, charge);
  if (charges.size <= LATE_CHARGES_MAX) return;
  for (const [oldest] of charges.entries()) {
    charges.delete(oldest);
    return;
  }
};

/** An answer came after all: what it says takes the place of what was charged, once. Whether there was a charge. */
export const correct = (book: Book, attempt: string, used: Amounts, at: number): boolean => {
  const charge = book.ledger.charges.get(attempt);
  if (charge === undefined) return false;
  book.ledger.charges.delete(attempt);
  for (const key of charge.on)
    change(book, key, at, (balance) => withCorrected(balance, charge.estimated, used));
  return true;
};

/** Of a budget that is no more there is nothing to change. */
const change = (book: Book, key: string, at: number, to: (balance: Balance) => Balance): void => {
  const accounts = accountsOf(book, key);
  const balance = accounts.get(key);
  const budget = book.ledger.budgets.byId.get(budgetIdOf(key));
  if (balance === undefined || budget === undefined) return;
  const changed = to(balance);
  if (key !== accountKey(budget, at)) {
    if (isNothing(changed.reserved)) accounts.delete(key);
    else accounts.set(key, changed);
    return;
  }
  const after = told(changed, budget);
  accounts.set(key, after.balance);
  for (const crossing of after.crossings)
    book.ledger.crossings.push({ ...crossing, ...(isOfLifetime(key) && { lifetime: book.lifetime.id }) });
};

/** The same accounts under other budgets: those of budgets that are no more go, and new limits tell what they pass. */
export const withBudgets = (from: Ledger, budgets: BudgetSet): Ledger => {
  const ledger = { ...forkLedger(from), budgets };
  for (const [key, balance] of [...ledger.balances.entries()]) {
    const budget = budgets.byId.get(budgetIdOf(key));
    if (budget === undefined) {
      ledger.balances.delete(key);
      continue;
    }
    const after = told(balance, budget);
    if (after.balance !== balance) ledger.balances.set(key, after.balance);
    ledger.crossings.push(...after.crossings);
  }
  return ledger;
};
