/**
 * task → plans: a task that is done goes to its plans, or waits for the rest of its wave where they join.
 * A join fires at most once per wave and node (I4): it is struck from the wave when it does.
 */
import { NAME_CHARS_MAX } from "../limits.ts";
import type { TaskExecution } from "../wire/gen/escapement/v1/execution_pb.ts";
import type { Draft } from "./draft.ts";
import { endBranch } from "./ending.ts";
import type { Answered, Member, Wave } from "./lifetime.ts";
import { toPlan } from "./to-plan.ts";

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
  const wave = waves.get(done.wave);
  if (wave === undefined) throw new Error(`task input ${n} belongs to wave ${done.wave}, which is not open`);
  members.set(n, done);

  const plans = draft.graph.down(done.node);
  if (plans.length === 0 && !done.answer.ignored)
    endBranch(draft, { kind: "task", execId: done.answer.execId, offset: done.answer.offset });

  const joins = { ...wave.joins };
  const closed = { ...wave, open: wave.open - 1, joins };
  for (const plan of plans) {
    // A plan may have a name that every object has, say `constructor`.
    const waiting = Object.hasOwn(joins, plan) ? joins[plan] : undefined;
    if (waiting === undefined) {
      if (goesTo(done.answer, plan)) toPlan(draft, plan, [done.answer]);
    } else if (waiting > 1) {
      joins[plan] = waiting - 1;
    } else {
      delete joins[plan];
      const arrived = arrivals(draft, closed, plan);
      if (arrived.length > 0) toPlan(draft, plan, arrived);
    }
    // Whatever ended the lifetime just now has closed its waves as well.
    if (draft.lifetime.head.endedAt !== undefined) return;
  }
  if (closed.open > 0) waves.set(done.wave, closed);
  else closeWave(draft, done.wave, closed);
};

/** A task that chose an edge has departed from its other plans. */
const goesTo = (answer: Answered, plan: string): boolean => answer.edge === undefined || answer.edge === plan;

/** The members of a wave that came to this plan, in the order of launch. */
const arrivals = (draft: Draft, wave: Wave, plan: string): Answered[] => {
  const arrived: Answered[] = [];
  for (let n = wave.first; n < wave.first + wave.count; n++) {
    const member = draft.lifetime.members.get(n);
    if (member?.answer && goesTo(member.answer, plan) && draft.graph.down(member.node).includes(plan))
      arrived.push(member.answer);
  }
  return arrived;
};

const closeWave = (draft: Draft, number: number, wave: Wave): void => {
  draft.lifetime.waves.delete(number);
  for (let n = wave.first; n < wave.first + wave.count; n++) draft.lifetime.members.delete(n);
};
