// Without this a graph written in TypeScript could differ from the same one in DOT, or compile though it cannot run.
import { describe, expect, it } from "vitest";
import { graph } from "../../../src/graph/builder.ts";
import { canonicalJson, hashGraph } from "../../../src/graph/canonical.ts";
import { documentOf, graphOf } from "../../../src/graph/document.ts";
import { parseGraph, type WrittenGraph } from "../../../src/graph/parse.ts";
import { catalogue } from "./catalogue.ts";

const valid = (written: WrittenGraph) => {
  const parsed = parseGraph(written, catalogue);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
};

const BUILT = graph("review", { label: "Review", timeoutMs: 3_600_000, iterationsMax: 5 })
  .plan("start", { kind: "parallel" })
  .task("draft", { timeoutMs: 30_000, retry: { attempts: 3, never: ["refused"] } })
  .task("echo", { onFailure: "ignore", settings: { value: "1" } })
  .plan("conditional", { join: "each", end: true })
  .task("redraft")
  .edge("start", ["draft", "echo"])
  .edge(["draft", "echo"], "conditional")
  .edge("conditional", "redraft", { when: "score < 3", label: "again" })
  .edge("redraft", "conditional");

const DOT = `digraph review {
  label="Review"; timeout="1h"; iterations_max=5
  start [type=plan, kind=parallel]
  node [type=task]
  draft [timeout="30s", retry=3, retry_never="refused"]
  echo [on_failure=ignore, value=1]
  conditional [type=plan, join=each, end=true]
  redraft
  start -> {draft echo} -> conditional
  conditional -> redraft [when="score < 3", label="again"]
  redraft -> conditional
}`;

describe("the builder", () => {
  it("makes the graph that DOT makes, with the same hash", () => {
    const [built, written] = [valid({ graph: BUILT.document }), valid({ dot: DOT })];
    expect(documentOf(built)).toEqual(documentOf(written));
    expect(hashGraph(built)).toBe(hashGraph(written));
  });

  it("names a node that is run elsewhere, whose kind and time nobody here bounds", () => {
    const built = graph("g")
      .plan("start")
      .task("far", { kind: "known_there", executor: "external", timeoutMs: 86_400_000 })
      .edge("start", "far");
    const dot = `digraph g {
      start [type=plan]; far [type=task, kind=known_there, executor=external, timeout="1d"]; start -> far
    }`;
    const written = valid({ dot });
    expect(documentOf(valid({ graph: built.document }))).toEqual(documentOf(written));
    expect(written.nodes.map(({ executor }) => executor)).toEqual([undefined, "external"]);
    expect(graphOf(documentOf(written))).toEqual(written);
  });

  it.each([
    [{ first: 2 }, '"first: 2"'],
    ["merge", "merge"],
  ] as const)("writes the join %j as DOT writes %s", (join, dot) => {
    const built = graph("g")
      .plan("start")
      .task("draft")
      .task("redraft")
      .plan("check", { join, end: true })
      .edge("start", ["draft", "redraft"])
      .edge(["draft", "redraft"], "check");
    const written = `digraph g { node [type=plan] start; node [type=task] draft redraft
      check [type=plan, join=${dot}, end=true]; start -> {draft redraft} -> check }`;
    expect(hashGraph(valid({ graph: built.document }))).toBe(hashGraph(valid({ dot: written })));
  });

  it("leaves a beginning that is shared as it was", () => {
    const start = graph("g").plan("start").task("draft");
    start.edge("start", "draft");
    expect(start.document.edges).toEqual([]);
  });

  it("says nothing where its author said nothing", () => {
    expect(graph("g").plan("start", { end: true }).document).toEqual({
      name: "g",
      nodes: [{ name: "start", type: "plan", end: true }],
      edges: [],
    });
  });

  it("does not compile with an edge that cannot be", () => {
    const nodes = graph("g").plan("start").plan("check").task("draft").task("echo");
    // @ts-expect-error the node is not declared
    nodes.edge("start", "darft");
    // @ts-expect-error the node is not declared
    nodes.edge("strat", "draft");
    // @ts-expect-error plan to plan
    nodes.edge("start", "check");
    // @ts-expect-error task to task
    nodes.edge("draft", ["echo"]);
    // @ts-expect-error only plans decide
    nodes.edge("draft", "check", { when: "true" });
    // @ts-expect-error the name is taken
    nodes.task("start");
    // @ts-expect-error only plans join
    nodes.task("other", { join: "all" });
    expect(nodes.document.edges).toEqual([]);
  });
});

describe("the hash of a graph", () => {
  it("is kept by a version that was stored", () => {
    const built = valid({ graph: BUILT.document });
    const stored = graphOf(JSON.parse(JSON.stringify(documentOf(built))));
    expect(stored).toEqual(built);
    expect(hashGraph(stored)).toBe(hashGraph(built));
  });

  it("never changes for a graph that does not", () => {
    expect(hashGraph(valid({ dot: DOT }))).toBe(
      "ecdd9f3cf3456f98e1905adb2b899d82be7e7ae8ed4a47be2ee9ef26ae9c0033",
    );
  });

  it.each([
    ["a name", BUILT.document.name, "other"],
    ["an order", "start -> {draft echo}", "start -> echo, draft"],
    ["a setting", "value=1", "value=2"],
  ])("is another for another graph: %s", (_, written, changed) => {
    expect(hashGraph(valid({ dot: DOT.replace(written, changed) }))).not.toBe(hashGraph(valid({ dot: DOT })));
  });
});

describe("canonical JSON", () => {
  it.each([
    [{ b: 1, a: [true, null, { d: "é\n", c: 0.1 }] }, '{"a":[true,null,{"c":0.1,"d":"é\\n"}],"b":1}'],
    [{ é: 1, Z: 2, "": 3 }, '{"":3,"Z":2,"é":1}'],
    [{}, "{}"],
    ["x", '"x"'],
  ])("of %j is %s", (value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });
});
