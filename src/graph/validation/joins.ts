/**
 * The rules of joins: that each can fire. Asked only of a graph whose shape is sound, since they are about the
 * ways through it.
 */
import { GRAPH_MERGES_MAX } from "../../limits.ts";
import { type Dominators, dominatorsOf, type Shape } from "../dominators.ts";
import { type Fault, fault, type Warning } from "../fault.ts";
import type { Edge, Join } from "../graph.ts";
import { circular, commonPlanOf, mergesOf } from "../merges.ts";
import { type CheckedNode, quoted } from "./nodes.ts";

interface Joining {
  readonly shape: Shape;
  readonly dominators: Dominators;
  readonly nodes: ReadonlyMap<string, CheckedNode>;
  readonly faults: Fault[];
  readonly warnings: Warning[];
}

const shapeOf = (edges: readonly Edge[], entries: Iterable<string>): Shape => {
  const down = Map.groupBy(edges, (edge) => edge.from);
  const up = Map.groupBy(edges, (edge) => edge.to);
  return {
    entries: [...entries],
    down: (name) => (down.get(name) ?? []).map((edge) => edge.to),
    up: (name) => (up.get(name) ?? []).map((edge) => edge.from),
  };
};

const listed = (names: readonly string[]): string =>
  names.slice(0, 5).map(quoted).join(", ") + (names.length > 5 ? ", …" : "");

/** A join of one wave has the tasks of one plan before it; those of another plan come in a wave of their own. */
const checkWave = (plan: CheckedNode, join: Join, { shape, dominators, faults, warnings }: Joining) => {
  const tasks = Map.groupBy(shape.up(plan.name), (task) => shape.up(task)[0] ?? "");
  if (typeof join === "object") {
    const most = Math.max(0, ...[...tasks.values()].map((each) => each.length));
    if (join.first > most) {
      const message = `Plan ${quoted(plan.name)} waits for the first ${join.first} tasks of a wave, and at most ${most} of one lead to it; lower the number, or lead more tasks to it.`;
      faults.push(fault("join_unreachable", message, plan.where));
      return;
    }
  }
  // What only the join itself leads to comes in a later lap, and that is meant.
  const launchers = [...tasks.keys()].filter((name) => !dominators.dominates(plan.name, name));
  if (launchers.length < 2) return;
  const message = `Tasks of ${launchers.length} plans lead to ${quoted(plan.name)} (${listed(launchers)}), so it fires for each of them alone: it joins the tasks that one plan launched; join="merge" waits for all branches, and join="each" says that it is meant.`;
  warnings.push(fault("join_spans_waves", message, plan.where));
};

const checkMerges = (merges: readonly CheckedNode[], { shape, dominators, nodes, faults }: Joining) => {
  const isPlan = (name: string) => nodes.get(name)?.type === "plan";
  if (merges.length > GRAPH_MERGES_MAX) {
    const message = `${merges.length} plans have join="merge"; a graph has at most ${GRAPH_MERGES_MAX}: where all tasks before a plan are of one plan, "all" says the same.`;
    faults.push(fault("too_many_merges", message, merges[GRAPH_MERGES_MAX]?.where));
    return;
  }
  for (const { name, where } of merges) {
    if (shape.up(name).length === 0 || commonPlanOf(name, shape, dominators, isPlan)) continue;
    const message = `There is no plan that every way to ${quoted(name)} leads through, so nothing says which branches it merges; begin them with the tasks of one plan.`;
    faults.push(fault("no_common_plan", message, where));
  }
  const names = merges.map(({ name }) => name);
  const inCircle = new Set(circular(names, mergesOf(names, shape, isPlan, dominators)));
  for (const { name, where } of merges) {
    if (!inCircle.has(name)) continue;
    const others = listed([...inCircle].filter((other) => other !== name));
    const message = `Merge ${quoted(name)} and ${others} lead to one another before their branches begin anew, so each would wait for the other; lead the cycle back through the plan where the branches begin.`;
    faults.push(fault("circular_merges", message, where));
  }
};

export const checkJoins = (
  nodes: ReadonlyMap<string, CheckedNode>,
  edges: readonly Edge[],
  entries: ReadonlySet<string>,
  faults: Fault[],
): Warning[] => {
  const shape = shapeOf(edges, entries);
  const joining = { shape, dominators: dominatorsOf(shape), nodes, faults, warnings: [] };
  const merges: CheckedNode[] = [];
  for (const plan of nodes.values()) {
    if (plan.type !== "plan" || plan.join === "each") continue;
    if (plan.join === "merge") merges.push(plan);
    else checkWave(plan, plan.join, joining);
  }
  checkMerges(merges, joining);
  return joining.warnings;
};
