/**
 * Gives the lease of the log to one bridge at a time: to whoever asks while nobody has it, or after its holder has
 * shown no sign of life for as long as it lasts.
 */
import { MIRROR_LEASE_MS_MAX, MIRROR_LEASE_MS_MIN } from "../../../src/limits.ts";
import type { Sql } from "../sql.ts";
import type { Connection } from "./connection.ts";
import { LeaseTable } from "./lease-table.ts";

export interface LeasesPorts {
  connections(): Iterable<Connection>;
  /** When the platform last answered a ping in the object's place. */
  pingedAt(socket: WebSocket): number;
  now(): number;
  /** What Kafka has to have of the log. */
  acknowledged(): number;
}

export class Leases {
  readonly #table: LeaseTable;
  readonly #ports: LeasesPorts;

  constructor(sql: Sql, ports: LeasesPorts) {
    this.#table = new LeaseTable(sql);
    this.#ports = ports;
  }

  /** The epoch that counts. */
  get epoch(): number | undefined {
    return this.#table.current?.epoch;
  }

  /** Who has it, as far as is known; undefined where nobody does. */
  get held(): { readonly holder: string; readonly epoch: number } | undefined {
    const held = this.#table.current;
    const isHeld = held !== undefined && this.#left(this.#ports.now()) > 0;
    return isHeld ? { holder: held.holder, epoch: held.epoch } : undefined;
  }

  /** Answers the claim, and tells whoever had the lease before; whether it was granted. */
  claim(from: Connection, leaseMs: number): boolean {
    const { bridge = "" } = from;
    const now = this.#ports.now();
    const held = this.#table.current;
    const left = held && held.holder !== bridge ? this.#left(now) : 0;
    if (held && left > 0) {
      from.send({ case: "lease", value: leaseFrame(false, held.epoch, held.holder, left) });
      return false;
    }
    const lasts = Math.min(MIRROR_LEASE_MS_MAX, Math.max(MIRROR_LEASE_MS_MIN, leaseMs));
    const { epoch } = this.#table.grant(bridge, lasts, now);
    for (const each of this.#ports.connections()) {
      if (each === from || each.epoch === undefined) continue;
      each.keep({ epoch: undefined, sent: undefined });
      each.send({ case: "lease", value: leaseFrame(false, epoch, bridge, lasts) });
    }
    from.keep({ epoch, sent: undefined, records: undefined, bytes: undefined });
    const acknowledged = BigInt(this.#ports.acknowledged());
    from.send({ case: "lease", value: { ...leaseFrame(true, epoch, "", lasts), acknowledged } });
    return true;
  }

  /** Anybody may have it at once, if it was this connection's. */
  release({ epoch }: Connection): void {
    if (epoch !== undefined) this.#table.release(epoch);
  }

  /** After the tables were cleared. */
  reset(): void {
    this.#table.reset();
  }

  /** How long it is still its holder's without another sign of life. */
  #left(now: number): number {
    const held = this.#table.current;
    if (held === undefined) return 0;
    const holder = [...this.#ports.connections()].find(({ epoch }) => epoch === held.epoch);
    if (holder === undefined) return Math.max(0, held.expires - now);
    const heard = Math.max(holder.heardAt, this.#ports.pingedAt(holder.socket));
    return Math.max(0, heard + held.lastsMs - now);
  }
}

const leaseFrame = (granted: boolean, epoch: number, holder: string, lastsMs: number) => ({
  granted,
  epoch: BigInt(epoch),
  holder,
  lastsMs: BigInt(lastsMs),
});
