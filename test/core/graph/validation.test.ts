// Without this a graph that cannot run would be accepted, or an author would mend faults one at a time.
import { describe, expect, it } from "vitest";
import { FAULT_CODES, type Fault, type FaultCode } from "../../../src/graph/fault.ts";
import { parseGraph, type WrittenGraph } from "../../../src/graph/parse.ts";
import { document, many, position, withLines } from "./case.ts";
import { catalogue } from "./catalogue.ts";
import { CASES } from "./mistakes.ts";
import { OVERSIZE } from "./oversize.ts";

const faultsOf = (written: WrittenGraph): Fault[] => {
  const parsed = parseGraph(written, catalogue);
  return parsed.ok ? [] : parsed.error;
};

describe("a graph with one mistake", () => {
  it.each([...CASES, ...OVERSIZE])("answers $code and nothing else for $says", ({ written, code, fault }) => {
    expect(faultsOf(written)).toEqual([expect.objectContaining({ code, ...fault })]);
  });

  it("answers each node of a cycle that no entry reaches", () => {
    const lines = ["check [type=plan]", "redraft [type=task]", "check -> redraft -> check"];
    expect(faultsOf(withLines(...lines))).toEqual([
      expect.objectContaining({ code: "unreachable_node", node: "check", ...position(5, 1) }),
      expect.objectContaining({ code: "unreachable_node", node: "redraft", ...position(6, 1) }),
    ]);
  });

  it("can be answered by every code", () => {
    const answered = new Set<FaultCode>([
      ...[...CASES, ...OVERSIZE].map(({ code }) => code),
      "unreachable_node",
    ]);
    expect(FAULT_CODES.filter((code) => !answered.has(code))).toEqual([]);
  });
});

describe("a graph with many mistakes", () => {
  it("is told all of them at once, in the order of the text", () => {
    const lines = [
      "timeout=never",
      "check [type=plan, end=maybe, shape=box]",
      "redraft [tiemout=3]",
      "draft -> check [weight=3, wehn=x]",
      "check -> zz",
    ];
    expect(faultsOf(withLines(...lines)).map(({ code, position }) => [code, position?.line])).toEqual([
      ["invalid_attribute", 5],
      ["invalid_attribute", 6],
      ["untyped_node", 7],
      ["unknown_attribute", 8],
      ["undeclared_node", 9],
    ]);
  });

  it("is told the first thousand, where there are more", () => {
    expect(faultsOf(withLines(...many(1_200, (i) => `n${i}`))).at(-1)?.position?.line).toBe(1_004);
  });

  it("is told the wrong parts of a document together with what is wrong in the rest", () => {
    const graph = document({
      timeout_ms: "x",
      nodes: [
        { name: "start", type: "plan", retry: { never: [1] }, end: "yes" },
        { name: "draft", kimd: 3 },
      ],
    });
    expect(faultsOf({ graph }).map(({ code, node }) => [code, node])).toEqual([
      ["invalid_attribute", undefined],
      ["invalid_attribute", "start"],
      ["invalid_attribute", "start"],
      ["unknown_attribute", "draft"],
      ["untyped_node", "draft"],
    ]);
  });
});

describe("a valid graph", () => {
  it.each([
    ["a cycle with a way in", "check [type=plan]\ndraft -> check -> redraft -> check\nredraft [type=task]"],
    ["a cycle through every plan with a marked entry", "start [entry=true]\ndraft -> start"],
    ["a task that leads nowhere", ""],
    ["a plan that is marked as an end", "check [type=plan, end=true]\ndraft -> check"],
    ["attributes for drawing", 'rankdir=LR\nnode [shape=box]\nstart [color="red", style=filled, URL=x]'],
    [
      "a when on a plan that reads it",
      'draft -> conditional -> redraft [label=x]\nconditional [type=plan]\nredraft [type=task]\nconditional -> echo [when="score > 0.5"]\necho [type=task]',
    ],
  ])("may have %s", (_, lines) => {
    expect(faultsOf(withLines(lines))).toEqual([]);
  });

  it("has what the text says, and defaults where it says nothing", () => {
    const parsed = parseGraph(
      {
        dot: `digraph g { label="A graph" timeout="2h" fan_out_max=7
          start [type=plan, timeout="500ms"]
          m [type=task, kind=model, name=small, retry=3, retry_backoff="100ms", retry_never="a,b", on_failure=route]
          check [type=plan, join=each, end=true]
          start -> m -> check }`,
      },
      catalogue,
    );
    expect(parsed).toMatchObject({
      ok: true,
      value: {
        label: "A graph",
        bounds: { timeoutMs: 7_200_000, fanOutMax: 7, iterationsMax: 1_000 },
        nodes: [
          {
            name: "start",
            kind: "start",
            entry: true,
            end: false,
            join: "all",
            timeoutMs: 500,
            settings: {},
          },
          {
            name: "m",
            kind: "model",
            entry: false,
            timeoutMs: 60_000,
            retry: { attempts: 3, backoffMs: 100, backoffMsMax: 60_000, never: ["a", "b"] },
            onFailure: "route",
            settings: { name: "small", temperature: 1 },
          },
          { name: "check", entry: false, end: true, join: "each", onFailure: "fail" },
        ],
        edges: [
          { from: "start", to: "m" },
          { from: "m", to: "check" },
        ],
      },
    });
  });

  it("may have 5,000 nodes and 20,000 edges", () => {
    const nodes = many(2_500, (i) => `p${i} [type=plan, kind=parallel] t${i} [type=task, kind=echo]`);
    const edges = many(
      2_500,
      (i) => `p${i} -> t${i} -> {${many(7, (j) => `p${(i + j) % 2_500}`).join(" ")}}`,
    );
    const text = ["digraph g {", ...nodes, "p0 [entry=true]", ...edges, "}"].join("\n");
    const parsed = parseGraph({ dot: text }, catalogue);
    expect(parsed).toMatchObject({ ok: true });
    if (parsed.ok) expect([parsed.value.nodes.length, parsed.value.edges.length]).toEqual([5_000, 20_000]);
  });
});
