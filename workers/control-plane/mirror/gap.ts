/**
 * Records that were let go before Kafka had them, because the storage was nearly full and the tenant would rather go
 * on. Kafka may then be behind what counts as acknowledged, until it has passed them.
 */
import type { Sql } from "../sql.ts";

/** Kafka had everything up to `after`, and may lack some up to `to`. */
interface Gap {
  readonly after: number;
  readonly to: number;
}

type Name = "gap_after" | "gap_to";

export class GapMark {
  readonly #sql: Sql;
  #gap: Gap | undefined;

  constructor(sql: Sql) {
    this.#sql = sql;
    const rows = sql.exec<{ name: Name; value: number }>(
      "SELECT name, value FROM marks WHERE name LIKE 'gap_%'",
    );
    const found = new Map(rows.toArray().map(({ name, value }) => [name, value]));
    const [after, to] = [found.get("gap_after"), found.get("gap_to")];
    if (after !== undefined && to !== undefined) this.#gap = { after, to };
  }

  /** What Kafka has to have at least, where `acknowledged` counts as what it has. */
  least(acknowledged: number): number {
    return this.#gap ? Math.min(this.#gap.after, acknowledged) : acknowledged;
  }

  /** Inside the transaction that moves the cursor. One that is open already grows. */
  open(after: number, to: number): void {
    this.#gap = { after: this.least(after), to };
    this.#sql.exec(
      "INSERT OR REPLACE INTO marks VALUES ('gap_after', ?), ('gap_to', ?)",
      this.#gap.after,
      to,
    );
  }

  passed(through: number): void {
    if (this.#gap === undefined || through < this.#gap.to) return;
    this.#gap = undefined;
    this.#sql.exec("DELETE FROM marks WHERE name LIKE 'gap_%'");
  }

  /** After the tables were cleared. */
  reset(): void {
    this.#gap = undefined;
  }
}
