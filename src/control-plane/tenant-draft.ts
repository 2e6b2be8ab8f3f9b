/**
 * The working copy of one tenant during one turn: what it has stored, overlaid with what the turn is to write. The
 * storage is read and never written here, and nothing outside sees a change before it is committed.
 */
import { limited } from "../guardrails/budgets.ts";
import { forkGuard, isChanged, type StoredGuard } from "../guardrails/guard.ts";
import type { Ledger } from "../guardrails/ledger.ts";
import type { PolicySet } from "../guardrails/policy-set.ts";
import type { TenantTally } from "../guardrails/tally.ts";
import type { Mark } from "../mirror/mark.ts";
import {
  type LogRecord,
  messageOf,
  type PolicyChangedRecord,
  type TenantwideRecord,
} from "../topics/record.ts";
import type { Kind } from "../topics/topics.ts";
import { type Correlated, openIn } from "./correlate.ts";
import type { Moment } from "./event.ts";
import { Evidence } from "./evidence.ts";
import { type Holds, holdOf, holdsOn, withRecord } from "./holds.ts";
import { type Hold, type Lifetime, NEVER } from "./lifetime.ts";
import type { IdempotencyEntry, Store, Tombstone, Writes } from "./store.ts";

export class TenantDraft {
  protected readonly store: Store;
  protected readonly at: number;
  #tail: number;
  #holds: Holds;
  #guard: StoredGuard | undefined;
  #policies: PolicySet | undefined;
  readonly #lifetimes = new Map<string, Lifetime>();
  readonly #records: LogRecord[] = [];
  readonly #idempotency = new Map<string, IdempotencyEntry>();
  /** What does not count of what came. */
  readonly evidence: Evidence;
  /** How far partitions of Kafka are taken in, where this turn has moved that. */
  readonly marks = new Map<string, Mark>();

  constructor(store: Store, at: number) {
    this.store = store;
    this.at = at;
    this.evidence = new Evidence(at);
    this.#tail = store.tail();
    this.#holds = store.holds();
    this.#guard = store.guard();
  }

  get writes(): Writes {
    return {
      records: this.#records,
      lifetimes: [...this.#lifetimes.values()],
      idempotency: [...this.#idempotency.values()],
      strays: this.evidence.strays,
      deadLetters: this.evidence.deadLetters,
      ...(this.marks.size > 0 && { marks: [...this.marks.values()] }),
      ...(this.#holds !== this.store.holds() && { holds: this.#holds }),
      ...(this.#guard && isChanged(this.#guard, this.store.guard()) && { guard: this.#guard }),
    };
  }

  /** As of this turn. */
  lifetime(id: string): Lifetime | Tombstone | undefined {
    return this.#lifetimes.get(id) ?? this.store.lifetime(id);
  }

  idempotency(key: string): IdempotencyEntry | undefined {
    const entry = this.#idempotency.get(key) ?? this.store.idempotency(key);
    return entry && (entry.expiresAt ?? NEVER) > this.at ? entry : undefined;
  }

  remember(entry: IdempotencyEntry): void {
    this.#idempotency.set(entry.key, entry);
  }

  append(record: TenantwideRecord): number {
    const offset = this.#tail++;
    this.#records.push({ ...record, offset, at: this.at } as LogRecord);
    if (record.type === "paused" || record.type === "resumed")
      this.#holds = withRecord(this.#holds, { ...record, at: this.at });
    if (record.type === "budget_set" || record.type === "budget_removed")
      this.keepGuard({ ...this.#guard, ledger: limited(this.#guard?.ledger, record, offset, this.at) });
    return offset;
  }

  /** What limits the tenant, as of this turn. */
  get ledger(): Ledger | undefined {
    return this.#guard?.ledger;
  }

  /** What guards the tenant, as of this turn. */
  get guard(): StoredGuard | undefined {
    return this.#guard;
  }

  /** Those that hold, where this turn has changed them. */
  get policies(): PolicySet | undefined {
    return this.#policies;
  }

  /** Other policies from here on, with the record of what has changed. */
  setPolicies(
    change: Omit<PolicyChangedRecord, "offset" | "at" | "type">,
    policies: PolicySet,
    tally: TenantTally | undefined,
  ): void {
    this.append({ type: "policy_changed", ...change });
    this.#policies = policies;
    const ledger = this.#guard?.ledger;
    const holds = policies.rules.size > 0;
    const guarded = holds || ledger !== undefined;
    this.#guard = guarded
      ? { ...(holds && { policies }), ...(tally && { tally }), ...(ledger && { ledger }) }
      : undefined;
  }

  /** What pauses a graph, or else the tenant, as of this turn. */
  hold(graph: string | undefined): Hold | undefined {
    return holdOf(this.#holds, graph);
  }

  /** What pauses the lifetimes of a graph, as of this turn. */
  protected holdsOn(graph: string): readonly Hold[] | undefined {
    return holdsOn(this.#holds, graph);
  }

  openInputs(kind: Kind, node: string, parents: readonly string[]): readonly Correlated[] {
    const changed = openIn(this.#lifetimes.values(), kind, node);
    return [...this.store.openInputs(kind, node, parents), ...changed];
  }

  protected moment(graph: string): Moment {
    const holds = this.holdsOn(graph);
    const moment = holds ? { at: this.at, tail: this.#tail, holds } : { at: this.at, tail: this.#tail };
    return this.#guard ? { ...moment, guard: forkGuard(this.#guard, this.recordAt) } : moment;
  }

  /** The execution in the log, or in what this turn adds to it. */
  protected readonly messageAt = (offset: number): Uint8Array => {
    const message = messageOf(this.recordAt(offset));
    if (message === undefined) throw new Error(`the log has no execution at ${offset}`);
    return message;
  };

  protected readonly recordAt = (offset: number): LogRecord | undefined =>
    this.#records[offset - this.store.tail()] ?? this.store.record(offset);

  /** The fork of an event that was accepted; of one that was dropped, its fork is dropped with it. */
  protected keepGuard(guard: StoredGuard): void {
    this.#guard = guard;
    for (const crossing of guard.ledger?.crossings ?? [])
      this.append({ type: "budget_threshold", ...crossing });
  }

  protected keepLifetime(lifetime: Lifetime): void {
    this.#lifetimes.set(lifetime.head.id, lifetime);
  }

  /** A record that a step has given its place, at the tail. */
  protected keepRecord(record: LogRecord): void {
    this.#records.push(record);
    this.#tail = record.offset + 1;
  }
}
