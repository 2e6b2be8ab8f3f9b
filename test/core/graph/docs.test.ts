// Without this, the graphs that a newcomer copies from the documents could be refused, and an attribute be found by chance alone.
import { globSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { builtIns } from "../../../src/executor/built-ins.ts";
import type { Catalogue } from "../../../src/graph/catalogue.ts";
import { parseDot } from "../../../src/graph/dot/parse.ts";
import { parseGraph } from "../../../src/graph/parse.ts";
import { GRAPH_ATTRIBUTES } from "../../../src/graph/validation/bounds.ts";
import { EDGE_ATTRIBUTES } from "../../../src/graph/validation/edges.ts";
import { NODE_ATTRIBUTES } from "../../../src/graph/validation/nodes.ts";
import { ok } from "../../../src/result.ts";
import { nodes } from "../../../workers/executor/nodes.ts";
import { http } from "../../../workers/executor/tasks/http.ts";

/** The nodes that there are, and whatever task a document makes up. */
const catalogue: Catalogue = {
  find: (type, name) =>
    nodes.find(type, name) ??
    (type === "task" ? { type, name, settingNames: [], parseSettings: ok } : undefined),
  names: (type) => nodes.names(type),
};

const DOT_BLOCK = /^```dot\n(.*?)^```$/gms;
const DOT_IN_JSON = /-d '(\{"dot": .*\})'$/gm;

const examples = ["README.md", ...globSync("docs/**/*.md")].flatMap((path) => {
  const text = readFileSync(path, "utf8");
  return [
    ...Array.from(text.matchAll(DOT_BLOCK), ([, dot = ""]) => ({ path, dot })),
    ...Array.from(text.matchAll(DOT_IN_JSON), ([, json = ""]) => ({ path, dot: JSON.parse(json).dot })),
  ].map((example) => ({ ...example, name: /digraph (\w+)/.exec(example.dot)?.[1] }));
});

it.each(examples)("the graph $name in $path is valid", ({ dot }) => {
  const parsed = parseGraph({ dot }, catalogue);
  expect(parsed.ok ? [] : parsed.error).toEqual([]);
});

it("the README shows the graph whose run it shows", () => {
  expect(readFileSync("README.md", "utf8")).toContain(readFileSync("examples/redraft/graph.dot", "utf8"));
});

describe("docs/graphs.md", () => {
  const text = readFileSync("docs/graphs.md", "utf8");
  const drafts = examples.flatMap(({ path, dot }) =>
    path === "docs/graphs.md" ? (parseDot(dot).draft ?? []) : [],
  );
  const shown = {
    graph: new Set(drafts.flatMap(({ attributes }) => [...attributes.keys()])),
    node: new Set(drafts.flatMap((draft) => draft.nodes.flatMap(({ attributes }) => [...attributes.keys()]))),
    edge: new Set(drafts.flatMap((draft) => draft.edges.flatMap(({ attributes }) => [...attributes.keys()]))),
  };
  const kinds = [...builtIns.plans, ...builtIns.tasks, http];

  it.each([
    ...GRAPH_ATTRIBUTES.map((name) => ["graph", name] as const),
    ...NODE_ATTRIBUTES.map((name) => ["node", name] as const),
    ...EDGE_ATTRIBUTES.map((name) => ["edge", name] as const),
  ])("lists and shows the %s attribute %s", (of, name) => {
    expect(text).toMatch(new RegExp(`^\\|.*\\|.*\`${name}\`.*\\|.*\\|.*\\|$`, "m"));
    expect(shown[of]).toContain(name);
  });

  it.each(kinds.map((kind) => [kind.type, kind.name] as const))("lists and shows the %s %s", (type, name) => {
    expect(text).toContain(`| \`${name}\` | ${type} |`);
    const used = drafts.flatMap((draft) =>
      draft.nodes.flatMap(({ attributes }) => (attributes.get("kind")?.value === name ? [attributes] : [])),
    );
    expect(used).not.toEqual([]);
    for (const setting of nodes.find(type, name)?.settingNames ?? [])
      expect(used.some((attributes) => attributes.has(setting))).toBe(true);
  });
});
