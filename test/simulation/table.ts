/**
 * The tables of the data plane as a model: filled from the log by cursor, by flushes that may come twice, late
 * and from an object that is gone. I8: what they hold is the fold of the log.
 */
import {
  type LifetimeRow,
  type PlanExecutionRow,
  rowsOf,
  type TaskExecutionRow,
} from "../../src/data-plane/row.ts";
import type { LogRecord } from "../../src/topics/record.ts";
import type { Random } from "./random.ts";

export class Table {
  /** By lifetime and offset. */
  readonly executions = new Map<string, PlanExecutionRow | TaskExecutionRow>();
  readonly lifetimes = new Map<string, LifetimeRow>();
  #cursor = 0;
  readonly #sent: (readonly LogRecord[])[] = [];

  static foldOf(log: readonly LogRecord[]): Table {
    const table = new Table();
    table.#apply(log);
    return table;
  }

  /** Sends what is above the cursor; at times something that was sent before comes once more, or overtakes it. */
  flush(log: readonly LogRecord[], random: Random, faults: boolean): void {
    const batch = log.slice(this.#cursor, faults ? this.#cursor + 1 + random.below(50) : log.length);
    if (faults && random.chance(0.1)) this.#apply(log.slice(this.#cursor));
    if (faults && random.chance(0.2)) this.#apply(random.pick(this.#sent) ?? []);
    this.#apply(batch);
    this.#sent.push(batch);
  }

  /** One transaction: rows and cursor. Inserts ignore conflicts, and what can change only moves forward. */
  #apply(batch: readonly LogRecord[]): void {
    const { planExecutions, taskExecutions, lifetimes } = rowsOf(batch);
    for (const row of [...planExecutions, ...taskExecutions]) {
      const key = `${row.lifetime}/${row.offset}`;
      if (!this.executions.has(key)) this.executions.set(key, row);
    }
    for (const row of lifetimes) this.#move(row, this.lifetimes.get(row.lifetime));
    this.#cursor = Math.max(this.#cursor, batch.at(-1)?.offset ?? 0);
  }

  #move(row: LifetimeRow, there: LifetimeRow | undefined): void {
    const start = there && there.started >= row.started ? there : row;
    const move = there && there.moved >= row.moved ? there : row;
    const end = there && there.ended >= row.ended ? there : row;
    const { lifetime, started, graph, graphVersion, labels, startedAt, input, root } = start;
    const { moved, status, reasonCode, reasonDetail } = move;
    const { ended, endedAt, steps, outcomes } = end;
    this.lifetimes.set(lifetime, {
      ...{ lifetime, started, graph, graphVersion, labels, startedAt, input, root },
      ...{ moved, status, reasonCode, reasonDetail, ended, endedAt, steps, outcomes },
    });
  }
}
