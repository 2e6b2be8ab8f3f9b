/**
 * Syntax → draft, as GraphViz does it: a default counts for what is created after it, in its group; the ends of
 * an edge are read before the edge is made; groups multiply out. Never judges what a graph may be.
 */
import { GRAPH_FAULTS_MAX } from "../../limits.ts";
import type { DraftEdge, Drafted, DraftNode } from "../draft.ts";
import { type Fault, type FaultCode, fault, type Position, type Where } from "../fault.ts";
import { isDrawing } from "../validation/drawing.ts";
import { type AttributeMap, assign, nameOf, splitKey } from "./attributes.ts";
import { Room, TooLarge } from "./room.ts";
import { Scope, type WrittenNode } from "./scope.ts";
import {
  type Assignment,
  type DotGraph,
  type EdgeEnd,
  type Group,
  type Id,
  positionOfEnd,
  type Statement,
} from "./syntax.ts";
import { cut } from "./words.ts";

interface WrittenEdge extends DraftEdge {
  attributes: AttributeMap;
  readonly key: string | undefined;
}

/** What one statement says of each of its edges. */
interface Written {
  readonly key: string | undefined;
  /** With the defaults, for an edge that is new. */
  readonly all: AttributeMap;
  /** Without them, for one that is there. */
  readonly own: AttributeMap;
  readonly position: Position | undefined;
}

class Drafting {
  readonly attributes: AttributeMap = new Map();
  readonly nodes = new Map<string, WrittenNode>();
  /** Nodes that were written with two types; validation tells of them by the name that comes twice. */
  readonly contradictions: DraftNode[] = [];
  readonly edges: WrittenEdge[] = [];
  readonly faults: Fault[] = [];
  readonly #strict: boolean;
  readonly #room = new Room();
  /** The edges that a further statement may mean: by their nodes in a strict graph, else by their key too. */
  readonly #named = new Map<string, WrittenEdge>();

  constructor(strict: boolean) {
    this.#strict = strict;
  }

  run(statements: readonly Statement[], scope = new Scope(this.#room)): void {
    for (const statement of statements) {
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
    const position = assignments[0]?.name.position;
    if (of === "node") scope.setDefaults(of, assignments, position);
    else if (of === "edge") scope.setDefaults(of, splitKey(assignments).others, position);
    else if (scope.top) assign(this.attributes, assignments);
    else for (const { name } of assignments) this.#refuseInGroup(name);
  }

  /** As many as are told; a short text can multiply them. */
  #tell(code: FaultCode, message: string, where: Where): void {
    if (this.faults.length < GRAPH_FAULTS_MAX) this.faults.push(fault(code, message, where));
  }

  #refuseInGroup({ value, position }: Id): void {
    if (value === "label" || isDrawing(value)) return;
    const message = `A group takes no ${cut(value)}; write it at the top of the graph.`;
    this.#tell("unknown_attribute", message, { position });
  }

  #chain(ends: readonly EdgeEnd[], assignments: readonly Assignment[], scope: Scope): void {
    const [only] = ends;
    if (only && ends.length === 1) {
      this.#declareAll(only, assignments, scope);
      return;
    }
    const read = ends.map((end) => this.#read(end, scope));
    const { key, others } = splitKey(assignments);
    const own = assign(new Map(), others);
    const all = new Map([...scope.edge, ...own]);
    this.#room.takeEntries(all.size, others[0]?.name.position);
    for (const [i, heads] of read.entries()) {
      const [tails, end] = [read[i - 1], ends[i - 1]];
      if (tails && end) this.#connect(tails, heads, { key, all, own, position: positionOfEnd(end) });
    }
  }

  #declareAll(only: EdgeEnd, assignments: readonly Assignment[], scope: Scope): void {
    if (only.form === "nodes") {
      for (const id of only.ids) this.#declare(id, assignments, scope);
      return;
    }
    this.#enter(only, scope, false);
    const [first] = assignments;
    if (!first) return;
    const message = `Attributes behind a group say nothing of its nodes; begin the group with them: { node [${cut(first.name.value)}=…] … }.`;
    this.#tell("unknown_attribute", message, { position: first.name.position });
  }

  /** A group may still grow by a later end of the same chain, so its nodes are asked for when all are read. */
  #read(end: EdgeEnd, scope: Scope): readonly WrittenNode[] | Scope {
    if (end.form === "group") return this.#enter(end, scope, true);
    return end.ids.map((id) => this.#mention(id, scope));
  }

  #connect(
    tails: readonly WrittenNode[] | Scope,
    heads: readonly WrittenNode[] | Scope,
    written: Written,
  ): void {
    const [from, to] = [tails, heads].map((end) => ("size" in end ? end.size : end.length));
    if (!from || !to) {
      const message = "One end of the edge is an empty group; name a node in it.";
      this.#tell("dangling_edge", message, { position: written.position });
      return;
    }
    this.#room.takeEdges(from, to, written.position);
    const below = "size" in heads ? heads.members : heads;
    for (const tail of "size" in tails ? tails.members : tails)
      for (const head of below) this.#edge(tail, head, written);
  }

  #edge(tail: WrittenNode, head: WrittenNode, { key, all, own, position }: Written): void {
    const named = this.#strict || key !== undefined;
    const name = named && JSON.stringify([tail.order, head.order, this.#strict || key]);
    const known = name && this.#named.get(name);
    if (!known) {
      const edge = { from: tail.name, to: head.name, attributes: all, position, key };
      this.edges.push(edge);
      if (name) this.#named.set(name, edge);
    } else if (key === undefined || key === known.key) {
      this.#room.takeEntries(known.attributes.size + own.size, position);
      known.attributes = new Map([...known.attributes, ...own]);
    } else {
      const message = `In a strict graph ${cut(tail.name)} -> ${cut(head.name)} is one edge, and this one has another key; leave the key out.`;
      this.#tell("duplicate_edge", message, { edge: known, position });
    }
  }

  #enter(group: Group, scope: Scope, isEnd: boolean): Scope {
    const entered = scope.enter(group.name && nameOf(group.name), isEnd, group.position);
    this.run(group.statements, entered);
    return entered;
  }

  #mention(id: Id, scope: Scope): WrittenNode {
    const { position } = id;
    const name = nameOf(id);
    let node = this.nodes.get(name);
    if (!node) {
      this.#room.takeNode(position);
      this.#room.takeEntries(scope.node.size, position);
      const order = this.nodes.size;
      node = { name, order, position, declared: false, attributes: new Map(scope.node) };
      this.nodes.set(name, node);
    }
    scope.add(node, position);
    return node;
  }

  #declare(id: Id, assignments: readonly Assignment[], scope: Scope): void {
    const node = this.#mention(id, scope);
    const { type: before } = node;
    const attributes = assign(new Map(), assignments);
    this.#room.takeEntries(attributes.size, id.position);
    const type = attributes.get("type");
    if (type && before !== undefined && before !== type.value) {
      this.contradictions.push({ ...node, attributes, position: id.position });
      return;
    }
    // A bare name in a group of an edge is only mentioned, unless a default says what it is.
    const declares = assignments.length > 0 || !scope.inEdge || node.attributes.has("type");
    if (declares && !node.declared) {
      node.declared = true;
      node.position = id.position;
    }
    if (type) node.type = String(type.value);
    for (const [name, attribute] of attributes) node.attributes.set(name, attribute);
  }
}

export const draftOfSyntax = (graph: DotGraph): Drafted => {
  const drafting = new Drafting(graph.strict);
  const { attributes, nodes, contradictions, edges, faults } = drafting;
  try {
    drafting.run(graph.statements);
  } catch (cause) {
    if (cause instanceof TooLarge) return { faults: [...faults, cause.fault] };
    throw cause;
  }
  const draft = {
    name: graph.id ? nameOf(graph.id) : "",
    attributes,
    nodes: [...nodes.values(), ...contradictions],
    edges,
    position: graph.id?.position ?? graph.position,
  };
  return { draft, faults };
};
