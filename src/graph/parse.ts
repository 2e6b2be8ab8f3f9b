/** What people send → Graph: the one way in, for every language. */
import { GRAPH_FAULTS_MAX } from "../limits.ts";
import { err } from "../result.ts";
import type { Catalogue } from "./catalogue.ts";
import { parseDot } from "./dot/parse.ts";
import { type Fault, inOrder } from "./fault.ts";
import { draftOfDocument } from "./from-document.ts";
import { type Validated, validateGraph } from "./validate.ts";

export type WrittenGraph = { readonly dot: string } | { readonly graph: unknown };

const firstOf = (faults: readonly Fault[]) => err(inOrder(faults).slice(0, GRAPH_FAULTS_MAX));

export const parseGraph = (written: WrittenGraph, catalogue: Catalogue): Validated => {
  const { draft, faults } = "dot" in written ? parseDot(written.dot) : draftOfDocument(written.graph);
  if (!draft) return firstOf(faults);
  const validated = validateGraph(draft, catalogue);
  if (validated.ok && faults.length > 0) return firstOf(faults);
  if (validated.ok) return { ...validated, warnings: inOrder(validated.warnings).slice(0, GRAPH_FAULTS_MAX) };
  return firstOf([...faults, ...validated.error]);
};
