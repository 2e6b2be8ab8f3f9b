/**
 * Records that were let go before Kafka had them, because the storage was nearly full and the tenant would rather go
 * on. Kafka may then be behind what counts as acknowledged, until it has passed them.
 */
import type { MirrorGap } from "../../../src/mirror/state.ts";
import type { Sql } from "../sql.ts";

/** The last one there was. */
interface Gap {
  /** Kafka had everything up to here, and may lack some up to `to`. */
  readonly after: number;
  readonly to: number;
  /** Kafka is behind it by now: it has what was still there. */
  readonly passed: boolean;
}

type Name = "gap_after" | "gap_to" | "gap_passed";

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
    if (after !== undefined && to !== undefined)
      this.#gap = { after, to, passed: found.get("gap_passed") === 1 };
  }

  get last(): MirrorGap | undefined {
    return this.#gap && { from: this.#gap.after + 1, to: this.#gap.to, passed: this.#gap.passed };
  }

  /** What Kafka has to have at least, where `acknowledged` counts as what it has. */
  least(acknowledged: number): number {
    return this.#gap && !this.#gap.passed ? Math.min(this.#gap.after, acknowledged) : acknowledged;
  }

  /** Inside the transaction that moves the cursor. One that is open already grows. */
  open(after: number, to: number): void {
    this.#write({ after: this.least(after), to, passed: false });
  }

  passed(through: number): void {
    if (this.#gap && !this.#gap.passed && through >= this.#gap.to)
      this.#write({ ...this.#gap, passed: true });
  }

  /** After the tables were cleared. */
  reset(): void {
    this.#gap = undefined;
  }

  #write(gap: Gap): void {
    this.#gap = gap;
    this.#sql.exec(
      "INSERT OR REPLACE INTO marks VALUES ('gap_after', ?), ('gap_to', ?), ('gap_passed', ?)",
      gap.after,
      gap.to,
      gap.passed ? 1 : 0,
    );
  }
}
