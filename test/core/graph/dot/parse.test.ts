// Without this a DOT text could lose what a graph of ours is made of, or fail without saying where.
import { describe, expect, it } from "vitest";
import { parseDot } from "../../../../src/graph/dot/parse.ts";
import type { GraphDraft } from "../../../../src/graph/draft.ts";
import { GRAPH_SYNTAX_FAULTS_MAX } from "../../../../src/limits.ts";

const draftOf = (text: string): GraphDraft => {
  const { draft, faults } = parseDot(text);
  if (!draft || faults.length > 0) throw new Error(JSON.stringify(faults));
  return draft;
};

const attributesOf = (attributes: GraphDraft["attributes"]) =>
  Object.fromEntries([...attributes].map(([name, { value }]) => [name, value]));

const nodesOf = (body: string) =>
  Object.fromEntries(
    draftOf(`digraph g {${body}}`).nodes.map((node) => [node.name, attributesOf(node.attributes)]),
  );

const edgesOf = (body: string) =>
  draftOf(`digraph g {${body}}`).edges.map(({ from, to }) => `${from}->${to}`);

const faultsOf = (text: string) =>
  parseDot(text).faults.map(({ code, position }) => `${position?.line}:${position?.column} ${code}`);

describe("a DOT text", () => {
  it.each([
    ["bare names, numerals and strings", 'a -.5 "b c" é', ["a", "-.5", "b c", "é"]],
    ["an escaped quote", String.raw`"say \"hi\""`, ['say "hi"']],
    ["other backslashes as they are", String.raw`"a\\b\n"`, [String.raw`a\\b\n`]],
    ["a string over two lines", '"a\nb"', ["a\nb"]],
    ["a string joined by a backslash at the end of its line", '"a\\\nb"', ["ab"]],
    ["signs of comments in a string", '"a // b /* c */ # d"', ["a // b /* c */ # d"]],
    ["a keyword in quotes", '"node"', ["node"]],
  ])("may have %s as names", (_, body, names) => {
    expect(Object.keys(nodesOf(body))).toEqual(names);
  });

  it.each([
    ["line comments", "a // b\n c"],
    ["block comments", "a /* b * / ** \n */ c"],
    ["lines that begin with #", "a\n# b\nc"],
    ["semicolons", "a; c;"],
    ["line ends of any system", "a\r\nc\r"],
  ])("may have %s", (_, body) => {
    expect(Object.keys(nodesOf(body))).toEqual(["a", "c"]);
  });

  it("may begin with a byte order mark, and have line ends of Windows in a string", () => {
    const { nodes } = draftOf('\uFEFFdigraph g { "a\\\r\nb" }');
    expect(nodes.map(({ name }) => name)).toEqual(["ab"]);
  });

  it("ends the lines of a label, and leaves one in HTML as it is", () => {
    expect(nodesOf(String.raw`a [label="1\n2\l3\\n"] b [label=<<b>1\n2</b>>]`)).toEqual({
      a: { label: "1\n2\n3\\n" },
      b: { label: String.raw`<b>1\n2</b>` },
    });
  });

  it("keeps an HTML name from the name in it", () => {
    expect(Object.keys(nodesOf('<b> "b"'))).toEqual(["<b>", "b"]);
  });

  it("does not care about the case of keywords", () => {
    const draft = draftOf("DiGraph g { NODE [x=1]; Edge [y=2]; a -> b }");
    expect(draft.nodes.map((node) => attributesOf(node.attributes))).toEqual([{ x: "1" }, { x: "1" }]);
    expect(draft.edges.map((edge) => attributesOf(edge.attributes))).toEqual([{ y: "2" }]);
  });

  it.each([
    ["a chain", "a -> b -> c", ["a->b", "b->c"]],
    ["groups on either end", "{a b} -> {c d}", ["a->c", "a->d", "b->c", "b->d"]],
    ["a chain through a group", "a -> {b c} -> d", ["a->b", "a->c", "b->d", "c->d"]],
    ["groups in groups", "a -> {b {c}}", ["a->b", "a->c"]],
    ["edges in a group that is an end", "a -> {b -> c}", ["b->c", "a->b", "a->c"]],
    ["lists of nodes", "a, b -> c", ["a->c", "b->c"]],
    ["a group with its keyword", "a -> subgraph {b}", ["a->b"]],
    ["edges in a bare group", "{ a -> b; { c -> d } }", ["a->b", "c->d"]],
  ])("multiplies out %s", (_, body, edges) => {
    expect(edgesOf(body)).toEqual(edges);
  });

  it.each([
    ["before what is created after it", "a; node [x=1]; b", { a: {}, b: { x: "1" } }],
    ["in its group alone", "{ node [x=1]; a } b", { a: { x: "1" }, b: {} }],
    ["in groups within", "node [x=1]; { node [y=2]; a } b", { a: { x: "1", y: "2" }, b: { x: "1" } }],
    ["unless the node says otherwise", "node [x=1]; a [x=2]", { a: { x: "2" } }],
    [
      "where the node is mentioned first",
      "node [x=1]; a -> b; node [x=2]; a",
      { a: { x: "1" }, b: { x: "1" } },
    ],
  ])("applies a default %s", (_, body, nodes) => {
    expect(nodesOf(body)).toEqual(nodes);
  });

  it("reads lists of attributes with commas, semicolons, spaces and several brackets", () => {
    expect(nodesOf("a [x=1, y=2; z=3 w=4][v=5][]")).toEqual({
      a: { x: "1", y: "2", z: "3", w: "4", v: "5" },
    });
  });

  it("merges the statements of one node", () => {
    expect(nodesOf("a [x=1]; a [y=2]; a [x=3]")).toEqual({ a: { x: "3", y: "2" } });
  });

  it("reads attributes of the graph in both forms", () => {
    const draft = draftOf('digraph g { timeout="1s"; graph [label="a\\nb"] rankdir=LR }');
    expect(attributesOf(draft.attributes)).toEqual({ timeout: "1s", label: "a\nb", rankdir: "LR" });
  });

  it("knows which nodes are only mentioned", () => {
    const { nodes } = draftOf("digraph g { a; a -> b -> {c; d [x=1]; node [type=task]; e} }");
    expect(nodes.filter((node) => node.declared).map((node) => node.name)).toEqual(["a", "d", "e"]);
  });
});

describe("a DOT text that cannot be read", () => {
  it.each([
    ["an attribute without a value", "digraph g { a [x=]; b }", ["1:18 syntax"]],
    ["an edge without an end", "digraph g { a -> ; b }", ["1:18 syntax"]],
    ["an edge without a beginning", "digraph g { -> a }", ["1:13 syntax"]],
    ["a brace that is missing", "digraph g {\n a\n", ["2:3 syntax"]],
    ["a brace too many", "digraph g { a } }", ["1:17 syntax"]],
    ["text behind the graph", "digraph g { a }\nhello", ["2:1 syntax"]],
    ["a numeral that runs into letters", "digraph g { a [timeout=30s] }", ["1:24 syntax"]],
    ["a sign that means nothing", "digraph g { a ? b }", ["1:15 syntax"]],
    ["a keyword as a name", "digraph g { a -> node }", ["1:18 syntax"]],
    ["a string that is never closed", 'digraph g { a [x="1]\n b }', ["1:18 syntax"]],
    ["a comment that is never closed", "digraph g { a /* b }", ["1:15 syntax"]],
    ["10,000 braces", `digraph g ${"{".repeat(10_000)}${"}".repeat(10_000)}`, ["1:111 syntax"]],
    ["10,000 braces that are never closed", `digraph g ${"{".repeat(10_000)}`, ["1:111 syntax"]],
    ["words that are no graph", "hello", ["1:1 no_graph"]],
    ["an undirected edge", "digraph g { a -- b -- c }", ["1:15 not_directed"]],
    ["an undirected graph", "graph g { a -- b }", ["1:1 not_directed"]],
    ["an HTML string that is never closed", "digraph g { a [label=<b<i>] }", ["1:22 syntax"]],
  ])("says where it has %s, once", (_, text, faults) => {
    expect(faultsOf(text)).toEqual(faults);
  });

  it.each([
    [
      "in attributes",
      "a [x=]\nb [y=30s, z=2x]\nc [v]\nd [w=1 2, u=]",
      ["2:6", "3:6", "3:13", "4:5", "5:9", "5:13"],
    ],
    ["over the lines of attributes", "a [\nx=,\ny=2 3,\nz\n]\nb [=1]", ["3:3", "4:6", "6:1", "7:4"]],
    [
      "in edges",
      "a -> ;\nb -> -> c\nd -> [x=1]\n-> e\nf:p:q:r -> g: -> h",
      ["2:6", "3:6", "4:6", "5:1", "6:6", "6:15"],
    ],
    ["in defaults", "node\na edge = 1\ngraph\nsubgraph s -> b\nc [x=]", ["3:1", "3:8", "5:1", "5:12", "6:6"]],
    ["in strings", '"a" + b\nc + d\ne [x="1" + ]', ["2:7", "3:3", "4:12"]],
    [
      "in statements",
      "a;;b\n{a}, b -> c\nd = = 1\ne ? f\ng [x=1]]\n[y=1]",
      ["2:3", "3:4", "4:5", "5:3", "6:8", "7:1"],
    ],
    ["in groups", "subgraph s { a [x=]\nb -> }\n{ c [y\n}\n{ d -> }", ["2:19", "3:6", "5:1", "6:8"]],
    ["in one line", "a [x=] b [y=] c [z=1]; d -> ;", ["2:6", "2:13", "2:29"]],
    ["before a string that is never closed", 'a [x=]\nb [y="1]\nc [z="2"]', ["2:6", "4:8"]],
    ["before a comment that is never closed", "a [x=]\nb /* c", ["2:6", "3:3"]],
    ["and a brace too many", "a [x=]\n}", ["2:6", "4:1"]],
  ])("says all faults %s", (_, body, positions) => {
    expect(faultsOf(`digraph g {\n${body}\n}`)).toEqual(positions.map((position) => `${position} syntax`));
  });

  it.each([
    ["a [x=]", "write a name or a value, in quotes unless it is one word"],
    ["a [x=1 2]", "quote what is more than one word"],
    ["a [x=1\nb -> c", "close the attributes before it with ]"],
    ["a [x=1\n[y=2]", "close the attributes with ]"],
    ["a -> ;", "name what the edge leads to"],
    ["a -> node", 'as the name of a node write it in quotes: "node"'],
    ["a [x=1] -> b", "its attributes stand behind the last of its nodes"],
    ["node -> a", "put it in quotes if it is a name"],
    ["subgraph s -> b", "write the statements of a graph or a subgraph in { }"],
    ['"a" + b', "join a string with another one in quotes"],
    ["a;;b", "take this one out"],
    ["{", "close every { with a }"],
    ["re-draft", "put the whole word in quotes"],
    ["x [timeout=30s]", 'write it in quotes: "30s"'],
    ['a [x="1]\nb [x="2"]', "Or the string of line 2, which runs over several lines, misses its end"],
    ["a [when=score < 3]", "close each < in it, or write a string in quotes"],
  ])("says how to mend %j", (body, words) => {
    expect(parseDot(`digraph g {\n${body}\n}`).faults[0]?.message).toContain(words);
  });

  it.each([
    ["errors of syntax", "a=\n"],
    ["signs that mean nothing", "?\n"],
    ["errors in nested groups", "{ a=\n"],
  ])("stops when there are too many %s to mend at a time", (_, piece) => {
    const { faults } = parseDot(`digraph g { ${piece.repeat(90)}`);
    expect(faults.length).toBeGreaterThan(10);
    expect(faults.length).toBeLessThanOrEqual(2 * GRAPH_SYNTAX_FAULTS_MAX);
  });
});
