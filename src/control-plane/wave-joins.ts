/**
 * Joins within one wave, `all` and `first`: how many of the wave's tasks may still come, and what fires with
 * those that came. A join fires at most once per wave and node (I4): it is struck from the wave when it does.
 *
 * 1. Its members are fixed at launch: the launched tasks with an edge to it.
 * 2. For `first`, a failure that its node ignores has brought nothing, so it does not count.
 */
import type { Draft } from "./draft.ts";
import type { Answered, Member, Reason, Wave } from "./lifetime.ts";
import { withdrawTasks } from "./withdraw.ts";

export const joinsOf = (draft: Draft, tasks: readonly string[]): Pick<Wave, "joins" | "arrived"> => {
  const joins = new Map<string, number>();
  const arrived = new Map<string, number>();
  for (const task of tasks)
    for (const plan of draft.graph.down(task)) {
      const { join } = draft.graph.node(plan);
      if (join === "each" || join === "merge") continue;
      joins.set(plan, (joins.get(plan) ?? 0) + 1);
      if (join !== "all") arrived.set(plan, 0);
    }
  return {
    // Makes every name an own property, `__proto__` too.
    joins: Object.fromEntries(joins),
    ...(arrived.size > 0 && { arrived: Object.fromEntries(arrived) }),
  };
};

/** A task that chose an edge has departed from its other plans. */
export const goesTo = (answer: Answered, plan: string): boolean =>
  answer.edge === undefined || answer.edge === plan;

/** The members of a wave that came to this plan, in the order of launch. */
const arrivals = (draft: Draft, { first, count }: Wave, plan: string): Answered[] => {
  const arrived: Answered[] = [];
  for (let n = first; n < first + count; n++) {
    const member = draft.lifetime.members.get(n);
    if (member?.answer && goesTo(member.answer, plan) && draft.graph.down(member.node).includes(plan))
      arrived.push(member.answer);
  }
  return arrived;
};

/** A wave while it is counted: what its open joins have is changed in place. */
export interface Counted extends Wave {
  open: number;
  joins: Record<string, number>;
  arrived?: Record<string, number>;
}

export const counted = (wave: Wave): Counted => ({
  ...wave,
  joins: { ...wave.joins },
  ...(wave.arrived && { arrived: { ...wave.arrived } }),
});

/** A plan may have a name that every object has, say `constructor`. */
const own = (record: Readonly<Record<string, number>> | undefined, name: string): number | undefined =>
  record && Object.hasOwn(record, name) ? record[name] : undefined;

export const isOpenJoin = (wave: Wave, plan: string): boolean => own(wave.joins, plan) !== undefined;

/** What a join fires with, now that one more of its members is done; or why it never can. */
export const memberDone = (
  draft: Draft,
  wave: Counted,
  plan: string,
  answer: Answered,
): { readonly fires?: readonly Answered[]; readonly unreachable?: Reason } => {
  const left = (own(wave.joins, plan) ?? 0) - 1;
  wave.joins[plan] = left;
  const arrived = own(wave.arrived, plan);
  if (arrived !== undefined) return firstDone(draft, wave, plan, { left, arrived, answer });
  if (left > 0) return {};
  delete wave.joins[plan];
  return { fires: arrivals(draft, wave, plan) };
};

const firstDone = (
  draft: Draft,
  wave: Counted,
  plan: string,
  { left, arrived, answer }: { left: number; arrived: number; answer: Answered },
) => {
  const { join } = draft.graph.node(plan);
  const wanted = typeof join === "object" ? join.first : 0;
  const came = goesTo(answer, plan) && !answer.ignored ? arrived + 1 : arrived;
  if (wave.arrived) wave.arrived[plan] = came;
  if (came === wanted) {
    delete wave.joins[plan];
    return { fires: arrivals(draft, wave, plan).filter(({ ignored }) => !ignored) };
  }
  if (came + left >= wanted) return {};
  if (left === 0) delete wave.joins[plan];
  // Where every task departs, nobody meant to come.
  if (arrivals(draft, wave, plan).length === 0) return {};
  const detail = `${plan} waits for the first ${wanted} tasks of a wave, and only ${came + left} can still come`;
  return { unreachable: { code: "join_unreachable" as const, detail } };
};

/** Where it was a `first` that fires, the open tasks that nothing else waits for are withdrawn, one by one. */
export const withdrawLosers = (draft: Draft, wave: Counted, plan: string): void => {
  if (own(wave.arrived, plan) === undefined) return;
  const losers: [number, Member][] = [];
  for (let n = wave.first; n < wave.first + wave.count; n++) {
    const member = draft.lifetime.members.get(n);
    if (!member || member.phase === "done") continue;
    const plans = draft.graph.down(member.node);
    if (plans.includes(plan) && !plans.some((other) => isWanted(draft, wave, other)))
      losers.push([n, member]);
  }
  wave.open -= losers.length;
  withdrawTasks(draft, losers, `${plan} has fired without it`);
};

/** Whether a task that is still open has something to do for this plan. */
const isWanted = (draft: Draft, wave: Wave, plan: string): boolean =>
  typeof draft.graph.node(plan).join !== "object" || isOpenJoin(wave, plan);
