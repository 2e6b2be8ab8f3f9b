/** Which bridge sends this log to Kafka. It keeps two from doing the same work; what fences them is Kafka. */
import type { Sql } from "../sql.ts";

export interface Lease {
  readonly holder: string;
  /** Rises with each that was granted. */
  readonly epoch: number;
  readonly lastsMs: number;
  /** Without a sign of life since it was granted. */
  readonly expires: number;
}

type Row = { holder: string; epoch: number; lasts_ms: number; expires: number };

export class LeaseTable {
  readonly #sql: Sql;
  #current: Lease | undefined;

  constructor(sql: Sql) {
    this.#sql = sql;
    const [row] = sql.exec<Row>("SELECT holder, epoch, lasts_ms, expires FROM mirror_lease").toArray();
    this.#current = row && {
      holder: row.holder,
      epoch: row.epoch,
      lastsMs: row.lasts_ms,
      expires: row.expires,
    };
  }

  get current(): Lease | undefined {
    return this.#current;
  }

  grant(holder: string, lastsMs: number, now: number): Lease {
    return this.#write({ holder, epoch: (this.#current?.epoch ?? 0) + 1, lastsMs, expires: now + lastsMs });
  }

  /** Anybody may have it at once. */
  release(epoch: number): void {
    if (this.#current?.epoch === epoch) this.#write({ ...this.#current, expires: 0 });
  }

  /** After the tables were cleared. */
  reset(): void {
    this.#current = undefined;
  }

  #write(lease: Lease): Lease {
    this.#sql.exec(
      "INSERT OR REPLACE INTO mirror_lease VALUES (1, ?, ?, ?, ?)",
      lease.holder,
      lease.epoch,
      lease.lastsMs,
      lease.expires,
    );
    this.#current = lease;
    return lease;
  }
}
