/**
 * The budgets of the tenant and their ledger: in tables, and in memory as turns ask for it. A commit writes one row
 * for each account that it touched; what nodes have used is written now and then, because a little of it may be lost.
 */
import { Cells } from "../../src/control-plane/cells.ts";
import type { Balance } from "../../src/guardrails/account.ts";
import { type Budget, budgetSet } from "../../src/guardrails/budget.ts";
import { type Charge, type Ledger, newLedger, settleLedger } from "../../src/guardrails/ledger.ts";
import type { Sketch } from "../../src/guardrails/sketch.ts";
import type { Sql } from "./sql.ts";

/** Executions of a node between two rows of what it has used. */
const SKETCH_EVERY = 16;
/** Of a change of budgets that those who had no room have not been told of yet. */
const UNLEARNED = "budgets_unlearned";

type Row = { key: string; value: string };

export class BudgetTable {
  readonly #sql: Sql;
  /** Null where it has not been read. */
  #current: Ledger | undefined | null = null;
  /** Of sketches: how many samples the rows have. */
  readonly #samples = new Map<string, number>();

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** Undefined while the tenant has no budgets. */
  get current(): Ledger | undefined {
    if (this.#current === null) this.#current = this.#read();
    return this.#current;
  }

  /** Whether somebody may wait for room that a change has made. */
  get unlearned(): boolean {
    return this.#sql.exec("SELECT 1 FROM marks WHERE name = ?", UNLEARNED).toArray().length > 0;
  }

  learned(): void {
    this.#sql.exec("DELETE FROM marks WHERE name = ?", UNLEARNED);
  }

  /** Inside the transaction; answers what to remember once it is committed. */
  write(ledger: Ledger): () => void {
    const relimited = ledger.budgets !== this.current?.budgets;
    if (relimited) this.#writeBudgets(ledger);
    this.#writeCells("accounts", ledger.balances.changes());
    this.#writeCells("charges", ledger.charges.changes());
    this.#writeCells("sketches", new Map([...ledger.sketches.changes()].filter(this.#isWorthARow)));
    return () => {
      settleLedger(ledger);
      this.#current = ledger.budgets.all.size > 0 ? ledger : undefined;
    };
  }

  reset(): void {
    this.#current = null;
    this.#samples.clear();
  }

  /** Without any, nothing of what was counted is of use. */
  #writeBudgets({ budgets }: Ledger): void {
    this.#sql.exec("DELETE FROM budgets");
    for (const { name, ...budget } of budgets.all.values())
      this.#sql.exec("INSERT INTO budgets VALUES (?, ?)", name, JSON.stringify(budget));
    this.#sql.exec("INSERT OR REPLACE INTO marks VALUES (?, 1)", UNLEARNED);
    if (budgets.all.size > 0) return;
    for (const table of ["accounts", "charges", "sketches"]) this.#sql.exec(`DELETE FROM ${table}`);
    this.#samples.clear();
  }

  #writeCells(
    table: "accounts" | "charges" | "sketches",
    changes: Iterable<readonly [string, object | undefined]>,
  ): void {
    for (const [key, value] of changes)
      if (value === undefined) this.#sql.exec(`DELETE FROM ${table} WHERE key = ?`, key);
      else this.#sql.exec(`INSERT OR REPLACE INTO ${table} VALUES (?, ?)`, key, JSON.stringify(value));
  }

  readonly #isWorthARow = ([key, sketch]: readonly [string, Sketch | undefined]): boolean => {
    const samples = sketch?.samples ?? 0;
    const written = this.#samples.get(key) ?? 0;
    if (written > 0 && Math.abs(samples - written) < SKETCH_EVERY) return false;
    this.#samples.set(key, samples);
    return true;
  };

  #read(): Ledger | undefined {
    const budgets = this.#sql.exec<Row>("SELECT name AS key, document AS value FROM budgets").toArray();
    if (budgets.length === 0) return undefined;
    const sketches = this.#cells<Sketch>("sketches");
    for (const [key, { samples }] of sketches.entries()) this.#samples.set(key, samples);
    return newLedger(
      budgetSet(budgets.map(({ key: name, value }) => ({ ...JSON.parse(value), name }) as Budget)),
      { balances: this.#cells<Balance>("accounts"), charges: this.#cells<Charge>("charges"), sketches },
    );
  }

  #cells<T>(table: "accounts" | "charges" | "sketches"): Cells<string, T> {
    const rows = this.#sql.exec<Row>(`SELECT key, value FROM ${table}`).toArray();
    return Cells.of(rows.map(({ key, value }) => [key, JSON.parse(value) as T] as const));
  }
}
