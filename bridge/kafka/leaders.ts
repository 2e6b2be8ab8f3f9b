/**
 * Which member of the group writes what goes out of each tenant: evenly, and whoever does it goes on where that is even,
 * so that a member that comes or goes moves no more than it must. Who has it is said by the lease in each object alone.
 */

export interface Candidate {
  readonly memberId: string;
  /** Those that it could write for, and of these those that it does. */
  readonly tenants: readonly string[];
  readonly leads: readonly string[];
}

/** By member. The same for the same candidates, in whatever order they come. */
export const leadersOf = (candidates: readonly Candidate[]): ReadonlyMap<string, readonly string[]> => {
  const sorted = [...candidates].sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
  const able = Map.groupBy(
    sorted.flatMap(({ memberId, tenants }) => tenants.map((tenant) => ({ memberId, tenant }))),
    ({ tenant }) => tenant,
  );
  const had = new Map(sorted.flatMap(({ memberId, leads }) => leads.map((tenant) => [tenant, memberId])));
  const shares = new Map(sorted.map(({ memberId }) => [memberId, new Set<string>()]));
  const count = (memberId: string): number => shares.get(memberId)?.size ?? 0;
  const least = (tenant: string): string =>
    (able.get(tenant) ?? [])
      .map(({ memberId }) => memberId)
      .reduce((one, other) => (count(other) < count(one) ? other : one));

  const tenants = [...able.keys()].sort();
  for (const tenant of tenants) shares.get(had.get(tenant) ?? "")?.add(tenant);
  for (const tenant of tenants)
    if (!shares.has(had.get(tenant) ?? "")) shares.get(least(tenant))?.add(tenant);
  // Each move makes the sum of the squares smaller, so this ends.
  for (let moved = true; moved; ) {
    moved = false;
    for (const [memberId, share] of shares)
      for (const tenant of [...share].reverse()) {
        const to = least(tenant);
        if (count(to) + 1 >= count(memberId)) continue;
        share.delete(tenant);
        shares.get(to)?.add(tenant);
        moved = true;
      }
  }
  return new Map([...shares].map(([memberId, share]) => [memberId, [...share]]));
};
