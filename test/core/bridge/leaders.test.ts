// Without this, one of several bridges could do all the work, a tenant be nobody's, or leases move for nothing.
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Candidate, leadersOf } from "../../../bridge/kafka/leaders.ts";

const TENANTS = Array.from({ length: 12 }, (_, n) => `tenant-${n}`);
const MEMBERS = ["one", "two", "three", "four"];
const some = fc.subarray(TENANTS);

/** Bridges that know any tenants, and have the leases of any of them, as of before they came and went. */
const candidates = fc
  .record({
    members: fc.subarray(MEMBERS, { minLength: 1 }),
    able: fc.array(some, { minLength: 4, maxLength: 4 }),
    had: fc.array(fc.nat(3), { minLength: 12, maxLength: 12 }),
  })
  .map(({ members, able, had }): readonly Candidate[] =>
    members.map((memberId, n) => {
      const tenants = able[n] ?? [];
      const leads = tenants.filter((tenant) => had[TENANTS.indexOf(tenant)] === n);
      return { memberId, tenants, leads };
    }),
  );

test("each tenant that anybody knows is one bridge's, which knows it, whatever the order of members", () => {
  fc.assert(
    fc.property(candidates, (members) => {
      const leaders = leadersOf(members);
      expect(leadersOf([...members].reverse())).toEqual(leaders);
      for (const { memberId, tenants } of members)
        expect(tenants).toEqual(expect.arrayContaining([...(leaders.get(memberId) ?? [])]));
      const led = [...leaders.values()].flat().sort();
      expect(led).toEqual([...new Set(members.flatMap(({ tenants }) => tenants))].sort());
    }),
  );
});

test("where all know all, none has two more than another, and each keeps what it had up to its share", () => {
  fc.assert(
    fc.property(candidates, (some) => {
      const members = some.map((each) => ({ ...each, tenants: TENANTS }));
      const leaders = leadersOf(members);
      const counts = [...leaders.values()].map(({ length }) => length);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThan(2);
      for (const { memberId, leads } of members) {
        const kept = leads.filter((tenant) => leaders.get(memberId)?.includes(tenant)).length;
        expect(kept).toBeGreaterThanOrEqual(
          Math.min(leads.length, Math.floor(TENANTS.length / members.length)),
        );
      }
    }),
  );
});
