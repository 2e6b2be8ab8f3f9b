/** Without this a step could be issued that no budget has room for, or what ends could leave something reserved. */
import fc from "fast-check";
import { expect, it, vi } from "vitest";
import type { Graph, Node } from "../../../src/graph/graph.ts";
import { OVER } from "../../../src/guardrails/budget.ts";
import type { Amounts } from "../../../src/guardrails/measure.ts";
import { ExecutionStatus } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { anyGraph } from "../../fixtures/graphs.ts";
import { GRAPH, type Limits, Tenant } from "./tenant.ts";

vi.setConfig({ testTimeout: 120_000 });

const HOUR = 3_600_000;

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
        const start = () => void tenant.start();
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
