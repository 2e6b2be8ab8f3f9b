/**
 * Which merges the branches of a lifetime may lead to, and how many inputs may still lead to each; nothing of
 * it where the graph has no merge. A branch carries the gathering of its innermost wave as a scope, for as
 * long as it can reach the merge, and every outstanding input holds its scopes open, once each. So does a
 * gathering that waits with arrivals, for the input that it becomes.
 */
import type { Draft } from "./draft.ts";
import type { Gathering, Scope } from "./lifetime.ts";

export const gatheringKey = ({ merge, wave }: Scope): string => `${wave} ${merge}`;

/** Those of the scopes that this node is within; undefined where there are none. */
export const reached = (
  { graph }: Draft,
  node: string,
  scopes: readonly Scope[] | undefined,
): readonly Scope[] | undefined => {
  if (scopes === undefined || graph.merges === undefined) return undefined;
  const merges = graph.merges.reachedFrom(node);
  const within = scopes.filter(({ merge }) => merges.includes(merge));
  return within.length > 0 ? within : undefined;
};

export const gatheringOf = (draft: Draft, scope: Scope): Gathering => {
  const gathering = draft.lifetime.gatherings.get(gatheringKey(scope));
  if (gathering === undefined)
    throw new Error(`${scope.merge} has fired for wave ${scope.wave}, and something may still lead to it`);
  return gathering;
};

const count = (draft: Draft, scope: Scope, by: number): void => {
  const gathering = gatheringOf(draft, scope);
  const open = gathering.open + by;
  draft.lifetime.gatherings.set(gatheringKey(scope), { ...gathering, open });
  if (open === 0) draft.quiet.push(gatheringKey(scope));
};

export const hold = (draft: Draft, scopes: readonly Scope[]): void => {
  for (const scope of scopes) count(draft, scope, 1);
};

export const release = (draft: Draft, scopes: readonly Scope[]): void => {
  for (const scope of scopes) count(draft, scope, -1);
};

/** The scopes of a new wave: those of its plan, and the gatherings that begin with it; held for all its tasks. */
export const enterWave = (
  draft: Draft,
  wave: number,
  plan: string,
  tasks: readonly string[],
  from: readonly Scope[] | undefined,
): readonly Scope[] | undefined => {
  const { merges } = draft.graph;
  if (merges === undefined) return undefined;
  const begun = merges.gatherAt(plan).map((merge) => ({ merge, wave }));
  const leading = new Map<Scope, number>();
  for (const scope of [...(from ?? []), ...begun]) {
    const open = tasks.filter((task) => merges.reachedFrom(task).includes(scope.merge)).length;
    if (open > 0) leading.set(scope, open);
  }
  if (leading.size === 0) return undefined;
  const scopes = [...leading.keys()];
  for (const scope of begun)
    if (leading.has(scope))
      draft.lifetime.gatherings.set(gatheringKey(scope), {
        ...scope,
        open: 0,
        arrived: 0,
        scopes: reached(draft, scope.merge, scopes) ?? [],
      });
  for (const [scope, open] of leading) count(draft, scope, open);
  return scopes;
};
