// Without this, a fork could leak into what it was forked from, or a step write too little or too much.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Cells } from "../../../src/control-plane/cells.ts";

type Op = { op: "set" | "delete" | "fork" | "settle"; key: number; value: number };
const op: fc.Arbitrary<Op> = fc.record({
  op: fc.constantFrom("set", "set", "set", "delete", "delete", "fork", "settle"),
  key: fc.nat({ max: 8 }),
  value: fc.integer(),
});

const sorted = <V>(entries: Iterable<[number, V]>) => [...entries].sort(([a], [b]) => a - b);

test("cells hold what a map would hold, and a table that gets their changes holds it too", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat({ max: 8 }), fc.integer())), fc.array(op), (initial, ops) => {
      let cells = Cells.of(initial);
      const model = new Map(initial);
      const table = new Map(initial);
      for (const { op, key, value } of ops) {
        if (op === "set") {
          cells.set(key, value);
          model.set(key, value);
        } else if (op === "delete") {
          cells.delete(key);
          model.delete(key);
        } else if (op === "fork") cells = cells.fork();
        else {
          for (const [changed, to] of cells.changes())
            if (to === undefined) table.delete(changed);
            else table.set(changed, to);
          cells.settle();
          expect(cells.changes().size).toBe(0);
          expect(sorted(table)).toEqual(sorted(model));
        }
        expect(cells.size).toBe(model.size);
        expect(sorted(cells.entries())).toEqual(sorted(model));
        for (let k = 0; k <= 8; k++) expect(cells.get(k)).toBe(model.get(k));
      }
    }),
    { numRuns: 500 },
  );
});

test("what a fork changes is not seen by what it was forked from, nor by another fork", () => {
  fc.assert(
    fc.property(fc.array(op), fc.array(op), (before, after) => {
      const apply = (cells: Cells<number, number>, ops: readonly Op[]) => {
        for (const { op, key, value } of ops)
          if (op === "set") cells.set(key, value);
          else if (op === "delete") cells.delete(key);
      };
      const cells = Cells.of<number, number>([[1, 1]]);
      apply(cells, before);
      const seen = sorted(cells.entries());
      const other = cells.fork();
      apply(cells.fork(), after);
      expect(sorted(cells.entries())).toEqual(seen);
      expect(sorted(other.entries())).toEqual(seen);
    }),
  );
});
