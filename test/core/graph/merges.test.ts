// Without this, a merge could gather in the wrong wave, or wait for what cannot reach it, or not for what can.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dominatorsOf } from "../../../src/graph/dominators.ts";
import { indexGraph } from "../../../src/graph/lookup.ts";
import { commonPlanOf } from "../../../src/graph/merges.ts";
import { anyGraph, graphOf } from "../../fixtures/graphs.ts";
import { commonPlan, reachedWithout } from "../../fixtures/ways.ts";

const MERGE = { join: "merge" as const };

describe("a merge", () => {
  it.each([
    ["a diamond", "P -> a b; a -> A; A -> a2; b -> B; B -> b2; a2 b2 -> M", "P", "a A a2 b B b2"],
    ["one plan's tasks", "P -> a b; a b -> M", "P", "a b"],
    ["a branch without a plan of its own", "P -> a b; a -> A; A -> a2; a2 b -> M", "P", "a A a2 b"],
    ["a task that begins both branches", "P -> a; a -> A B; A -> x; B -> y; x y -> M", "P", "a A x B y"],
    ["a cycle within a branch", "P -> a b; a -> A; A -> x r; r -> A; x b -> M", "P", "a A x r b"],
    ["a cycle back to the plan", "P -> a b; a -> A; A -> x r; r -> P; x b -> M", "P", "a A x b"],
    ["a cycle through the merge", "P -> a b; a -> A; A -> x; x b -> M; M -> c; c -> A", "P", "c a A x b"],
    ["an entry that merges its own cycle", "M -> c d; c -> A; A -> x; x d -> M", "M", "c A x d"],
  ])("of %s gathers at the plan where the branches begin", (_, text, common, reaching) => {
    const graph = graphOf(text, {
      M: MERGE,
      ...(/^[PM]/.test(text) && { [text[0] ?? ""]: { entry: true, ...(text[0] === "M" && MERGE) } }),
    });
    const { merges } = indexGraph(graph);
    const names = graph.nodes.map(({ name }) => name);
    expect(names.filter((name) => merges?.gatherAt(name).includes("M"))).toEqual([...new Set([common, "M"])]);
    expect(names.filter((name) => merges?.reachedFrom(name).includes("M")).sort()).toEqual(
      reaching.split(" ").sort(),
    );
  });

  it("is nothing that a graph without one pays for", () => {
    expect(indexGraph(graphOf("A -> x; x -> B")).merges).toBeUndefined();
  });
});

describe("in any graph", () => {
  it("the dominators are what cannot be taken out", () => {
    fc.assert(
      fc.property(anyGraph, (graph) => {
        const index = indexGraph(graph);
        const dominators = dominatorsOf(index);
        const names = graph.nodes.map(({ name }) => name);
        const all = reachedWithout(graph, []);
        for (const name of names)
          for (const other of names.filter((each) => all.has(each)))
            expect(dominators.dominates(name, other)).toBe(!reachedWithout(graph, [name]).has(other));
      }),
    );
  });

  it("the common plan is the last of those that no way avoids", () => {
    fc.assert(
      fc.property(anyGraph, (graph) => {
        const index = indexGraph(graph);
        const isPlan = (name: string) => index.node(name).type === "plan";
        for (const { name, type } of graph.nodes)
          if (type === "plan")
            expect(commonPlanOf(name, index, dominatorsOf(index), isPlan)).toBe(commonPlan(graph, name));
      }),
    );
  });
});
