// Without this a graph that cannot run would be accepted, or an author would mend faults one at a time.
import { describe, expect, it } from "vitest";
import { FAULT_CODES, type Fault, type FaultCode } from "../../../src/graph/fault.ts";
import { parseGraph, type WrittenGraph } from "../../../src/graph/parse.ts";
import { document, many, position, withLines } from "./case.ts";
import { catalogue } from "./catalogue.ts";
import { JOIN_CASES } from "./join-mistakes.ts";
import { CASES } from "./mistakes.ts";
import { OVERSIZE } from "./oversize.ts";

const MISTAKES = [...CASES, ...JOIN_CASES, ...OVERSIZE];

const faultsOf = (written: WrittenGraph): Fault[] => {
  const parsed = parseGraph(written, catalogue);
  return parsed.ok ? [] : parsed.error;
};

describe("a graph with one mistake", () => {
  it.each(MISTAKES)("answers $code and nothing else for $says", ({ written, code, fault }) => {
    expect(faultsOf(written)).toEqual([expect.objectContaining({ code, ...fault })]);
  });

  it("answers each node of a cycle that no entry reaches", () => {
    const lines = ["check [type=plan, join=merge]", "redraft [type=task]", "check -> redraft -> check"];
    expect(faultsOf(withLines(...lines))).toEqual([
      expect.objectContaining({ code: "unreachable_node", node: "check", ...position(5, 1) }),
      expect.objectContaining({ code: "unreachable_node", node: "redraft", ...position(6, 1) }),
    ]);
  });

  it("answers each of the merges that wait for one another", () => {
    const written = withLines(
      "start -> redraft; redraft [type=task]; echo [type=task]; model [type=task, name=x]",
      "parallel [type=plan, join=merge]; conditional [type=plan, join=merge]",
      "draft -> parallel -> echo -> conditional; redraft -> conditional -> model -> parallel",
    );
    expect(faultsOf(written)).toEqual([
      expect.objectContaining({ code: "circular_merges", node: "parallel", ...position(6, 1) }),
      expect.objectContaining({ code: "circular_merges", node: "conditional", ...position(6, 35) }),
    ]);
  });

  it("is told of its joins also where an attribute is wrong, but not where the shape is", () => {
    const join = 'check [type=plan, end=true, join="first: 2"]; draft -> check';
    expect(faultsOf(withLines(join, "draft [retry=0]")).map(({ code }) => code)).toEqual([
      "join_unreachable",
      "invalid_attribute",
    ]);
    expect(faultsOf(withLines(join, "draft -> nowhere")).map(({ code }) => code)).toEqual([
      "undeclared_node",
    ]);
  });

  it("can be answered by every code", () => {
    const elsewhere = ["unreachable_node", "circular_merges"] as const;
    const answered = new Set<FaultCode>([...MISTAKES.map(({ code }) => code), ...elsewhere]);
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

describe("a warning", () => {
  const warningsOf = (...lines: string[]) => {
    const parsed = parseGraph(withLines(...lines), catalogue);
    return parsed.ok ? parsed.warnings : parsed.error;
  };
  /** start launches draft and redraft; what they lead to is joined by check. */
  const diamond = (join: string) => [
    "start -> redraft; redraft [type=task]; echo [type=task]; model [type=task, name=x]",
    "parallel [type=plan]; conditional [type=plan]",
    `check [type=plan, end=true, ${join}]`,
    "draft -> parallel -> echo -> check; redraft -> conditional -> model -> check",
  ];

  it.each(["join=all", 'join="first: 1"'])("tells of a join that spans waves: %s", (join) => {
    expect(warningsOf(...diamond(join))).toEqual([
      {
        code: "join_spans_waves",
        node: "check",
        ...position(7, 1),
        message: expect.stringMatching(/"parallel", "conditional".*join="merge"/),
      },
    ]);
  });

  it.each(["join=each", "join=merge"])("is not given for %s", (join) => {
    expect(warningsOf(...diamond(join))).toEqual([]);
  });

  it("is not given for a cycle back to the join, whose laps are waves of their own", () => {
    const lap = ["check [type=plan]", "draft -> check -> redraft -> check", "redraft [type=task]"];
    expect(warningsOf(...lap)).toEqual([]);
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
