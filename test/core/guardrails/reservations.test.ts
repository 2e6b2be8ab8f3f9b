/** Without this a step could be issued that no budget has room for, or what ends could leave something reserved. */
import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { execId, inputId } from "../../../src/control-plane/ids.ts";
import type { Lifetime, Member } from "../../../src/control-plane/lifetime.ts";
import { type Happening, Turn } from "../../../src/control-plane/turn.ts";
import type { Graph, Node } from "../../../src/graph/graph.ts";
import { accountKey, type Balance, EMPTY, isOfLifetime } from "../../../src/guardrails/account.ts";
import { type Budget, OVER } from "../../../src/guardrails/budget.ts";
import { type Amounts, isNothing, MEASURES, minus } from "../../../src/guardrails/measure.ts";
import type { InputRecord } from "../../../src/topics/record.ts";
import { encodeExecution } from "../../../src/wire/codec.ts";
import { ExecutionStatus } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { anyGraph } from "../../fixtures/graphs.ts";
import { executionOf, START, TENANT } from "../../fixtures/play.ts";
import { MemoryStore } from "../../simulation/store.ts";

vi.setConfig({ testTimeout: 120_000 });

const HOUR = 3_600_000;
const GRAPH = "g";

const estimated = (node: Node): Node => ({ ...node, estimate: { tokens: 10, costUsdMicros: 7, ms: 0 } });

/** With plans of one kind decided in the turn that issues them, and bounds that are met soon. */
const guarded = (graph: Graph, inline: boolean): Graph => ({
  ...graph,
  name: GRAPH,
  bounds: { ...graph.bounds, iterationsMax: 6, stepsMax: 80 },
  nodes: graph.nodes.map((node) =>
    estimated(inline && node.type === "plan" ? { ...node, kind: "parallel" } : node),
  ),
});

type Limits = Omit<Budget, "id" | "createdAt">;

const limits = fc.record({ tokens: fc.nat(150), calls: fc.nat(20) }, { requiredKeys: [] });
const anyBudget = fc
  .record({ which: fc.nat(4), limits, over: fc.constantFrom(...OVER) })
  .map(({ which, ...rest }): Limits => {
    const scopes: Pick<Limits, "scope" | "graph" | "node" | "window">[] = [
      { scope: "tenant", window: "hour" },
      { scope: "graph", graph: GRAPH },
      { scope: "lifetime" },
      { scope: "node", graph: GRAPH, node: "P0", window: "day" },
      { scope: "tenant" },
    ];
    return { name: `b${which}`, thresholds: [50], scope: "tenant", ...scopes[which], ...rest };
  });

const action = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("start" as const) }) },
  {
    weight: 20,
    arbitrary: fc.record({
      do: fc.constant("answer" as const),
      which: fc.nat(),
      tokens: fc.option(fc.nat(15)),
      fails: fc.boolean(),
      twice: fc.boolean(),
      poisoned: fc.boolean(),
      tasks: fc.nat(7),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("late" as const), which: fc.nat(), tokens: fc.nat(15) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.nat(2 * HOUR) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom("cancel", "pause", "resume", "lose", "retry", "align"),
      which: fc.nat(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("limit" as const), budget: anyBudget }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("unlimit" as const), which: fc.nat(4) }) },
);

type Open = readonly [id: string, n: number, member: Member];

class Tenant {
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

it("grants nothing over a limit, reserves exactly what is open, and nothing once all has ended (I3)", () => {
  let met: Amounts & Record<string, number> = {};
  const count = (what: string) => {
    met = { ...met, [what]: (met[what] ?? 0) + 1 };
  };
  fc.assert(
    fc.property(
      anyGraph,
      fc.boolean(),
      fc.array(anyBudget, { minLength: 1 }),
      fc.array(action, { maxLength: 60, size: "max" }),
      (graph, inline, budgets, actions) => {
        const tenant = new Tenant(guarded(graph, inline));
        const set = (budget: Limits) =>
          tenant.turn((turn) => void turn.append({ type: "budget_set", budget }));
        const start = () => {
          const lifetime = `l${tenant.ids.length}`;
          tenant.ids.push(lifetime);
          tenant.turn(
            (turn) => void turn.start({ lifetime, version: 1, labels: {}, input: new Uint8Array() }, GRAPH),
          );
        };
        for (const budget of budgets) set(budget);
        start();
        for (const action of actions) {
          if (action.do === "start") start();
          if (action.do === "pass") tenant.pass(action.ms);
          if (action.do === "limit") set(action.budget);
          if (action.do === "unlimit" && tenant.ledger?.budgets.all.has(`b${action.which}`))
            tenant.turn((turn) => void turn.append({ type: "budget_removed", budget: `b${action.which}` }));
          if (action.do === "answer") {
            const open = tenant.open();
            const one = open[action.which % Math.max(1, open.length)];
            if (one === undefined) continue;
            tenant.arrive(
              one,
              action.tokens,
              action.fails ? "flaky: no" : undefined,
              action.tasks,
              action.poisoned && action.which % 8 === 0,
            );
            if (action.twice) tenant.arrive(one, action.tokens, undefined, 7);
          }
          if (action.do === "late") {
            const one = tenant.sent[action.which % Math.max(1, tenant.sent.length)];
            if (one) tenant.arrive(one, action.tokens, undefined, 7);
          }
          if (!("which" in action)) continue;
          const id = tenant.ids[action.which % tenant.ids.length] ?? "";
          if (action.do === "cancel") tenant.happen(id, { type: "cancel_requested", detail: "" });
          if (action.do === "pause") tenant.happen(id, { type: "pause_requested", detail: "" });
          if (action.do === "resume") tenant.happen(id, { type: "resume_requested" });
          if (action.do === "lose") tenant.happen(id, { type: "restarted" });
          if (action.do === "retry") tenant.turn((turn) => void turn.retry(id, "again"));
          if (action.do === "align") tenant.turn((turn) => void turn.align(id));
        }
        for (const { head } of tenant.running())
          tenant.happen(head.id, { type: "cancel_requested", detail: "" });
        for (const [, { reserved }] of tenant.ledger?.balances.entries() ?? []) expect(reserved).toEqual({});
        for (const id of tenant.ids) {
          const failed = tenant.store.failed(id);
          for (const [key, { reserved }] of Object.entries(failed?.head.accounts ?? {}))
            if (tenant.ledger?.budgets.byId.has(Number(key.slice(1)))) expect(reserved).toEqual({});
        }
        for (const record of tenant.store.log) {
          if (record.type === "execution" && record.execution?.header?.status === ExecutionStatus.REJECTED)
            count("rejected");
          if (record.type === "execution" && record.estimated) count("estimated");
          if (record.type === "lifetime_ended") count(record.reason?.code ?? record.status);
          if (record.type === "lifetime_status") count(record.reason?.code ?? record.status);
          if (record.type === "budget_threshold") count(record.type);
        }
      },
    ),
    { numRuns: 1_000 },
  );
  const kinds = [
    "rejected",
    "estimated",
    "SUCCEEDED",
    "budget_aborted",
    "budget_paused",
    "canceled",
    "internal",
  ];
  expect(kinds.filter((what) => !met[what])).toEqual([]);
});
