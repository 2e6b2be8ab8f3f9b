/** A tenant with budgets whose every turn is committed, and looked at: what has to hold of its ledger holds. */
import { expect } from "vitest";
import { execId, inputId } from "../../../src/control-plane/ids.ts";
import type { Lifetime, Member } from "../../../src/control-plane/lifetime.ts";
import { type Happening, Turn } from "../../../src/control-plane/turn.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { accountKey, type Balance, EMPTY, isOfLifetime } from "../../../src/guardrails/account.ts";
import type { Budget } from "../../../src/guardrails/budget.ts";
import { type Amounts, isNothing, MEASURES, minus } from "../../../src/guardrails/measure.ts";
import type { InputRecord } from "../../../src/topics/record.ts";
import { encodeExecution } from "../../../src/wire/codec.ts";
import { executionOf, START, TENANT } from "../../fixtures/play.ts";
import { MemoryStore } from "../../simulation/store.ts";

export const GRAPH = "g";

export type Limits = Omit<Budget, "id" | "createdAt">;

export type Open = readonly [id: string, n: number, member: Member];

export class Tenant {
  readonly store: MemoryStore;
  readonly ids: string[] = [];
  /** Inputs that were open once, for answers that come late. */
  readonly sent: Open[] = [];
  at = START;

  constructor(graph: Graph) {
    this.store = new MemoryStore([graph]);
  }

  get ledger() {
    return this.store.guarded?.ledger;
  }

  /** One turn, and what has to hold of it. */
  turn(take: (turn: Turn) => void, poisoned = false): void {
    const before = this.store.log.length;
    const turn = new Turn(this.store, { tenant: TENANT, partition: 0 }, this.at);
    this.store.poisoned = poisoned;
    take(turn);
    this.store.poisoned = false;
    this.store.commit(turn.writes);
    for (const record of this.store.log.slice(before)) if (record.type === "input") this.#checkGrant(record);
    this.checkReserved();
  }

  /** Sets a budget, every option of it defaulted. */
  set(budget: Partial<Limits>): void {
    const whole = {
      name: "b",
      scope: "tenant",
      limits: {},
      over: "reject",
      thresholds: [],
      ...budget,
    } as const;
    this.turn((turn) => void turn.append({ type: "budget_set", budget: whole }));
  }

  /** Answers the id of the lifetime. */
  start(): string {
    const lifetime = `l${this.ids.length}`;
    this.ids.push(lifetime);
    const started = { lifetime, version: 1, labels: {}, input: new Uint8Array() };
    this.turn((turn) => void turn.start(started, GRAPH));
    return lifetime;
  }

  happen(id: string, happening: Happening): void {
    this.turn((turn) => void turn.happen(id, happening));
  }

  running(): Lifetime[] {
    return this.store.running().flatMap(({ id }) => {
      const found = this.store.lifetime(id);
      return found && "head" in found ? [found] : [];
    });
  }

  open(): Open[] {
    const open = this.running().flatMap(({ head, members }) =>
      [...members.entries()].flatMap(([n, member]): Open[] =>
        member.phase === "issued" ? [[head.id, n, member]] : [],
      ),
    );
    this.sent.push(...open);
    return open;
  }

  arrive(
    [lifetime, n, member]: Open,
    tokens: number | null,
    error: string | undefined,
    tasks: number,
    poisoned = false,
  ): void {
    const down = this.store.graph(GRAPH).down(member.node);
    const header = {
      name: member.node,
      lifetimeId: lifetime,
      inputId: inputId(lifetime, n),
      attempt: member.attempt,
      execId: execId({ partition: 0, startedAt: START, seed: 1 }, n, member.attempt),
      ...(tokens !== null && { usage: { tokensIn: BigInt(tokens), tokensOut: 0n } as never }),
    };
    const answer = { ...(error !== undefined && { error }), tasks: down.filter((_, i) => (tasks >> i) & 1) };
    const message = encodeExecution(executionOf(member.kind, header, answer));
    this.turn((turn) => void turn.arrive(`${member.kind}-executions`, message), poisoned);
  }

  pass(ms: number): void {
    this.at += ms;
    for (const { id, due } of this.store.running())
      if (due <= this.at) this.happen(id, { type: "time_passed" });
  }

  #balance(key: string, { head }: Lifetime | { head: undefined }): Balance {
    return (isOfLifetime(key) ? head?.accounts?.[key] : this.ledger?.balances.get(key)) ?? EMPTY;
  }

  #checkGrant(record: InputRecord): void {
    const { lifetimeId = "", name = "" } = record.decoded ?? {};
    const found = this.store.lifetime(lifetimeId);
    const lifetime = found && "head" in found ? found : { head: undefined };
    for (const budget of this.ledger?.budgets.on(GRAPH, name) ?? []) {
      const { spent, reserved } = this.#balance(accountKey(budget, this.at), lifetime);
      for (const measure of MEASURES)
        if ((spent[measure] ?? 0) + (reserved[measure] ?? 0) > (budget.limits[measure] ?? Number.MAX_VALUE))
          throw new Error(`I3 is broken: ${measure} of ${budget.name} after ${lifetimeId} issued ${name}`);
    }
  }

  /** Reserved is exactly what open inputs have reserved. */
  checkReserved(): void {
    const left = new Map<string, Amounts>();
    for (const [key, { reserved }] of this.ledger?.balances.entries() ?? []) left.set(key, reserved);
    for (const lifetime of this.running()) {
      const own = new Map(
        Object.entries(lifetime.head.accounts ?? {}).map(([key, { reserved }]) => [key, reserved]),
      );
      for (const [, member] of lifetime.members.entries()) {
        if (member.reserved === undefined) continue;
        expect(["issued", "waiting"]).toContain(member.phase);
        for (const key of member.reserved.on) {
          const of = isOfLifetime(key) ? own : left;
          const balance = of.get(key);
          if (balance === undefined) continue;
          for (const measure of MEASURES)
            expect(balance[measure] ?? 0).toBeGreaterThanOrEqual(member.reserved.amounts[measure] ?? 0);
          of.set(key, minus(balance, member.reserved.amounts));
        }
      }
      const budgets = this.ledger?.budgets.byId;
      for (const [key, reserved] of own)
        if (budgets?.has(Number(key.slice(1)))) expect(isNothing(reserved)).toBe(true);
    }
    for (const [key, reserved] of left)
      expect({ key, nothing: isNothing(reserved) }).toEqual({ key, nothing: true });
  }
}
