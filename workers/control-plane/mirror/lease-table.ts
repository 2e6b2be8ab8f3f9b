/** Which bridge sends this log to Kafka. It keeps two from doing the same work; what fences them is Kafka. */
import type { Sql } from "../sql.ts";

export interface Lease {
  /** Empty once it was given back. */
  readonly holder: string;
  /** Rises with each that was granted. */
  readonly epoch: number;
  /** 0 where its holder has no connection to show a sign of life on. */
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

  /** Nobody's since then; false where it is another's by now. */
  release(epoch: number, since: number): boolean {
    if (this.#current?.epoch !== epoch) return false;
    this.#write({ holder: "", epoch, lastsMs: 0, expires: since });
    return true;
  }

  /** Its holder may come again, and has it until it expires: no sooner than now. */
  disconnected(now: number): void {
    const held = this.#current;
    if (held && held.lastsMs > 0) this.#write({ ...held, lastsMs: 0, expires: Math.max(now, held.expires) });
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
