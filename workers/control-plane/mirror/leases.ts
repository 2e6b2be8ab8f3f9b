/**
 * Gives the lease of the log to one bridge at a time: to whoever asks while nobody has it, or after its holder has
 * shown no sign of life for as long as it lasts. Who should have it is the bridges' own affair: those that should not wait
 * until nobody has had it for a while.
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

  /** After a sleep, or a crash: whoever had it before a crash should come back first. */
  woke(): void {
    if (this.#holder === undefined) this.#table.disconnected(this.#ports.now());
  }

  /** Answers the claim, and tells whoever had the lease before; whether it was granted. */
  claim(from: Connection, leaseMs: number, vacantMs: number): boolean {
    const { bridge = "" } = from;
    const now = this.#ports.now();
    const held = this.#table.current;
    if (held && held.holder !== bridge) {
      const left = this.#left(now);
      const wait = left + Math.max(0, vacantMs);
      if (wait > 0) {
        from.send({ case: "lease", value: leaseFrame(false, held.epoch, left > 0 ? held.holder : "", wait) });
        return false;
      }
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

  /** If it was this connection's; where it failed, anybody may have it at once. */
  release(from: Connection, failed = false): void {
    const { epoch } = from;
    if (epoch === undefined || !this.#table.release(epoch, failed ? 0 : this.#ports.now())) return;
    for (const each of this.#ports.connections())
      if (each !== from && each.bridge) each.send({ case: "vacancy", value: {} });
  }

  /** After the tables were cleared. */
  reset(): void {
    this.#table.reset();
  }

  get #holder(): Connection | undefined {
    const epoch = this.#table.current?.epoch;
    return [...this.#ports.connections()].find((each) => epoch !== undefined && each.epoch === epoch);
  }

  /** How long it is still its holder's without another sign of life; below zero, for how long it was nobody's. */
  #left(now: number): number {
    const held = this.#table.current;
    if (held === undefined) return 0;
    const holder = this.#holder;
    if (holder === undefined) return held.expires - now;
    const heard = Math.max(holder.heardAt, this.#ports.pingedAt(holder.socket));
    return Math.max(held.expires, heard + held.lastsMs) - now;
  }
}

const leaseFrame = (granted: boolean, epoch: number, holder: string, lastsMs: number) => ({
  granted,
  epoch: BigInt(epoch),
  holder,
  lastsMs: BigInt(lastsMs),
});
