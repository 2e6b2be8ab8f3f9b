/** What the grammar of DOT makes of a text: statements in order, with positions, scopes not yet applied. */
import type { Position } from "../fault.ts";

export interface Id {
  readonly value: string;
  /** Where GraphViz tells an HTML string from one in quotes: as a name, never as a value. */
  readonly html?: true;
  readonly position: Position;
}

export interface Assignment {
  readonly name: Id;
  readonly value: Id;
}

export interface Group {
  readonly form: "group";
  /** Groups of one name within one group are one group. */
  readonly name?: Id | undefined;
  readonly statements: readonly Statement[];
  readonly position: Position;
}

/** `a`, or a list of nodes: `a, b`. */
export interface Nodes {
  readonly form: "nodes";
  readonly ids: readonly Id[];
}

export type EdgeEnd = Nodes | Group;

export type Statement =
  /** One end is no edge but a declaration. */
  | { readonly form: "chain"; readonly ends: readonly EdgeEnd[]; readonly attributes: readonly Assignment[] }
  | {
      readonly form: "defaults";
      readonly of: "graph" | "node" | "edge";
      readonly attributes: readonly Assignment[];
    }
  | { readonly form: "assignment"; readonly assignment: Assignment };

export interface DotGraph {
  readonly id: Id | undefined;
  /** A second edge between the same nodes is the first one again. */
  readonly strict: boolean;
  readonly statements: readonly Statement[];
  readonly position: Position;
}

export const positionOfEnd = (end: EdgeEnd): Position | undefined =>
  end.form === "group" ? end.position : end.ids[0]?.position;
