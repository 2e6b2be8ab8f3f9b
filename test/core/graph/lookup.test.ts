// Without this the reducer could route to the wrong neighbours, or in another order than was written.
import { describe, expect, it } from "vitest";
import { indexGraph } from "../../../src/graph/lookup.ts";
import { parseGraph } from "../../../src/graph/parse.ts";
import { catalogue } from "./catalogue.ts";

const parsed = parseGraph(
  {
    dot: `digraph g {
      conditional [type=plan]; start [type=plan, entry=true]; check [type=plan, end=true]
      redraft [type=task]; draft [type=task]; echo [type=task, value=1, timeout="1s"]
      start -> redraft; conditional -> echo [when="score > 1"]; conditional -> draft
      redraft -> check; draft -> check; echo -> {start check}
    }`,
  },
  catalogue,
);
if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
const index = indexGraph(parsed.value);

describe("the index of a graph", () => {
  it("knows the entries: plans without an upstream, and those marked", () => {
    expect(index.entries).toEqual(["conditional", "start"]);
  });

  it("answers neighbours in the order of the edges", () => {
    expect(index.down("conditional")).toEqual(["echo", "draft"]);
    expect(index.down("echo")).toEqual(["start", "check"]);
    expect(index.up("check")).toEqual(["redraft", "draft", "echo"]);
    expect(index.down("check")).toEqual([]);
    expect(index.up("conditional")).toEqual([]);
  });

  it("answers what an executor needs of a node", () => {
    expect(index.spec("conditional")).toEqual({
      type: "plan",
      name: "conditional",
      kind: "conditional",
      timeoutMs: 60_000,
      settings: {},
      next: [{ name: "echo", when: "score > 1" }, { name: "draft" }],
    });
    expect(index.spec("echo")).toMatchObject({ timeoutMs: 1_000, settings: { value: "1" } });
  });

  it("knows which names it has, and throws for others", () => {
    expect([index.has("echo"), index.has("toString"), index.has("__proto__")]).toEqual([true, false, false]);
    expect(() => index.node("toString")).toThrow("graph g has no node toString");
  });
});
