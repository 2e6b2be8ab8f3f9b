/**
 * Syntax → draft: applies scopes and defaults as GraphViz does (a default counts for what is created after
 * it, in its group) and multiplies groups out into edges. Never judges what a graph may be.
 */
import { GRAPH_ATTRIBUTES_MAX, GRAPH_EDGES_MAX, GRAPH_NODES_MAX } from "../../limits.ts";
import type { Attribute, DraftEdge, Drafted, DraftNode } from "../draft.ts";
import { type Fault, fault } from "../fault.ts";
import { isDrawing } from "../validation/drawing.ts";
import type { Assignment, DotGraph, EdgeEnd, Group, Id, Statement } from "./syntax.ts";

type AttributeMap = Map<string, Attribute>;

interface WrittenNode extends DraftNode {
  readonly attributes: AttributeMap;
  declared: boolean;
  position: Id["position"];
  /** The type that a statement gave it, not a default. */
  type?: string;
}

interface Scope {
  readonly top: boolean;
  node: AttributeMap;
  edge: AttributeMap;
  /** Names in a group that is an end of an edge; the same set in the groups within it. */
  readonly members?: Set<string>;
}

/** In a label \n, \l and \r end a line, as GraphViz draws them. */
const labelOf = (value: string): string =>
  value.replace(/\\([nlr\\])/g, (_, escaped: string) => (escaped === "\\" ? "\\" : "\n"));

const attributeOf = ({ name, value }: Assignment): Attribute => ({
  value: name.value === "label" ? labelOf(value.value) : value.value,
  path: name.value,
  position: name.position,
});

const assign = (attributes: AttributeMap, assignments: readonly Assignment[]): AttributeMap => {
  for (const assignment of assignments) attributes.set(assignment.name.value, attributeOf(assignment));
  return attributes;
};

class Drafting {
  readonly attributes: AttributeMap = new Map();
  readonly nodes = new Map<string, WrittenNode>();
  /** Nodes that were written with two types; validation tells of them by the name that comes twice. */
  readonly contradictions: DraftNode[] = [];
  readonly edges: DraftEdge[] = [];
  readonly faults: Fault[] = [];

  /** One more than the bound is enough for validation to say so; groups could multiply without end. */
  get #full(): boolean {
    return this.nodes.size > GRAPH_NODES_MAX || this.edges.length > GRAPH_EDGES_MAX;
  }

  run(statements: readonly Statement[], scope: Scope): void {
    for (const statement of statements) {
      if (this.#full) return;
      switch (statement.form) {
        case "defaults":
          this.#setDefaults(statement.of, statement.attributes, scope);
          break;
        case "assignment":
          this.#setDefaults("graph", [statement.assignment], scope);
          break;
        case "chain":
          this.#chain(statement.ends, statement.attributes, scope);
      }
    }
  }

  #setDefaults(of: "graph" | "node" | "edge", assignments: readonly Assignment[], scope: Scope): void {
    if (of !== "graph") {
      const defaults = assign(new Map(scope[of]), assignments);
      if (defaults.size > GRAPH_ATTRIBUTES_MAX) this.#tellTooMany(assignments);
      else scope[of] = defaults;
    } else if (scope.top) assign(this.attributes, assignments);
    else for (const { name } of assignments) this.#refuseInGroup(name);
  }

  #tellTooMany([first]: readonly Assignment[]): void {
    const message = `There are more than ${GRAPH_ATTRIBUTES_MAX} default attributes; write them where they are needed.`;
    this.faults.push(fault("invalid_attribute", message, { position: first?.name.position }));
  }

  #refuseInGroup({ value, position }: Id): void {
    if (value === "label" || isDrawing(value)) return;
    const message = `A group takes no ${value}; write it at the top of the graph.`;
    this.faults.push(fault("unknown_attribute", message, { position }));
  }

  #chain(ends: readonly EdgeEnd[], assignments: readonly Assignment[], scope: Scope): void {
    const [only] = ends;
    if (ends.length === 1 && only) {
      if (only.form === "group") this.#group(only, scope, scope.members);
      else for (const id of only.ids) this.#declare(id, assignments, scope);
      return;
    }
    const attributes = assign(new Map(scope.edge), assignments);
    let from: { names: ReadonlySet<string>; end: EdgeEnd } | undefined;
    for (const end of ends) {
      const names = this.#namesOf(end, scope);
      if (from) this.#connect(from.names, names, attributes, positionOf(from.end));
      from = { names, end };
    }
  }

  #connect(
    tails: ReadonlySet<string>,
    heads: ReadonlySet<string>,
    attributes: AttributeMap,
    position: Id["position"] | undefined,
  ): void {
    if (tails.size === 0 || heads.size === 0)
      this.faults.push(
        fault("dangling_edge", "One end of the edge is an empty group; name a node in it.", { position }),
      );
    for (const from of tails)
      for (const to of heads) {
        if (this.#full) return;
        this.edges.push({ from, to, attributes, position });
      }
  }

  #namesOf(end: EdgeEnd, scope: Scope): ReadonlySet<string> {
    const names = new Set<string>();
    if (end.form === "group") this.#group(end, scope, names);
    else for (const id of end.ids) names.add(this.#mention(id, scope).name);
    for (const name of names) scope.members?.add(name);
    return names;
  }

  #group(group: Group, { node, edge }: Scope, members: Set<string> | undefined): void {
    this.run(group.statements, { top: false, node, edge, ...(members && { members }) });
  }

  #mention({ value: name, position }: Id, scope: Scope): WrittenNode {
    const known = this.nodes.get(name);
    if (known) return known;
    const node = { name, position, declared: false, attributes: new Map(scope.node) };
    this.nodes.set(name, node);
    return node;
  }

  #declare(id: Id, assignments: readonly Assignment[], scope: Scope): void {
    const node = this.#mention(id, scope);
    scope.members?.add(node.name);
    const { type: before } = node;
    const attributes = assign(new Map(), assignments);
    const type = attributes.get("type");
    if (type && before !== undefined && before !== type.value) {
      this.contradictions.push({ ...node, attributes, position: id.position });
      return;
    }
    // A bare name in a group of an edge is only mentioned, unless a default says what it is.
    const declares = assignments.length > 0 || !scope.members || node.attributes.has("type");
    if (declares && !node.declared) {
      node.declared = true;
      node.position = id.position;
    }
    if (type) node.type = String(type.value);
    for (const [name, attribute] of attributes) node.attributes.set(name, attribute);
  }
}

const positionOf = (end: EdgeEnd): Id["position"] | undefined =>
  end.form === "group" ? end.position : end.ids[0]?.position;

export const draftOfSyntax = (graph: DotGraph): Drafted => {
  const drafting = new Drafting();
  drafting.run(graph.statements, { top: true, node: new Map(), edge: new Map() });
  const { attributes, nodes, contradictions, edges, faults } = drafting;
  const draft = {
    name: graph.id?.value ?? "",
    attributes,
    nodes: [...nodes.values(), ...contradictions],
    edges,
    position: graph.id?.position ?? graph.position,
  };
  return { draft, faults };
};
