/**
 * Where budgets meet the steps of a lifetime: what is to be issued is reserved before it is, what has an outcome is
 * charged with it, and a late answer corrects what was charged without it. Decides nothing of what becomes of steps.
 */
import type { Allowance } from "../executor/dispatch.ts";
import type { Accounts } from "../guardrails/account.ts";
import { type Budget, nodeKey } from "../guardrails/budget.ts";
import { estimateOf } from "../guardrails/estimate.ts";
import {
  type Ask,
  type Book,
  type Charge,
  charged,
  correct,
  type Ledger,
  type Refusal,
  type Reservation,
  refusalsOf,
  reserve,
  settle,
} from "../guardrails/ledger.ts";
import { type Amounts, isNothing, type Measure, REPORTED, usageOf } from "../guardrails/measure.ts";
import { NO_SKETCH, observed } from "../guardrails/sketch.ts";
import { BUDGET_LOOK_MS, BUDGET_LOOK_MS_MAX, SKETCHES_MAX } from "../limits.ts";
import type { Execution } from "../wire/codec.ts";
import { isoOf } from "../wire/timestamp.ts";
import type { Draft } from "./draft.ts";
import type { ExecutionArrived } from "./event.ts";
import { inputId } from "./ids.ts";
import type { Attempts } from "./issue.ts";
import type { Head, Member } from "./lifetime.ts";
import { isWait } from "./wait.ts";

export interface OverBudget {
  readonly budget: Budget;
  readonly detail: string;
  /** When there may be room, as far as that can be known. */
  readonly until?: number;
}

type Reserved = readonly (Reservation | undefined)[] | { readonly refusal: OverBudget };

const NONE: readonly undefined[] = [];

/** For all of them, in their order, or for none. */
export const reserveFor = (draft: Draft, attempts: Attempts): Reserved => {
  const ledger = draft.guard?.ledger;
  if (ledger === undefined || attempts.length === 0) return NONE;
  const granted = reserve(bookOf(draft, ledger), asksOf(draft, ledger, attempts), draft.at);
  return "refusals" in granted ? { refusal: refusalOf(granted.refusals, draft.at, draft.at) } : granted;
};

/** What they are still refused for that was first asked for at `since`; reserves nothing. */
export const refusedFor = (draft: Draft, attempts: Attempts, since: number): OverBudget | undefined => {
  const ledger = draft.guard?.ledger;
  if (ledger === undefined) return undefined;
  const refusals = refusalsOf(bookOf(draft, ledger), asksOf(draft, ledger, attempts), draft.at);
  return refusals.length > 0 ? refusalOf(refusals, draft.at, since) : undefined;
};

const asksOf = (draft: Draft, ledger: Ledger, attempts: Attempts): readonly Ask[] => {
  const { graph } = draft.lifetime.head;
  return attempts.map(([, { node, attempt }]) => {
    const of = draft.graph.node(node);
    const first = attempt === 1;
    const amounts: Amounts = isWait(of)
      ? { ...(first && { iterations: 1 }) }
      : estimateOf(of, ledger.sketches.get(nodeKey(graph, node)), first);
    return { node, amounts, external: of.executor === "external" };
  });
};

const refusalOf = (refusals: readonly Refusal[], at: number, since: number): OverBudget => {
  const [strictest] = refusals;
  if (strictest === undefined) throw new Error("a reservation was refused by no budget");
  const { budget } = strictest;
  const never = refusals.find(({ asked, limit }) => asked > limit);
  if (never) return { budget, detail: tooLow(never) };
  const { measure, asked, spent, reserved, limit } = strictest;
  // Whoever has waited long waits as long again: what is looked at for days is not looked at every few seconds.
  const look = at + Math.min(Math.max(at - since, BUDGET_LOOK_MS), BUDGET_LOOK_MS_MAX);
  const until = Math.min(...refusals.map((each) => roomAt(each, look)));
  return {
    budget,
    detail:
      `budget ${budget.name} has no room for ${asked} ${measure}: of ${limit}, ${spent} are spent and ${reserved} reserved` +
      (strictest.until === undefined ? "" : `; it begins anew at ${isoOf(strictest.until)}`),
    ...(Number.isFinite(until) && { until }),
  };
};

/** There will never be room, whatever others leave and whichever window begins. */
const tooLow = ({ budget, measure, asked, limit }: Refusal): string =>
  `the limit of budget ${budget.name} is too low: ${asked} ${measure} are asked for at once, and it allows ${limit}; raise it, or declare a smaller estimate`;

/** What is reserved may turn out to be less, so somebody looks again while that would do. */
const roomAt = ({ asked, spent, limit, until = Number.POSITIVE_INFINITY }: Refusal, look: number): number =>
  spent + asked <= limit ? Math.min(until, look) : until;

/**
 * What its author has declared of what a budget limits is all that the attempt may use. What was learned or taken by
 * default is no limit: it would cut off what nobody has spoken of, and no more than that would ever be learned.
 */
export const allowanceOf = (
  { guard, lifetime, graph }: Draft,
  node: string,
  { amounts }: Reservation,
): { readonly allowance?: Allowance } => {
  const budgets = guard?.ledger?.budgets.on(lifetime.head.graph, node) ?? [];
  const limited = (measure: Measure) => budgets.some(({ limits }) => limits[measure] !== undefined);
  const { tokens, costUsdMicros, ms } = graph.node(node).estimate ?? {};
  const allowance = {
    ...(tokens !== undefined && limited("tokens") && { tokens }),
    ...(costUsdMicros !== undefined && limited("cost_usd_micros") && { costUsdMicros }),
    ...(ms !== undefined && limited("wall_ms") && { ms: amounts.wall_ms ?? 0 }),
  };
  return Object.keys(allowance).length > 0 ? { allowance } : {};
};

/**
 * An open attempt has its outcome: what it used takes the place of what was reserved, or all of that where nobody
 * answered. Answers what of it is estimated.
 */
export const charge = (draft: Draft, n: number, member: Member, answer?: Execution): Amounts | undefined => {
  const { reserved } = member;
  const ledger = draft.guard?.ledger;
  if (reserved === undefined || ledger === undefined) return undefined;
  const { calls, iterations } = reserved.amounts;
  const { external } = reserved;
  const usage = answer?.header?.usage;
  const unsaid = answer === undefined || (usage === undefined && external === true);
  const said = unsaid ? reportable(reserved.amounts) : usage ? usageOf(usage) : {};
  const used: Amounts = {
    ...said,
    // What only waits is no call, and its time is nobody's.
    ...(calls && { calls, wall_ms: Math.max(0, draft.at - reserved.at) }),
    ...(iterations && { iterations }),
  };
  settle(bookOf(draft, ledger), reserved, used, draft.at);
  if (!unsaid) {
    learn(draft, ledger, member, used);
    return undefined;
  }
  if (answer === undefined) {
    const remembered: Charge = { estimated: said, on: reserved.on, ...(external && { external }) };
    charged(ledger, attemptKey(draft.lifetime.head.id, n, member.attempt), remembered);
  }
  return isNothing(said) ? undefined : said;
};

/** A member whose reservation is settled. */
export const unreserved = (member: Member): Member => {
  if (member.reserved === undefined) return member;
  const { reserved: _, ...bare } = member;
  return bare;
};

/** What was charged without an answer is what the answer says, once it comes. */
export const correctLate = (draft: Draft, { n, execution }: ExecutionArrived): void => {
  const ledger = draft.guard?.ledger;
  if (ledger) correctBy(bookOf(draft, ledger), n, execution, draft.at);
};

/** Likewise of a lifetime whose state, and its accounts with it, is gone. Whether anything was charged. */
export const correctEnded = (
  ledger: Ledger,
  { lifetime, n }: { readonly lifetime: string; readonly n: number },
  execution: Execution,
  at: number,
): boolean => {
  const none: Accounts = { get: () => undefined, set: () => {}, delete: () => {} };
  return correctBy({ ledger, lifetime: { id: lifetime, graph: "", accounts: none } }, n, execution, at);
};

const correctBy = (book: Book, n: number, { header }: Execution, at: number): boolean => {
  const key = attemptKey(book.lifetime.id, n, Math.max(1, header?.attempt ?? 1));
  const { usage } = header ?? {};
  if (usage === undefined && book.ledger.charges.get(key)?.external) return false;
  return correct(book, key, usage ? usageOf(usage) : {}, at);
};

const attemptKey = (lifetime: string, n: number, attempt: number): string =>
  `${inputId(lifetime, n)}/${attempt}`;

const reportable = (amounts: Amounts): Amounts =>
  Object.fromEntries(
    REPORTED.filter((measure) => amounts[measure]).map((measure) => [measure, amounts[measure]]),
  );

const learn = ({ lifetime, graph }: Draft, { sketches }: Ledger, { node }: Member, used: Amounts): void => {
  const of = graph.node(node);
  const { estimate } = of;
  if (isWait(of)) return;
  if (estimate?.tokens !== undefined && estimate.costUsdMicros !== undefined && estimate.ms !== undefined)
    return;
  const key = nodeKey(lifetime.head.graph, node);
  const known = sketches.get(key);
  if (known === undefined && sketches.size >= SKETCHES_MAX) return;
  sketches.set(key, observed(known ?? NO_SKETCH, used));
};

const bookOf = ({ lifetime: { head } }: Draft, ledger: Ledger): Book => ({
  ledger,
  lifetime: { id: head.id, graph: head.graph, accounts: accountsOf(head) },
});

/** The head is replaced part by part, never changed within. */
const accountsOf = (head: Head): Accounts => ({
  get: (key) => head.accounts?.[key],
  set: (key, balance) => {
    head.accounts = { ...head.accounts, [key]: balance };
  },
  delete: (key) => {
    const { [key]: _, ...others } = head.accounts ?? {};
    head.accounts = others;
  },
});
