// Without this, one of several bridges could do all the work, or a tenant be nobody's.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Leadership } from "../../../bridge/outbound/leadership.ts";

const TENANTS = 30;

/** Bridges and the leases of their tenants, without any time but that of the steps. */
const world = (count: number) => {
  const clock = { at: 0 };
  const holders = new Map<number, number>();
  const bridges = Array.from({ length: count }, () => new Leadership<number>(() => clock.at));
  const alive = new Set(bridges.keys());
  const step = (order: readonly number[]) => {
    clock.at += 2_000;
    for (const n of order.filter((each) => alive.has(each))) {
      const bridge = bridges[n];
      bridge?.count(TENANTS, alive.size);
      for (const tenant of bridge?.surplus() ?? []) {
        bridge?.leave(tenant);
        holders.delete(tenant);
      }
      for (let tenant = 0; tenant < TENANTS; tenant++) {
        if (holders.get(tenant) === n || !bridge?.enter(tenant)) continue;
        if (holders.has(tenant)) bridge.leave(tenant);
        else holders.set(tenant, n);
      }
    }
  };
  const kill = (n: number) => {
    alive.delete(n);
    for (const [tenant, holder] of holders) if (holder === n) holders.delete(tenant);
  };
  const shares = () => [...alive].map((n) => [...holders.values()].filter((each) => each === n).length);
  return { clock, bridges, step, kill, shares };
};

test("tenants are spread evenly, whatever the order, and so again where one is gone", () => {
  const order = fc.shuffledSubarray([0, 1, 2], { minLength: 3, maxLength: 3 });
  fc.assert(
    fc.property(fc.array(order, { minLength: 20, maxLength: 20 }), fc.nat(2), (orders, victim) => {
      const { step, kill, shares } = world(3);
      step([orders[0]?.[0] ?? 0]);
      for (const each of orders) step(each);
      expect(shares()).toEqual([10, 10, 10]);
      kill(victim);
      for (const each of orders) step(each);
      expect(shares()).toEqual([15, 15]);
    }),
  );
});

test("a bridge that is counted and asks for nothing leaves no tenant without one", () => {
  const { clock, bridges, shares, step } = world(2);
  for (let n = 0; n < 20; n++) step([0]);
  expect(shares()).toEqual([TENANTS, 0]);
  // Nor is what it does not ask for given back again and again.
  bridges[0]?.count(TENANTS, 2);
  expect(bridges[0]?.surplus()).toEqual([]);
  clock.at += 3_600_000;
  step([0]);
  expect(shares()).toEqual([15, 0]);
});
