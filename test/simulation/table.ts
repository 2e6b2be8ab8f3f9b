/**
 * The tables of the data plane as a model: filled from the log by cursor, by flushes that may come twice, late
 * and from an object that is gone. I8: what they hold is the fold of the log.
 */
import type { LogRecord } from "../../src/topics/record.ts";
import { decodeExecution } from "../../src/wire/codec.ts";
import type { Random } from "./random.ts";

interface LifetimeRow {
  readonly offset: number;
  readonly status: string;
}

export class Table {
  readonly executions = new Map<string, number>();
  readonly lifetimes = new Map<string, LifetimeRow>();
  cursor = 0;
  #sent: (readonly LogRecord[])[] = [];

  /** Sends what is above the cursor; at times something that was sent before, too. */
  flush(log: readonly LogRecord[], random: Random, faults: boolean): void {
    const length = faults ? 1 + random.below(50) : log.length;
    const batch = log.slice(this.cursor, this.cursor + length);
    if (batch.length === 0) return;
    this.#sent.push(batch);
    if (faults && random.chance(0.2)) this.#apply(random.pick(this.#sent) ?? []);
    this.#apply(batch);
  }

  /** One transaction: rows and cursor. Inserts ignore conflicts, and what can change only moves forward. */
  #apply(batch: readonly LogRecord[]): void {
    for (const record of batch) {
      if (record.type === "execution") {
        const decoded = decodeExecution(record.kind, record.message);
        const header = decoded.ok ? decoded.value.header : undefined;
        const key = `${header?.inputId}/${header?.attempt}`;
        if (!this.executions.has(key)) this.executions.set(key, record.offset);
      } else if (record.type === "lifetime_started") this.#move(record.lifetime, record.offset, "RUNNING");
      else if (record.type === "lifetime_ended") this.#move(record.lifetime, record.offset, record.status);
    }
    this.cursor = Math.max(this.cursor, batch.at(-1)?.offset ?? 0);
  }

  #move(lifetime: string, offset: number, status: string): void {
    if ((this.lifetimes.get(lifetime)?.offset ?? 0) < offset)
      this.lifetimes.set(lifetime, { offset, status });
  }
}
