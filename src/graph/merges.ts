/**
 * Where the plans with join `merge` gather, worked out once per graph: in each wave of the nearest plan that
 * every way from the entries to the tasks before the merge leads through, and in each wave of the merge
 * itself, so that a lap is one of its own. docs/graphs.md says it at length.
 */
import { type Dominators, dominatorsOf, type Shape } from "./dominators.ts";

export interface Merges {
  /** The merges that gather in each wave that this plan launches. */
  gatherAt(plan: string): readonly string[];
  /** The merges that a way leads to from here, without another wave that they gather in on it. */
  reachedFrom(node: string): readonly string[];
}

export const commonPlanOf = (merge: string, shape: Shape, dominators: Dominators, isPlan: IsPlan) => {
  let common = dominators.common(shape.up(merge));
  // A task that leads to several plans is above them too, and launches nothing.
  while (common !== undefined && !isPlan(common)) common = dominators.nearest(common);
  return common;
};

type IsPlan = (name: string) => boolean;

export const mergesOf = (
  merges: readonly string[],
  shape: Shape,
  isPlan: IsPlan,
  dominators = dominatorsOf(shape),
): Merges => {
  const gather = new Map<string, string[]>();
  const reached = new Map<string, string[]>();
  const put = (lists: Map<string, string[]>, name: string, merge: string) => {
    const list = lists.get(name);
    if (list) list.push(merge);
    else lists.set(name, [merge]);
  };
  for (const merge of merges) {
    const common = commonPlanOf(merge, shape, dominators, isPlan);
    if (common === undefined) continue;
    for (const plan of new Set([common, merge])) put(gather, plan, merge);
    const before = new Set(shape.up(merge));
    // A set that grows while it is walked yields what is added.
    for (const name of before)
      for (const up of shape.up(name)) if (up !== common && up !== merge) before.add(up);
    for (const name of before) put(reached, name, merge);
  }
  return {
    gatherAt: (plan) => gather.get(plan) ?? [],
    reachedFrom: (node) => reached.get(node) ?? [],
  };
};

/** The merges that reach themselves through others. */
export const circular = (merges: readonly string[], { reachedFrom }: Merges): string[] =>
  merges.filter((merge) => {
    const reached = new Set(reachedFrom(merge));
    for (const other of reached) for (const next of reachedFrom(other)) reached.add(next);
    return reached.has(merge);
  });
