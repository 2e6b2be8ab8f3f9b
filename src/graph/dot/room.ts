/**
 * What groups and defaults multiply a short text to, counted while it is multiplied, so that no text asks for
 * memory that it will not get.
 */
import { GRAPH_DRAFT_ENTRIES_MAX, GRAPH_EDGES_MAX, GRAPH_NODES_MAX } from "../../limits.ts";
import { type Fault, type FaultCode, fault, type Position } from "../fault.ts";

/** Leaves the drafting; what was drafted until then is no graph. */
export class TooLarge extends Error {
  readonly fault: Fault;

  constructor(code: FaultCode, message: string, position: Position | undefined) {
    super(message);
    this.fault = fault(code, message, { position });
  }
}

export class Room {
  #nodes = 0;
  #edges = 0;
  #entries = 0;

  takeNode(position: Position | undefined): void {
    if (++this.#nodes <= GRAPH_NODES_MAX) return;
    const message = `A graph has at most ${GRAPH_NODES_MAX} nodes, and this is one more; split the graph in two.`;
    throw new TooLarge("too_many_nodes", message, position);
  }

  /** Also those that a strict graph makes one: they are work. */
  takeEdges(tails: number, heads: number, position: Position | undefined): void {
    this.#edges += tails * heads;
    if (this.#edges <= GRAPH_EDGES_MAX) return;
    const makes = tails * heads > 1 ? `${tails} × ${heads} edges are made here` : "this is one more";
    const message = `A graph has at most ${GRAPH_EDGES_MAX} edges, and ${makes}; split the graph in two.`;
    throw new TooLarge("too_many_edges", message, position);
  }

  /** Attributes that a node, an edge or a group gets, and nodes that a group gets. */
  takeEntries(entries: number, position: Position | undefined): void {
    this.#entries += entries;
    if (this.#entries <= GRAPH_DRAFT_ENTRIES_MAX) return;
    const message = `With its defaults and groups written out, the graph has more than ${GRAPH_DRAFT_ENTRIES_MAX} attributes and members of groups; give attributes only to what needs them, and nest fewer groups.`;
    throw new TooLarge("text_too_large", message, position);
  }
}
