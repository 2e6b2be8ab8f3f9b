/**
 * Draft + catalogue → Graph, or all faults at once. The only maker of a Graph from what people write; linear
 * in nodes and edges.
 */
import * as limits from "../limits.ts";
import { err, ok } from "../result.ts";
import type { Catalogue } from "./catalogue.ts";
import { documentOfEdge, documentOfNode } from "./document.ts";
import type { Attributes, DraftNode, GraphDraft } from "./draft.ts";
import { type Fault, type FaultCode, fault, type Warning } from "./fault.ts";
import type { Graph } from "./graph.ts";
import { checkBounds } from "./validation/bounds.ts";
import { checkEdges } from "./validation/edges.ts";
import { checkJoins } from "./validation/joins.ts";
import { type CheckedNode, checkNode, quoted } from "./validation/nodes.ts";
import { checkTopology } from "./validation/topology.ts";

const attributeChars = (attributes: Attributes): number => {
  let chars = 0;
  for (const { value } of attributes.values())
    chars += typeof value === "string" ? value.length : JSON.stringify(value).length;
  return chars;
};

/** Defaults and groups let a short text stand for a graph of any size, so the work is bounded before it is done. */
const checkSize = (draft: GraphDraft): Fault[] => {
  const faults: Fault[] = [];
  const where = { position: draft.position };
  if (draft.nodes.length > limits.GRAPH_NODES_MAX)
    faults.push(
      fault("too_many_nodes", `A graph has at most ${limits.GRAPH_NODES_MAX} nodes; split it in two.`, where),
    );
  if (draft.edges.length > limits.GRAPH_EDGES_MAX)
    faults.push(
      fault("too_many_edges", `A graph has at most ${limits.GRAPH_EDGES_MAX} edges; split it in two.`, where),
    );
  if (faults.length > 0) return faults;
  let chars = 0;
  for (const { attributes } of [draft, ...draft.nodes, ...draft.edges]) chars += attributeChars(attributes);
  if (chars <= limits.GRAPH_TEXT_BYTES_MAX) return faults;
  const message = `With its defaults written out, the graph has ${chars} characters of attributes; the bound is ${limits.GRAPH_TEXT_BYTES_MAX}: give long settings only to the nodes that need them.`;
  return [fault("text_too_large", message, where)];
};

const checkNodes = (
  drafts: readonly DraftNode[],
  catalogue: Catalogue,
  faults: Fault[],
): ReadonlyMap<string, CheckedNode> => {
  const nodes = new Map<string, CheckedNode>();
  const types = new Map<string, unknown>();
  for (const draft of drafts) {
    const { name, position } = draft;
    const type = draft.attributes.get("type")?.value;
    if (!nodes.has(name)) {
      nodes.set(name, checkNode(draft, catalogue, faults));
      types.set(name, type);
    } else {
      const both = type !== undefined && types.get(name) !== undefined && type !== types.get(name);
      faults.push(
        both
          ? fault("plan_and_task", `${quoted(name)} is a plan and a task; give one of them another name.`, {
              node: name,
              position,
            })
          : fault("duplicate_node", `Node ${quoted(name)} is there already; leave one out or rename it.`, {
              node: name,
              position,
            }),
      );
    }
  }
  return nodes;
};

/** What is stored is one row; a kind may have added to the settings what the text did not say. */
const checkDocumentSize = (graph: Graph): Fault[] => {
  const encoder = new TextEncoder();
  let bytes = 0;
  for (const node of graph.nodes) bytes += encoder.encode(JSON.stringify(documentOfNode(node))).length + 1;
  for (const edge of graph.edges) bytes += encoder.encode(JSON.stringify(documentOfEdge(edge))).length + 1;
  if (bytes <= limits.GRAPH_DOCUMENT_BYTES_MAX) return [];
  const message = `The complete document of the graph has ${bytes} bytes; the bound is ${limits.GRAPH_DOCUMENT_BYTES_MAX}: shorten names, labels and settings, or split the graph.`;
  return [fault("text_too_large", message)];
};

/** A graph comes with what its author may want to know of it all the same. */
export type Validated =
  | { readonly ok: true; readonly value: Graph; readonly warnings: readonly Warning[] }
  | { readonly ok: false; readonly error: Fault[] };

/** Faults that leave no doubt of what leads where. */
const APART: readonly FaultCode[] = [
  ...(["invalid_name", "unknown_attribute", "invalid_attribute"] as const),
  ...(["unknown_kind", "invalid_setting", "invalid_expression"] as const),
];

const isSound = (nodes: ReadonlyMap<string, CheckedNode>, faults: readonly Fault[]): boolean =>
  faults.every(({ code }) => APART.includes(code)) &&
  [...nodes.values()].every(({ type }) => type !== undefined);

export const validateGraph = (draft: GraphDraft, catalogue: Catalogue): Validated => {
  const oversize = checkSize(draft);
  if (oversize.length > 0) return err(oversize);
  const faults: Fault[] = [];
  const whole = checkBounds(draft, faults);
  const checked = checkNodes(draft.nodes, catalogue, faults);
  const edges = checkEdges(draft.edges, checked, faults);
  const entries = checkTopology(checked, edges, faults);
  const warnings = isSound(checked, faults) ? checkJoins(checked, edges, entries, faults) : [];
  if (faults.length > 0) return err(faults);
  const nodes = [...checked.values()].flatMap(({ node }) =>
    node ? [{ ...node, entry: entries.has(node.name) }] : [],
  );
  const graph: Graph = { name: draft.name, ...whole, nodes, edges };
  const tooLarge = checkDocumentSize(graph);
  return tooLarge.length > 0 ? err(tooLarge) : { ...ok(graph), warnings };
};
