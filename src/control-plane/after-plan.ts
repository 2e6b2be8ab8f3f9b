/** plan → tasks: launches the wave that a plan decided on. */
import { NAME_CHARS_MAX, WARNINGS_MAX } from "../limits.ts";
import type { PlanExecution } from "../wire/gen/escapement/v1/execution_pb.ts";
import { overBound } from "./bounds.ts";
import type { Draft } from "./draft.ts";
import { end, endBranch } from "./ending.ts";
import { issue } from "./issue.ts";
import type { Answered, Wave } from "./lifetime.ts";

export interface Choice {
  /** Tasks that the plan named and the graph has, in the plan's order, each once. */
  readonly tasks: readonly string[];
  readonly warnings: readonly string[];
}

export const chooseTasks = (draft: Draft, plan: string, execution: PlanExecution): Choice => {
  const down = new Set(draft.graph.down(plan));
  const tasks = new Set<string>();
  const unknown = new Set<string>();
  for (const name of execution.result?.nextTaskNames ?? [])
    if (down.has(name)) tasks.add(name);
    else unknown.add(name);
  const shown = [...unknown].slice(0, WARNINGS_MAX);
  const warnings = shown.map(
    (name) => `${plan} named ${name.slice(0, NAME_CHARS_MAX)}, which is no task of it; left out`,
  );
  if (unknown.size > shown.length)
    warnings.push(`${plan} named ${unknown.size - shown.length} more that are no tasks of it; left out`);
  return { tasks: [...tasks], warnings };
};

export const afterPlan = (draft: Draft, answer: Answered, tasks: readonly string[]): void => {
  const { execId, name, offset } = answer;
  const { head, waves } = draft.lifetime;
  if (tasks.length === 0) {
    if (!answer.ignored) endBranch(draft, { kind: "plan", execId, offset });
    return;
  }
  const over = overBound(draft, tasks, answer.bytes);
  if (over) {
    end(draft, "FAILED", over);
    return;
  }
  const number = ++head.waves;
  const wave: Wave = {
    first: head.issued + 1,
    count: tasks.length,
    open: tasks.length,
    joins: joinsOf(draft, tasks),
  };
  waves.set(number, wave);
  for (const node of tasks) issue(draft, { node, wave: number, parents: [{ execId, name, offset }] });
};

/** A join's members are fixed at launch: the launched tasks with an edge to it. */
const joinsOf = (draft: Draft, tasks: readonly string[]): Record<string, number> => {
  const joins = new Map<string, number>();
  for (const task of tasks)
    for (const plan of draft.graph.down(task))
      if (draft.graph.node(plan).join === "all") joins.set(plan, (joins.get(plan) ?? 0) + 1);
  // Makes every name an own property, `__proto__` too.
  return Object.fromEntries(joins);
};
