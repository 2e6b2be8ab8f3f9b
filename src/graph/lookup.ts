/**
 * Answers the reducer's questions about a graph in constant time, from maps made once. Never changes, so one
 * index serves all lifetimes of a version.
 */
import type { NodeSpec } from "../executor/dispatch.ts";
import type { Edge, Graph, Node } from "./graph.ts";
import { type Merges, mergesOf } from "./merges.ts";

export interface GraphIndex {
  readonly graph: Graph;
  /** Plans that a lifetime starts with, in the order of the graph. */
  readonly entries: readonly string[];
  has(name: string): boolean;
  /** These throw for a name that the graph does not have: ask `has` about names that came from outside. */
  node(name: string): Node;
  spec(name: string): NodeSpec;
  /** Neighbours in the order of the edges. */
  down(name: string): readonly string[];
  up(name: string): readonly string[];
  /** Absent where no plan has join `merge`. */
  readonly merges?: Merges;
}

interface Place {
  readonly node: Node;
  readonly spec: NodeSpec;
  readonly down: readonly string[];
  readonly up: readonly string[];
}

const specOf = (node: Node, edges: readonly Edge[]): NodeSpec => ({
  type: node.type,
  name: node.name,
  kind: node.kind,
  timeoutMs: node.timeoutMs,
  settings: node.settings,
  next: edges.map(({ to, when }) => ({ name: to, ...(when !== undefined && { when }) })),
});

export const indexGraph = (graph: Graph): GraphIndex => {
  const down = Map.groupBy(graph.edges, (edge) => edge.from);
  const up = Map.groupBy(graph.edges, (edge) => edge.to);
  const places = new Map<string, Place>();
  for (const node of graph.nodes) {
    const edges = down.get(node.name) ?? [];
    places.set(node.name, {
      node,
      spec: specOf(node, edges),
      down: edges.map((edge) => edge.to),
      up: (up.get(node.name) ?? []).map((edge) => edge.from),
    });
  }
  const place = (name: string): Place => {
    const found = places.get(name);
    if (!found) throw new Error(`graph ${graph.name} has no node ${name}`);
    return found;
  };
  const index: GraphIndex = {
    graph,
    entries: graph.nodes.filter((node) => node.entry).map((node) => node.name),
    has: (name) => places.has(name),
    node: (name) => place(name).node,
    spec: (name) => place(name).spec,
    down: (name) => place(name).down,
    up: (name) => place(name).up,
  };
  const merges = graph.nodes.filter((node) => node.join === "merge").map((node) => node.name);
  if (merges.length === 0) return index;
  return { ...index, merges: mergesOf(merges, index, (name) => place(name).node.type === "plan") };
};
