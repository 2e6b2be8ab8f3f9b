// Without this, a merge could fire before a branch has come, twice, with the tasks of another lap, or never.
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import type { Lifetime } from "../../../src/control-plane/lifetime.ts";
import { graphOf } from "../../fixtures/graphs.ts";
import { Lineage } from "../../fixtures/lineage.ts";
import { Play } from "../../fixtures/play.ts";
import { anyWalk, walk } from "./walk.ts";

vi.setConfig({ testTimeout: 120_000 });

const MERGE = { join: "merge" as const };
/** The branches of P by way of A and B come together at M. */
const DIAMOND = "P -> a b; a -> A; A -> a2; b -> B; B -> b2; a2 b2 -> M";

/** What each open input of M carries. */
const merged = (play: Play): string[][] =>
  play
    .open("issued")
    .filter(([, { node }]) => node === "M")
    .map(([, { parents }]) => parents.map(({ name }) => name));
const timesOf = (play: Play, node: string): number =>
  play.inputs().filter(({ header }) => header.name === node).length;

describe("a merge", () => {
  const start = (text = DIAMOND, more = {}) => Play.start(graphOf(text, { M: MERGE, ...more })).answer("P");

  test.each([
    [["a", "A", "a2", "b", "B", "b2"]],
    [["b", "B", "b2", "a", "A", "a2"]],
    [["b", "a", "B", "A", "a2", "b2"]],
  ])("fires once with both branches, in the order of launch: %s", (order) => {
    const play = start();
    for (const node of order) {
      expect(timesOf(play, "M")).toBe(0);
      play.answer(node);
    }
    const launched = order.filter((node) => node === "A" || node === "B");
    expect(merged(play)).toEqual([launched.map((plan) => `${plan.toLowerCase()}2`)]);
    expect(play.issued).toHaveLength(1);
    expect(play.answer("M").head.status).toBe("SUCCEEDED");
    expect(play.state?.members.size).toBe(0);
  });

  test("does not wait for a branch that was not launched", () => {
    const play = Play.start(graphOf(DIAMOND, { M: MERGE })).answer("P", { tasks: ["a"] });
    expect(merged(play.answer("a").answer("A").answer("a2"))).toEqual([["a2"]]);
  });

  test("does not wait for a branch that ends early, and fires when it does", () => {
    const play = start().answer("a").answer("A").answer("a2").answer("b");
    expect(merged(play)).toEqual([]);
    expect(merged(play.answer("B", { tasks: [] }))).toEqual([["a2"]]);
  });

  test("does not wait for a task that departs, and leaves it out", () => {
    const play = start("P -> a b; a -> A; A -> a2; b -> M C; a2 -> M").answer("a").answer("A").answer("a2");
    expect(merged(play.answer("b", { edge: "C" }))).toEqual([["a2"]]);
  });

  test("does not wait for what can no longer reach it", () => {
    const play = start("P -> a b; a -> A; A -> x y; x -> M; b -> M");
    expect(merged(play.answer("b").answer("a").answer("A").answer("x"))).toEqual([["b", "x"]]);
    expect(play.issued).toEqual(["6 y", "7 M"]);
  });

  test("does not fire where nothing comes", () => {
    const play = start().answer("a").answer("A", { tasks: [] }).answer("b").answer("B", { tasks: [] });
    expect([timesOf(play, "M"), play.head.status]).toEqual([0, "SUCCEEDED"]);
  });

  test("takes failures that route with their result, and those that are ignored without", () => {
    const play = start(DIAMOND, { a2: { onFailure: "route" }, b2: { onFailure: "ignore" } });
    play.answer("a").answer("A").answer("a2", { error: "no: a" });
    play.answer("b").answer("B").answer("b2", { error: "no: b" });
    expect(merged(play)).toEqual([["a2", "b2"]]);
    expect(play.inputs().at(-1)?.withoutResult).toHaveLength(1);
  });

  test("waits for a retry", () => {
    const play = start(DIAMOND, { b2: { retry: { attempts: 2, backoffMs: 0 } } });
    play.answer("a").answer("A").answer("a2").answer("b").answer("B").answer("b2", { error: "no: b" });
    expect(timesOf(play, "M")).toBe(0);
    expect(merged(play.pass(1).answer("b2"))).toEqual([["a2", "b2"]]);
  });

  test("waits for every lap of a cycle within a branch", () => {
    const play = start("P -> a b; a -> A; A -> x r; r -> A; b -> M; x -> M", { A: { join: "each" } });
    play.answer("b").answer("a").answer("A").answer("x");
    expect(timesOf(play, "M")).toBe(0);
    play.answer("r").answer("A", { tasks: ["x"] });
    expect(merged(play.answer("x"))).toEqual([["b", "x", "x"]]);
  });

  test("merges each lap of a cycle back to its plan by itself", () => {
    const play = start("P -> a b; a -> M; b -> B; B -> c; c -> M; M -> d; d -> P", { P: { entry: true } });
    for (let lap = 0; lap < 3; lap++) {
      play.answer("a").answer("b").answer("B").answer("c");
      expect(timesOf(play, "M")).toBe(lap + 1);
      play.answer("M").answer("d").answer("P");
    }
    expect([play.state?.gatherings.size, play.state?.waves.size]).toEqual([1, 1]);
  });

  test("keeps a lap apart that begins while the one before is not over", () => {
    const play = start("P -> a b; a -> M; b -> B; B -> c d; c -> M; d -> P", { P: { entry: true } });
    play
      .answer("a")
      .answer("b")
      .answer("B")
      .answer("d")
      .answer("P", { tasks: ["a"] })
      .answer("a");
    expect(merged(play)).toEqual([["a"]]);
    expect(merged(play.answer("c"))).toEqual([["a"], ["a", "c"]]);
  });

  test("begins anew with each pass through itself", () => {
    const play = start("P -> a b; a -> A; A -> x; x b -> M; M -> c; c -> A", { A: { join: "each" } });
    play.answer("a").answer("A").answer("x").answer("b").answer("M").answer("c").answer("A").answer("x");
    expect(merged(play)).toEqual([["x"]]);
  });

  test("waits for another that has something to bring it", () => {
    const text =
      "P -> a b c; a -> A; A -> x y; x -> N; y -> Y; Y -> z; z -> N; N -> w; w b -> M; c -> C; C -> e; e -> M";
    const play = start(text, { N: MERGE });
    for (const node of ["a", "A", "x", "b", "c", "C", "e", "y"]) play.answer(node);
    expect([timesOf(play, "N"), timesOf(play, "M")]).toEqual([0, 0]);
    // The end of Y's branch lets N fire, and M has to wait for that.
    play.answer("Y", { tasks: [] });
    expect([timesOf(play, "N"), timesOf(play, "M")]).toEqual([1, 0]);
    expect(merged(play.answer("N").answer("w"))).toEqual([["b", "e", "w"]]);
  });

  test("that would have fired as its lifetime failed does so when that is retried", () => {
    const play = start("P -> a b c; a c -> M; b -> B", { a: { onFailure: "route" } });
    play.answer("c").pass(60_000);
    expect([play.head.status, timesOf(play, "M")]).toEqual(["FAILED", 0]);
    play.reduce({ type: "retry_requested", detail: "" });
    expect([merged(play), play.issued]).toEqual([[["a", "c"]], ["3 b", "5 M"]]);
    expect(play.answer("M").answer("b").answer("B").head.status).toBe("SUCCEEDED");
  });

  test("is let go by an input that is withdrawn", () => {
    const play = start("P -> a b c; a b -> F; F -> d; c d -> M", { F: { join: { first: 1 } } });
    play.answer("c").answer("a").answer("F", { tasks: [] });
    expect(merged(play)).toEqual([["c"]]);
  });
});

const SEED = 2;

const openOf = (state: Lifetime): Set<number> =>
  new Set([...state.members.entries()].filter(([, { phase }]) => phase !== "done").map(([n]) => n));

test("in any graph a merge fires once per wave, as soon as nothing that is open can come, with all that came", () => {
  let severalWaves = 0;
  fc.assert(
    fc.property(anyWalk, ([graph, moves]) => {
      let lineage: Lineage | undefined;
      const fired = new Map<string, readonly number[]>();
      walk(graph, moves, ({ play, after }) => {
        lineage ??= new Lineage(play);
        const issued = lineage.follow(after);
        if (lineage.merges.length === 0) return;
        const open = openOf(after);
        for (const merge of lineage.merges) {
          const arrived = lineage.arrived(merge, open);
          for (const { name, carries } of issued) {
            if (name !== merge || !lineage.outcomes.has(carries[0] ?? 0)) continue;
            const scopes = [...arrived].filter(([, offsets]) => offsets.includes(carries[0] ?? 0));
            expect(scopes).toHaveLength(1);
            for (const [scope, offsets] of scopes) {
              expect(fired.has(`${merge} ${scope}`)).toBe(false);
              fired.set(`${merge} ${scope}`, carries);
              expect(carries.toSorted()).toEqual(offsets.toSorted());
              const inputs = carries.map((offset) => lineage?.outcomes.get(offset)?.n ?? 0);
              expect(inputs).toEqual(inputs.toSorted((a, b) => a - b));
              if (after.head.endedAt === undefined) expect(lineage.awaited(merge, scope, open)).toEqual([]);
              if (new Set(inputs.map((n) => lineage?.input(n).carries[0])).size > 1) severalWaves++;
            }
          }
          if (after.head.status === "FAILED" || after.head.status === "CANCELED") continue;
          for (const [scope, offsets] of arrived) {
            const with_ = fired.get(`${merge} ${scope}`);
            if (with_) expect(with_.toSorted()).toEqual(offsets.toSorted());
            else expect(lineage.awaited(merge, scope, open).length).toBeGreaterThan(0);
          }
        }
      });
    }),
    // Some that are always the same, because it takes hundreds of graphs to come to a merge of several waves.
    { numRuns: 1_000, examples: fc.sample(anyWalk, { seed: SEED, numRuns: 500 }).map((walk) => [walk]) },
  );
  expect(severalWaves).toBeGreaterThan(0);
});
