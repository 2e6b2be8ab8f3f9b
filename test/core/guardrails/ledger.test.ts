/** Without this the ledger could grant more than there is, lose what it reserved, or charge a step twice. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Cells } from "../../../src/control-plane/cells.ts";
import {
  type Accounts,
  accountKey,
  type Balance,
  EMPTY,
  isOfLifetime,
} from "../../../src/guardrails/account.ts";
import { type Budget, budgetSet } from "../../../src/guardrails/budget.ts";
import {
  type Book,
  charged,
  correct,
  forkLedger,
  type Ledger,
  newLedger,
  type Reservation,
  reserve,
  settle,
  settleLedger,
  withBudgets,
} from "../../../src/guardrails/ledger.ts";
import { type Amounts, isNothing, MEASURES } from "../../../src/guardrails/measure.ts";

const AT = Date.UTC(2030, 0, 31, 23, 30);
const HOUR = 3_600_000;

const budget = (over: Partial<Budget> = {}): Budget => ({
  name: "all",
  id: 1,
  createdAt: AT,
  scope: "tenant",
  limits: { tokens: 100 },
  over: "reject",
  thresholds: [50, 80, 100],
  ...over,
});

/** Of lifetime l1 of graph g. */
const bookOf = (ledger: Ledger, accounts: Accounts = Cells.of<string, Balance>()): Book => ({
  ledger,
  lifetime: { id: "l1", graph: "g", accounts },
});

const ledgerOf = (...budgets: Budget[]) => newLedger(budgetSet(budgets));

const ask = (amounts: Amounts, node = "n") => ({ node, amounts });

const granted = (book: Book, asks: Parameters<typeof reserve>[1], at = AT): readonly Reservation[] => {
  const answer = reserve(book, asks, at);
  if ("refusals" in answer) throw new Error(`refused by ${answer.refusals[0]?.budget.name}`);
  return answer;
};

const refused = (book: Book, asks: Parameters<typeof reserve>[1], at = AT) => {
  const answer = reserve(book, asks, at);
  return "refusals" in answer ? answer.refusals.map(({ budget: { name } }) => name) : [];
};

describe("a ledger of reservations", () => {
  it("reserves what is asked for and settles what was used", () => {
    const book = bookOf(ledgerOf(budget()));
    const [one] = granted(book, [ask({ tokens: 60 })]);
    expect(book.ledger.balances.get("1")).toEqual({ spent: {}, reserved: { tokens: 60 } });
    settle(book, one as Reservation, { tokens: 20, calls: 1 }, AT);
    expect(book.ledger.balances.get("1")).toMatchObject({ spent: { tokens: 20, calls: 1 }, reserved: {} });
  });

  it("reserves a wave whole or not at all", () => {
    const book = bookOf(ledgerOf(budget()));
    const wave = Array.from({ length: 3 }, () => ask({ tokens: 40 }));
    expect(refused(book, wave)).toEqual(["all"]);
    expect(book.ledger.balances.get("1")).toBeUndefined();
    expect(granted(book, wave.slice(1))).toHaveLength(2);
    expect(refused(book, [ask({ tokens: 21 })])).toEqual(["all"]);
    expect(granted(book, [ask({ tokens: 20 })])).toHaveLength(1);
  });

  it("reserves on every level or on none, and names the strictest budget first", () => {
    const levels: Partial<Budget>[] = [
      { name: "pausing", id: 1, scope: "node", graph: "g", node: "n", limits: { calls: 0 }, over: "pause" },
      { name: "rejecting", id: 2, scope: "graph", graph: "g", limits: { calls: 0 } },
      { name: "aborting", id: 3, scope: "lifetime", limits: { calls: 0 }, over: "abort" },
      { name: "roomy", id: 4 },
      { name: "of another graph", id: 5, scope: "graph", graph: "h", limits: { calls: 0 } },
    ];
    const book = bookOf(ledgerOf(...levels.map(budget)));
    expect(refused(book, [ask({ calls: 1, tokens: 1 })])).toEqual(["aborting", "rejecting", "pausing"]);
    expect([...book.ledger.balances.entries()]).toEqual([]);
    expect(refused(book, [ask({ calls: 1 }, "other")])).toEqual(["aborting", "rejecting"]);
  });

  it("keeps what a lifetime spends with the lifetime", () => {
    const { ledger } = bookOf(ledgerOf(budget({ scope: "lifetime" })));
    const [one, other] = [bookOf(ledger), bookOf(ledger)];
    granted(one, [ask({ tokens: 100 })]);
    granted(other, [ask({ tokens: 100 })]);
    expect(refused(one, [ask({ tokens: 1 })])).toEqual(["all"]);
    expect(ledger.balances.size).toBe(0);
  });

  it("begins anew with its window, and settles in the window in which it reserved", () => {
    const daily = budget({ window: "day" });
    const book = bookOf(ledgerOf(daily));
    const [kept, other] = granted(book, [ask({ tokens: 50 }), ask({ tokens: 50 })]);
    expect(refused(book, [ask({ tokens: 1 })])).toEqual(["all"]);
    const next = AT + HOUR;
    const [later] = granted(book, [ask({ tokens: 100 })], next);
    settle(book, kept as Reservation, { tokens: 99 }, next);
    expect(book.ledger.balances.get(accountKey(daily, next))).toMatchObject({ reserved: { tokens: 100 } });
    expect(book.ledger.balances.get(accountKey(daily, AT))).toMatchObject({ spent: { tokens: 99 } });
    settle(book, other as Reservation, {}, next);
    settle(book, later as Reservation, { tokens: 3 }, next);
    expect([...book.ledger.balances.entries()]).toMatchObject([
      [accountKey(daily, next), { spent: { tokens: 3 }, reserved: {} }],
    ]);
  });

  it("forgets a window that has turned once the next has begun", () => {
    const hourly = budget({ window: "hour" });
    const book = bookOf(ledgerOf(hourly));
    for (const at of [AT, AT + HOUR, AT + 2 * HOUR]) {
      const [one] = granted(book, [ask({ tokens: 100 })], at);
      settle(book, one as Reservation, { tokens: 100 }, at);
    }
    expect(book.ledger.balances.size).toBe(1);
  });

  it("grants nothing, not even nothing, until an overrun is covered", () => {
    const book = bookOf(ledgerOf(budget()));
    const [one] = granted(book, [ask({ tokens: 10 })]);
    settle(book, one as Reservation, { tokens: 150 }, AT);
    expect(book.ledger.balances.get("1")).toMatchObject({ spent: { tokens: 150 }, overrun: { tokens: 140 } });
    expect(refused(book, [ask({})])).toEqual(["all"]);
    const raised = withBudgets(book.ledger, budgetSet([budget({ limits: { tokens: 160 } })]));
    expect(granted(bookOf(raised), [ask({ tokens: 10 })])).toHaveLength(1);
  });

  it("grants a step that costs nothing where all is spent", () => {
    const book = bookOf(ledgerOf(budget()));
    const [one] = granted(book, [ask({ tokens: 100 })]);
    settle(book, one as Reservation, { tokens: 100 }, AT);
    expect(granted(book, [ask({ calls: 1 })])).toHaveLength(1);
  });

  it("corrects what was charged by estimate once", () => {
    const book = bookOf(ledgerOf(budget()));
    const [one] = granted(book, [ask({ tokens: 60 })]);
    settle(book, one as Reservation, { tokens: 60 }, AT);
    charged(book.ledger, "l1.1.1", { estimated: { tokens: 60 }, on: (one as Reservation).on });
    expect(correct(book, "l1.1.1", { tokens: 15 }, AT)).toBe(true);
    expect(correct(book, "l1.1.1", { tokens: 15 }, AT)).toBe(false);
    expect(book.ledger.balances.get("1")?.spent).toEqual({ tokens: 15 });
  });

  it("tells of each threshold once, and anew when a raised limit is approached again", () => {
    let book = bookOf(ledgerOf(budget()));
    const spend = (tokens: number) => {
      const [one] = granted(book, [ask({ tokens })]);
      settle(book, one as Reservation, { tokens }, AT);
    };
    for (const tokens of [49, 1, 40, 10]) spend(tokens);
    const percents = () => book.ledger.crossings.map(({ percent }) => percent);
    expect(percents()).toEqual([50, 80, 100]);
    book = bookOf(withBudgets(book.ledger, budgetSet([budget({ limits: { tokens: 1_000 } })])));
    spend(400);
    expect(percents()).toEqual([50]);
  });

  it("drops what was reserved of a budget that is deleted", () => {
    const book = bookOf(ledgerOf(budget()));
    const [one] = granted(book, [ask({ tokens: 60 })]);
    const without = bookOf(withBudgets(book.ledger, budgetSet([])));
    settle(without, one as Reservation, { tokens: 60 }, AT);
    expect(without.ledger.balances.size).toBe(0);
  });

  it("keeps forks apart until one is settled", () => {
    const base = ledgerOf(budget());
    const fork = forkLedger(base);
    granted(bookOf(fork), [ask({ tokens: 60 })]);
    expect(base.balances.get("1")).toBeUndefined();
    settleLedger(fork);
    expect(forkLedger(base).balances.get("1")).toEqual({ spent: {}, reserved: { tokens: 60 } });
  });
});

const amounts = fc.record(
  { tokens: fc.nat(40), cost_usd_micros: fc.nat(40), calls: fc.nat(2), wall_ms: fc.nat(40) },
  { requiredKeys: [] },
);
const action = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("reserve" as const),
      asks: fc.array(amounts, { minLength: 1, maxLength: 4 }),
      lifetime: fc.nat(2),
      node: fc.nat(1),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("settle" as const), which: fc.nat(), used: amounts }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("expire" as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("late" as const), which: fc.nat(), used: amounts }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.nat(2 * HOUR) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("limit" as const), which: fc.nat(4), limits: amounts }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("drop" as const), which: fc.nat() }) },
);

/** What the ledger is to hold, counted the slow way: every open reservation by itself. */
interface Open {
  readonly attempt: string;
  readonly lifetime: number;
  readonly reservation: Reservation;
}

describe("under random interleavings", () => {
  it("grants nothing over a limit, holds exactly what is open, and ends with nothing reserved (I3)", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        const scopes: Partial<Budget>[] = [
          { scope: "tenant", window: "hour" },
          { scope: "tenant", window: "day" },
          { scope: "graph", graph: "g" },
          { scope: "lifetime" },
          { scope: "node", graph: "g", node: "n0", window: "month" },
        ];
        let budgets = scopes.map((scope, i) =>
          budget({ name: `b${i}`, id: i + 1, limits: { tokens: 120, calls: 9, wall_ms: 300 }, ...scope }),
        );
        let ledger = newLedger(budgetSet(budgets));
        const lifetimes = [0, 1, 2].map(() => Cells.of<string, Balance>());
        const open: Open[] = [];
        const late: Open[] = [];
        let at = AT;
        let attempts = 0;
        const bookFor = (lifetime: number): Book => ({
          ledger,
          lifetime: { id: `l${lifetime}`, graph: "g", accounts: lifetimes[lifetime] as Accounts },
        });
        const balance = (key: string, lifetime: number) =>
          (isOfLifetime(key) ? lifetimes[lifetime] : ledger.balances)?.get(key) ?? EMPTY;
        for (const action of actions) {
          if (action.do === "pass") at += action.ms;
          if (action.do === "limit") {
            budgets = budgets.map((each, i) =>
              i === action.which ? { ...each, limits: action.limits } : each,
            );
            ledger = withBudgets(ledger, budgetSet(budgets));
          }
          if (action.do === "reserve") {
            const node = `n${action.node}`;
            const asks = action.asks.map((amounts) => ({ node, amounts }));
            const answer = reserve(bookFor(action.lifetime), asks, at);
            if ("refusals" in answer) continue;
            for (const reservation of answer)
              open.push({ attempt: `a${attempts++}`, lifetime: action.lifetime, reservation });
            for (const each of ledger.budgets.on("g", node)) {
              const { spent, reserved } = balance(accountKey(each, at), action.lifetime);
              for (const measure of MEASURES)
                expect((spent[measure] ?? 0) + (reserved[measure] ?? 0)).toBeLessThanOrEqual(
                  each.limits[measure] ?? Number.POSITIVE_INFINITY,
                );
            }
          }
          if (action.do === "drop") {
            const fork = forkLedger(ledger);
            const { lifetime, reservation } = open[action.which % Math.max(1, open.length)] ?? {};
            if (lifetime !== undefined && reservation && !reservation.on.some(isOfLifetime))
              settle({ ...bookFor(lifetime), ledger: fork }, reservation, reservation.amounts, at);
          }
          if ((action.do === "settle" || action.do === "expire") && open.length > 0) {
            const [one] = open.splice(action.which % open.length, 1) as [Open];
            const { reservation, lifetime, attempt } = one;
            const used = action.do === "settle" ? action.used : reservation.amounts;
            settle(bookFor(lifetime), reservation, used, at);
            if (action.do === "settle") continue;
            charged(ledger, attempt, { estimated: reservation.amounts, on: reservation.on });
            late.push(one);
          }
          if (action.do === "late" && late.length > 0) {
            const { lifetime, attempt } = late[action.which % late.length] as Open;
            correct(bookFor(lifetime), attempt, action.used, at);
            expect(correct(bookFor(lifetime), attempt, action.used, at)).toBe(false);
          }
          if (attempts % 3 === 0) settleLedger(ledger);
        }
        const sums = new Map<string, number>();
        for (const { lifetime, reservation } of open)
          for (const key of reservation.on) {
            const whose = `${key} ${isOfLifetime(key) ? lifetime : ""}`;
            sums.set(whose, (sums.get(whose) ?? 0) + (reservation.amounts.tokens ?? 0));
          }
        for (const [whose, tokens] of sums) {
          const [key = "", lifetime] = whose.split(" ");
          expect(balance(key, Number(lifetime)).reserved.tokens ?? 0).toBe(tokens);
        }
        for (const { lifetime, reservation } of open) settle(bookFor(lifetime), reservation, {}, at);
        for (const accounts of [ledger.balances, ...lifetimes])
          for (const [, { reserved }] of accounts.entries()) expect(isNothing(reserved)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
