// Without this, ids could differ from replay to replay, collide, or lose the partition that they belong to.
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  draw,
  execId,
  inputId,
  lifetimeId,
  PARTITIONS_MAX,
  parseInputId,
  partitionOf,
  seedOf,
} from "../../../src/control-plane/ids.ts";

const partition = fc.nat({ max: PARTITIONS_MAX - 1 });

test("an execution id is a UUID of version 8 with the partition in ten of its bits", () => {
  fc.assert(
    fc.property(
      partition,
      fc.nat({ max: 2 ** 44 }),
      fc.nat({ max: 2 ** 32 - 1 }),
      fc.nat({ max: 2 ** 24 - 1 }),
      fc.integer({ min: 1, max: 20 }),
      (p, startedAt, seed, n, attempt) => {
        const id = execId({ partition: p, startedAt, seed }, n, attempt);
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        const [, , third = ""] = id.split("-");
        expect((Number.parseInt(third, 16) >> 2) & 0x3ff).toBe(p);
      },
    ),
  );
});

test("an execution id keeps its value from release to release", () => {
  const lifetime = { startedAt: 1_795_000_000_000, seed: 0xdeadbeef };
  expect(execId({ ...lifetime, partition: 0 }, 1, 1)).toBe("01a1ee56-5e00-8000-b7ab-6fbbc0000041");
  expect(execId({ ...lifetime, partition: 517 }, 1, 2)).toBe("01a1ee56-5e00-8814-b7ab-6fbbc0000042");
});

test("ids of other lifetimes, inputs and attempts are others, even in the same millisecond", () => {
  const ids = new Set<string>();
  for (const seed of [seedOf("acme", "l1"), seedOf("acme", "l2"), seedOf("other", "l1")])
    for (let n = 0; n < 100; n++)
      for (let attempt = 1; attempt <= 20; attempt++)
        ids.add(execId({ partition: 0, startedAt: 1_795_000_000_000, seed }, n, attempt));
  expect(ids.size).toBe(6_000);
});

test("an input id gives back its lifetime and number, whatever the lifetime is called", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.nat(), (lifetime, n) => {
      expect(parseInputId(inputId(lifetime, n))).toEqual({ lifetime, n });
    }),
  );
});

test.each([
  "",
  "l1",
  ":1",
  "l1:",
  "l1:x",
  "l1:-1",
  "l1:1.5",
  "l1:1e1",
  "l1:0x1",
  "l1: 1",
  "l1:01",
  "l1:1 ",
  `l1:${2 ** 60}`,
])("%j is no input id", (id) => {
  expect(parseInputId(id)).toBeUndefined();
});

test("a lifetime id gives back its partition, and none is partition 0", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[0-9A-Z]{26}$/), partition, (ulid, p) => {
      expect(partitionOf(lifetimeId(ulid, p))).toBe(p);
    }),
  );
});

test.each(["order-42", "order-1", "-1", "550e8400-e29b-41d4-a716-4466554400-7"])(
  "the foreign id %j is in partition 0",
  (lifetime) => {
    expect(partitionOf(lifetime)).toBe(0);
  },
);

test("a draw is the same for the same arguments and spreads over [0, 1)", () => {
  const seed = seedOf("acme", "l1");
  expect(seedOf("acme", "l1")).toBe(seed);
  const tenths = new Set<number>();
  for (let n = 1; n <= 200; n++) {
    const drawn = draw(seed, n, 1);
    expect(drawn).toBe(draw(seed, n, 1));
    expect(drawn).toBeGreaterThanOrEqual(0);
    expect(drawn).toBeLessThan(1);
    tenths.add(Math.floor(drawn * 10));
  }
  expect(tenths.size).toBe(10);
});
