/**
 * Joins over several waves: a merge fires once for the wave that it gathers in, when nothing open may lead to
 * it any more, with everything that came (scopes.ts counts). Where nothing came it does not fire.
 */
import type { Draft } from "./draft.ts";
import type { Answered, Gathering, Scope } from "./lifetime.ts";
import { gatheringKey, gatheringOf, hold, release } from "./scopes.ts";
import { toPlan } from "./to-plan.ts";

/** A task that is done has come to a merge; it stays a member until that fires. */
export const arriveAtMerge = (draft: Draft, scope: Scope): void => {
  const gathering = gatheringOf(draft, scope);
  draft.lifetime.gatherings.set(gatheringKey(scope), { ...gathering, arrived: gathering.arrived + 1 });
  // From now on it will fire.
  if (gathering.arrived === 0) hold(draft, gathering.scopes);
};

/**
 * The last thing that a step does: until then an input that is done may have led to the next. What would fire
 * as its lifetime ends is left for a retry.
 */
export const fireMerges = (draft: Draft): void => {
  const { gatherings } = draft.lifetime;
  if (draft.lifetime.head.endedAt !== undefined) return;
  for (let key = draft.quiet.shift(); key !== undefined; key = draft.quiet.shift()) {
    const gathering = gatherings.get(key);
    if (gathering === undefined || gathering.open > 0) continue;
    gatherings.delete(key);
    if (gathering.arrived === 0) continue;
    toPlan(draft, gathering.merge, collect(draft, gathering), gathering.scopes);
    if (draft.lifetime.head.endedAt !== undefined) return;
    release(draft, gathering.scopes);
  }
};

/** Finds those that an end has left. */
export const findQuiet = ({ lifetime: { gatherings }, quiet }: Draft): void => {
  for (const [key, { open }] of [...gatherings.entries()].sort(([a], [b]) => (a < b ? -1 : 1)))
    if (open === 0) quiet.push(key);
};

/** What came, in the order of launch; it is kept no longer than something else needs it. */
const collect = (draft: Draft, { merge, wave }: Gathering): Answered[] => {
  const { members, waves } = draft.lifetime;
  const arrived: [number, Answered][] = [];
  for (const [n, member] of [...members.entries()]) {
    const { answer, scopes } = member;
    if (!answer || !scopes?.some((scope) => scope.merge === merge && scope.wave === wave)) continue;
    arrived.push([n, answer]);
    const left = scopes.filter((scope) => scope.merge !== merge);
    if (left.length > 0 || waves.get(member.wave)) members.set(n, { ...member, scopes: left });
    else members.delete(n);
  }
  return arrived.sort(([a], [b]) => a - b).map(([, answer]) => answer);
};
