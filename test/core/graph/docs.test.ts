// Without this, the graphs that a newcomer copies from the documents could be refused.
import { globSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import type { Catalogue } from "../../../src/graph/catalogue.ts";
import { parseGraph } from "../../../src/graph/parse.ts";
import { ok } from "../../../src/result.ts";
import { nodes } from "../../../workers/executor/nodes.ts";

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
  ];
});

it.each(examples)("the graph in $path is valid", ({ dot }) => {
  expect(parseGraph({ dot }, catalogue)).toMatchObject({ ok: true });
});

it("none of them was missed", () => {
  expect(examples.length).toBeGreaterThanOrEqual(3);
});

it("the README shows the graph whose run it shows", () => {
  expect(readFileSync("README.md", "utf8")).toContain(readFileSync("examples/redraft/graph.dot", "utf8"));
});
