/**
 * One text, read twice: by GraphViz itself, and by our parser before validation. Both give the same drawing, of
 * nodes and edges with their attributes, or refuse the text.
 */
import { instance, type Viz } from "@viz-js/viz";
import { parseDot } from "../../../../src/graph/dot/parse.ts";
import type { Attributes, GraphDraft } from "../../../../src/graph/draft.ts";

type Written = Record<string, string>;

export interface Drawing {
  readonly attributes: Written;
  /** In order. HTML names are without brackets, for GraphViz does not show them. */
  readonly nodes: readonly { readonly name: string; readonly attributes: Written }[];
  /** Ends by the order of the nodes, for two may show the same name; in the order in which they were made. */
  readonly edges: readonly { readonly from: number; readonly to: number; readonly attributes: Written }[];
}

export type Reading = Drawing | "refused";

/** Where GraphViz goes on with a guess and a warning, we refuse. */
const GUESSES = /syntax ambiguity|attribute macros/;

/** GraphViz fills these in; none of them is written in a test. */
const FILLED_IN = ["_gvid", "_subgraph_cnt", "bb", "directed", "edges", "head", "headport", "name", "nodes"];
const ALSO_FILLED_IN = ["objects", "strict", "subgraphs", "tail", "tailport"];
const NOT_WRITTEN = new Set([...FILLED_IN, ...ALSO_FILLED_IN]);

type Rendered = Record<string, unknown> & { readonly _gvid: number; readonly name: string };

/** To GraphViz an empty value is none. */
const written = (attributes: Iterable<readonly [string, unknown]>): Written =>
  Object.fromEntries(
    [...attributes].filter(([, value]) => value !== "").map(([name, value]) => [name, String(value)]),
  );

const renderedAttributes = (object: Record<string, unknown>) =>
  written(
    Object.entries(object).filter(
      ([name, value]) => !NOT_WRITTEN.has(name) && !(name === "label" && value === "\\N"),
    ),
  );

const drawingOf = (json: Record<string, unknown>): Drawing => {
  const objects = (json.objects ?? []) as Rendered[];
  const nodes = objects.slice(json._subgraph_cnt as number);
  const order = new Map(nodes.map(({ _gvid }, index) => [_gvid, index]));
  const edges = (json.edges ?? []) as (Rendered & { readonly tail: number; readonly head: number })[];
  return {
    attributes: renderedAttributes(json),
    nodes: nodes.map((node) => ({ name: node.name, attributes: renderedAttributes(node) })),
    edges: edges.map((edge) => ({
      from: order.get(edge.tail) ?? -1,
      to: order.get(edge.head) ?? -1,
      attributes: renderedAttributes(edge),
    })),
  };
};

let viz: Viz | undefined;

export const startGraphViz = async (): Promise<void> => {
  viz = await instance();
};

/** `nop` draws nothing; that it misses the positions is no fault of the text. */
export const readByGraphViz = (text: string): Reading => {
  if (!viz) throw new Error("GraphViz is not started");
  const { output, errors } = viz.render(text, { format: "dot_json", engine: "nop" });
  if (output === undefined || errors.some(({ message }) => GUESSES.test(message))) return "refused";
  return drawingOf(JSON.parse(output));
};

const draftAttributes = (attributes: Attributes) =>
  written([...attributes].map(([name, { value }]) => [name, value] as const));

const drawingOfDraft = (draft: GraphDraft): Drawing => {
  const order = new Map(draft.nodes.map(({ name }, index) => [name, index]));
  const edges = draft.edges.map(({ from, to, attributes }) => ({
    from: order.get(from) ?? -1,
    to: order.get(to) ?? -1,
    attributes: draftAttributes(attributes),
  }));
  return {
    attributes: draftAttributes(draft.attributes),
    nodes: draft.nodes.map(({ name, attributes }) => ({
      name: name.replace(/^<(.*)>$/s, "$1"),
      attributes: draftAttributes(attributes),
    })),
    edges,
  };
};

/** Other faults beside a draft are of drawings that no graph of ours can be, and no matter of the language. */
export const readByUs = (text: string): Reading => {
  const { draft, faults } = parseDot(text);
  const refused = !draft || faults.some(({ code }) => code === "not_directed");
  return refused ? "refused" : drawingOfDraft(draft);
};
