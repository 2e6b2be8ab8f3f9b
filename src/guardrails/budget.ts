/** Budgets of a tenant: what each limits, and which of them a step of a node has to keep. A set never changes. */
import type { Amounts } from "./measure.ts";
import type { Window } from "./window.ts";

export const SCOPES = ["tenant", "graph", "lifetime", "node"] as const;
export type Scope = (typeof SCOPES)[number];

/** What becomes of steps that are over it, the strictest first. */
export const OVER = ["abort", "reject", "pause"] as const;
export type Over = (typeof OVER)[number];

export interface Budget {
  readonly name: string;
  /** Told apart from an earlier one of the same name; its accounts go by it. */
  readonly id: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Whose steps are counted together. */
  readonly scope: Scope;
  /** With scope graph and node the one that is meant; with scope lifetime those of this graph only. */
  readonly graph?: string;
  readonly node?: string;
  /** For ever where absent. */
  readonly window?: Window;
  readonly limits: Amounts;
  readonly over: Over;
  /** Percent of a limit at which somebody is told, rising. */
  readonly thresholds: readonly number[];
}

export interface BudgetSet {
  /** By name. */
  readonly all: ReadonlyMap<string, Budget>;
  readonly byId: ReadonlyMap<number, Budget>;
  /** All that a step of this node has to keep. */
  on(graph: string, node: string): readonly Budget[];
}

export const budgetSet = (budgets: Iterable<Budget>): BudgetSet => {
  const all = [...budgets].sort((one, other) => one.id - other.id);
  const everywhere = all.filter((budget) => budget.graph === undefined);
  const inGraph = new Map<string, readonly Budget[]>();
  const atNode = new Map<string, readonly Budget[]>();
  for (const { graph } of all)
    if (graph !== undefined)
      inGraph.set(graph, [
        ...everywhere,
        ...all.filter((budget) => budget.graph === graph && budget.node === undefined),
      ]);
  for (const { graph, node } of all)
    if (graph !== undefined && node !== undefined)
      atNode.set(nodeKey(graph, node), [
        ...(inGraph.get(graph) ?? everywhere),
        ...all.filter((budget) => budget.graph === graph && budget.node === node),
      ]);
  return {
    all: new Map(all.map((budget) => [budget.name, budget])),
    byId: new Map(all.map((budget) => [budget.id, budget])),
    on: (graph, node) =>
      (atNode.size > 0 ? atNode.get(nodeKey(graph, node)) : undefined) ?? inGraph.get(graph) ?? everywhere,
  };
};

export const nodeKey = (graph: string, node: string): string => JSON.stringify([graph, node]);

type Kept = Pick<Budget, "scope" | "graph" | "node" | "window">;

/** Whether what was counted for one counts for the other: the same steps, in the same windows. */
export const sameAccounts = (one: Kept, other: Kept): boolean =>
  one.scope === other.scope &&
  one.graph === other.graph &&
  one.node === other.node &&
  one.window === other.window;
