/**
 * A group while its statements are read: the defaults that count in it, and the nodes in it where an edge may ask
 * for them. Groups of one name within one group are one: its defaults and nodes stay.
 */
import type { DraftNode } from "../draft.ts";
import type { Position } from "../fault.ts";
import { type AttributeMap, assign } from "./attributes.ts";
import type { Room } from "./room.ts";
import type { Assignment } from "./syntax.ts";

export interface WrittenNode extends DraftNode {
  /** Counted from 0 as they are first mentioned; wherever GraphViz lists nodes, it keeps this order. */
  readonly order: number;
  readonly attributes: AttributeMap;
  declared: boolean;
  position: Position;
  /** The type that a statement gave it, not a default. */
  type?: string;
}

export class Scope {
  node: AttributeMap = new Map();
  edge: AttributeMap = new Map();
  /** Whether it is an end of an edge, or in one. */
  inEdge = false;
  readonly #room: Room;
  readonly #outer: Scope | undefined;
  /** Its own of the defaults above. */
  readonly #own: { readonly node: AttributeMap; readonly edge: AttributeMap } = {
    node: new Map(),
    edge: new Map(),
  };
  readonly #named = new Map<string, Scope>();
  /** Undefined where nothing will ask; the groups around it are told all the same. */
  readonly #members: Set<WrittenNode> | undefined;

  constructor(room: Room, outer?: Scope, members?: Set<WrittenNode>) {
    this.#room = room;
    this.#outer = outer;
    this.#members = members;
  }

  get top(): boolean {
    return this.#outer === undefined;
  }

  get size(): number {
    return this.#members?.size ?? 0;
  }

  get members(): WrittenNode[] {
    return [...(this.#members ?? [])].sort((a, b) => a.order - b.order);
  }

  enter(name: string | undefined, isEnd: boolean, position: Position): Scope {
    const known = name === undefined ? undefined : this.#named.get(name);
    const scope = known ?? new Scope(this.#room, this, isEnd || name !== undefined ? new Set() : undefined);
    if (name !== undefined) this.#named.set(name, scope);
    scope.inEdge = isEnd || this.inEdge;
    scope.#inherit("node", position);
    scope.#inherit("edge", position);
    return scope;
  }

  setDefaults(of: "node" | "edge", assignments: readonly Assignment[], position?: Position): void {
    if (this.#own[of].size === 0) this[of] = this.#copy(this[of], position);
    assign(this.#own[of], assignments);
    assign(this[of], assignments);
  }

  add(node: WrittenNode, position: Position): void {
    for (let scope: Scope | undefined = this; scope; scope = scope.#outer) {
      const members = scope.#members;
      if (!members) continue;
      // Who is in a group is in all around it.
      if (members.has(node)) return;
      this.#room.takeEntries(1, position);
      members.add(node);
    }
  }

  /** The defaults of the group around it may have changed since it was left. */
  #inherit(of: "node" | "edge", position: Position): void {
    const outer = this.#outer?.[of] ?? new Map();
    this[of] = outer;
    if (this.#own[of].size === 0) return;
    this[of] = this.#copy(outer, position);
    for (const [name, attribute] of this.#own[of]) this[of].set(name, attribute);
  }

  #copy(attributes: AttributeMap, position: Position | undefined): AttributeMap {
    this.#room.takeEntries(attributes.size, position);
    return new Map(attributes);
  }
}
