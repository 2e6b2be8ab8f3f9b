/**
 * A graph as its author wrote it, in any language: nodes and edges with raw attributes, nothing checked but
 * the syntax. Attributes go by one set of names, those of DOT. validate.ts makes a Graph of it.
 */
import type { JsonValue } from "@bufbuild/protobuf";
import type { Fault, Position } from "./fault.ts";

export interface Attribute {
  /** DOT writes every value as a string; JSON has what JSON has. */
  readonly value: JsonValue;
  /** How the author finds it: its name in DOT, its path in a document. */
  readonly path: string;
  readonly position?: Position | undefined;
}

export type Attributes = ReadonlyMap<string, Attribute>;

export interface DraftNode {
  readonly name: string;
  readonly attributes: Attributes;
  /** False for a node that only an edge mentions. */
  readonly declared: boolean;
  readonly position?: Position | undefined;
}

export interface DraftEdge {
  readonly from: string;
  readonly to: string;
  readonly attributes: Attributes;
  readonly position?: Position | undefined;
}

export interface GraphDraft {
  readonly name: string;
  readonly attributes: Attributes;
  /** A name may come twice; that is for validation to judge. */
  readonly nodes: readonly DraftNode[];
  readonly edges: readonly DraftEdge[];
  readonly position?: Position | undefined;
}

/** What a language made of a text. There may be both: faults that leave the rest of the graph readable. */
export interface Drafted {
  readonly draft?: GraphDraft;
  readonly faults: readonly Fault[];
}
