/** plan → tasks: launches the wave that a plan decided on. */
import { NAME_CHARS_MAX, WARNINGS_MAX } from "../limits.ts";
import type { PlanExecution } from "../wire/gen/escapement/v1/execution_pb.ts";
import { overBound } from "./bounds.ts";
import type { Draft } from "./draft.ts";
import { end, endBranch } from "./ending.ts";
import { issue } from "./issue.ts";
import type { Answered, Member, Wave } from "./lifetime.ts";
import { enterWave } from "./scopes.ts";
import { joinsOf } from "./wave-joins.ts";

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

export const afterPlan = (
  draft: Draft,
  { scopes: from }: Member,
  answer: Answered,
  tasks: readonly string[],
): void => {
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
  const scopes = enterWave(draft, number, name, tasks, from);
  const wave: Wave = {
    first: head.issued + 1,
    count: tasks.length,
    open: tasks.length,
    ...joinsOf(draft, tasks),
    ...(scopes && { scopes }),
  };
  waves.set(number, wave);
  const parents = [{ execId, name, offset }];
  issue(
    draft,
    tasks.map((node) => ({ node, wave: number, parents })),
  );
};
