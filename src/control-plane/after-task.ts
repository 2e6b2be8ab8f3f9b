/** task → plans: a task that is done goes to its plans, or waits where they join. */
import { NAME_CHARS_MAX } from "../limits.ts";
import type { TaskExecution } from "../wire/gen/escapement/v1/execution_pb.ts";
import type { Draft } from "./draft.ts";
import { end, endBranch } from "./ending.ts";
import type { Answered, Member, Scope, Wave } from "./lifetime.ts";
import { arriveAtMerge } from "./merge.ts";
import { reached, release } from "./scopes.ts";
import { toPlan } from "./to-plan.ts";
import { type Counted, counted, goesTo, isOpenJoin, memberDone, withdrawLosers } from "./wave-joins.ts";

export interface Departure {
  /** The plan that the task chose; undefined where it goes to all of them. */
  readonly edge?: string;
  readonly warnings: readonly string[];
}

export const chooseEdge = (draft: Draft, task: string, { header }: TaskExecution): Departure => {
  const edge = header?.edgeTaken ?? "";
  if (edge === "") return { warnings: [] };
  if (draft.graph.down(task).includes(edge)) return { edge, warnings: [] };
  const named = edge.slice(0, NAME_CHARS_MAX);
  return {
    warnings: [`${task} took the edge to ${named}, which is no plan after it; taken for all its edges`],
  };
};

export const afterTask = (draft: Draft, n: number, done: Member & { readonly answer: Answered }): void => {
  const { members, waves } = draft.lifetime;
  const { answer } = done;
  const launched = waves.get(done.wave);
  if (launched === undefined)
    throw new Error(`task input ${n} belongs to wave ${done.wave}, which is not open`);
  members.set(n, done);

  const plans = draft.graph.down(done.node);
  if (plans.length === 0 && !answer.ignored)
    endBranch(draft, { kind: "task", execId: answer.execId, offset: answer.offset });

  const wave = counted(launched);
  wave.open--;
  const held = reached(draft, done.node, wave.scopes);
  const waiting: Scope[] = [];
  for (const plan of plans) {
    if (isOpenJoin(wave, plan)) joinOf(draft, wave, plan, answer);
    else if (goesTo(answer, plan)) {
      const { join } = draft.graph.node(plan);
      if (join === "each") toPlan(draft, plan, [answer], wave.scopes);
      else if (join === "merge") waiting.push(scopeOf(held, plan));
    }
    // Whatever ended the lifetime just now has closed its waves as well.
    if (draft.lifetime.head.endedAt !== undefined) return;
  }
  if (waiting.length > 0) {
    members.set(n, { ...done, scopes: waiting });
    for (const scope of waiting) arriveAtMerge(draft, scope);
  }
  if (held) release(draft, held);
  if (wave.open > 0) waves.set(done.wave, wave);
  else closeWave(draft, done.wave, wave);
};

const joinOf = (draft: Draft, wave: Counted, plan: string, answer: Answered): void => {
  const { fires = [], unreachable } = memberDone(draft, wave, plan, answer);
  if (unreachable) end(draft, "FAILED", unreachable);
  if (fires.length === 0) return;
  withdrawLosers(draft, wave, plan);
  toPlan(draft, plan, fires, wave.scopes);
};

const scopeOf = (scopes: readonly Scope[] | undefined, plan: string): Scope => {
  const scope = scopes?.find(({ merge }) => merge === plan);
  if (scope === undefined) throw new Error(`nothing gathers for ${plan}, and a task came to it`);
  return scope;
};

const closeWave = (draft: Draft, number: number, wave: Wave): void => {
  const { members, waves } = draft.lifetime;
  waves.delete(number);
  for (let n = wave.first; n < wave.first + wave.count; n++)
    if (wave.scopes === undefined || !members.get(n)?.scopes?.length) members.delete(n);
};
