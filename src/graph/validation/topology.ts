/**
 * The rules of the shape: upstreams, ends, entries, what can be reached. Illegal edges and nodes of unknown
 * type count as what they may have been meant for, so that one mistake is not told again as its consequences.
 */

import { type Fault, fault } from "../fault.ts";
import type { Edge } from "../graph.ts";
import { type CheckedNode, quoted } from "./nodes.ts";

interface Neighbours {
  readonly up: ReadonlyMap<string, readonly Edge[]>;
  readonly down: ReadonlyMap<string, readonly Edge[]>;
}

const neighboursOf = (edges: readonly Edge[]): Neighbours => {
  const between = edges.filter((edge) => edge.from !== edge.to);
  return { up: Map.groupBy(between, (edge) => edge.to), down: Map.groupBy(between, (edge) => edge.from) };
};

const checkTask = (task: CheckedNode, up: readonly Edge[], nodes: ReadonlyMap<string, CheckedNode>) => {
  if (up.length === 0) {
    const message = `No plan leads to task ${quoted(task.name)}; add an edge from the plan that launches it.`;
    return fault("no_upstream_plan", message, task.where);
  }
  const plans = [...new Set(up.map((edge) => edge.from))].filter((name) => nodes.get(name)?.type === "plan");
  if (plans.length < 2) return undefined;
  const shown = plans.slice(0, 5).map(quoted).join(", ");
  const message = `${plans.length} plans lead to task ${quoted(task.name)} (${shown}); keep one of the edges, and give each other plan a task of its own.`;
  return fault("several_upstream_plans", message, task.where);
};

const reachedFrom = (roots: readonly string[], down: Neighbours["down"]): ReadonlySet<string> => {
  const reached = new Set(roots);
  // A set that grows while it is walked yields what is added.
  for (const name of reached) for (const edge of down.get(name) ?? []) reached.add(edge.to);
  return reached;
};

/** Names of the plans that a lifetime starts with. */
export const checkTopology = (
  nodes: ReadonlyMap<string, CheckedNode>,
  edges: readonly Edge[],
  faults: Fault[],
): ReadonlySet<string> => {
  const { up, down } = neighboursOf(edges);
  const entries = new Set<string>();
  const roots: string[] = [];
  for (const node of nodes.values()) {
    const upstream = up.get(node.name) ?? [];
    if (node.type === "plan" && (node.entry || upstream.length === 0)) entries.add(node.name);
    if (node.entry || upstream.length === 0) roots.push(node.name);
    if (node.type === "task") {
      const wrong = checkTask(node, upstream, nodes);
      if (wrong) faults.push(wrong);
    }
    if (node.type === "plan" && !node.end && !down.has(node.name)) {
      const message = `Plan ${quoted(node.name)} leads to no task; add an edge to one, or mark it with end="true" if the branch is meant to end here.`;
      faults.push(fault("dead_end_plan", message, node.where));
    }
  }
  if (roots.length === 0) {
    const message =
      nodes.size === 0
        ? "The graph has no nodes; declare at least one plan and its tasks."
        : `Every plan has a task before it, so nothing can start; mark the plan to start with by entry="true".`;
    faults.push(fault("no_entry", message));
    return entries;
  }
  const reached = reachedFrom(roots, down);
  for (const node of nodes.values()) {
    if (reached.has(node.name)) continue;
    const message = `No entry leads to ${quoted(node.name)}; add an edge towards it, mark a plan before it with entry="true", or leave it out.`;
    faults.push(fault("unreachable_node", message, node.where));
  }
  return entries;
};
