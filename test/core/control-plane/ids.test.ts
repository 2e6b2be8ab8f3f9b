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
      fc.string(),
      partition,
      fc.string(),
      fc.integer({ min: 1, max: 20 }),
      (tenant, p, input, attempt) => {
        const id = execId(tenant, p, input, attempt);
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-3][0-9a-f]{2}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        const [, , third = ""] = id.split("-");
        expect(Number.parseInt(third, 16) & 0x3ff).toBe(p);
        expect(execId(tenant, p, input, attempt)).toBe(id);
      },
    ),
  );
});

test("an execution id keeps its value from release to release", () => {
  expect(execId("acme", 0, "l1:1", 1)).toBe("2bd575db-3943-8000-af98-39761e45eb23");
  expect(execId("acme", 517, "l1:1", 2)).toBe("a9fb522f-c3fa-8205-aa3f-be22b1a9ce18");
});

test("ids of other inputs and attempts are others", () => {
  const ids = new Set<string>();
  for (let n = 0; n < 100; n++)
    for (let attempt = 1; attempt <= 20; attempt++) ids.add(execId("acme", 0, inputId("l1", n), attempt));
  expect(ids.size).toBe(2_000);
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
  const seed = seedOf("l1");
  expect(seedOf("l1")).toBe(seed);
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
