/** The rules of an edge by itself: its ends, its kinds, its attributes, and that it is there once. */
import { checkExpression } from "../../executor/expression.ts";
import type { DraftEdge } from "../draft.ts";
import { type Fault, fault, type Where } from "../fault.ts";
import type { Edge } from "../graph.ts";
import { isDrawing } from "./drawing.ts";
import { didYouMean } from "./nearest.ts";
import { type CheckedNode, quoted } from "./nodes.ts";
import { readAttribute, text } from "./readers.ts";

export const EDGE_ATTRIBUTES = ["when", "label"];

const checkEnds = (
  edge: DraftEdge,
  nodes: ReadonlyMap<string, CheckedNode>,
  where: Where,
  faults: Fault[],
) => {
  const arrow = `${quoted(edge.from)} -> ${quoted(edge.to)}`;
  let dangling = false;
  for (const end of new Set([edge.from, edge.to])) {
    if (nodes.has(end)) continue;
    dangling = true;
    const message = `Edge ${arrow} names ${quoted(end)}, which is no node; declare it, or mend its name.`;
    faults.push(fault("dangling_edge", message, where));
  }
  if (dangling) return;
  if (edge.from === edge.to) {
    const message = `Edge ${arrow} leads back to its own node; lead it through a ${nodes.get(edge.from)?.type === "task" ? "plan" : "task"} and from there back.`;
    faults.push(fault("self_loop", message, where));
    return;
  }
  const type = nodes.get(edge.from)?.type;
  if (type === undefined || type !== nodes.get(edge.to)?.type) return;
  const message = `Edge ${arrow} leads from a ${type} to a ${type}; put a ${type === "plan" ? "task" : "plan"} between them, for plans and tasks alternate.`;
  faults.push(fault("same_kind_edge", message, where));
};

const checkWhen = (edge: DraftEdge, from: CheckedNode | undefined, where: Where, faults: Fault[]) => {
  const when = readAttribute(edge.attributes, "when", text, where, faults);
  if (when === undefined) return undefined;
  const position = edge.attributes.get("when")?.position ?? where.position;
  const path = edge.attributes.get("when")?.path;
  const wrong = checkExpression(when);
  if (wrong !== undefined)
    faults.push(
      fault("invalid_expression", `${path} is no CEL expression: ${wrong}.`, { ...where, position }),
    );
  if (from?.type === "task" || (from?.kind && !from.kind.readsWhen)) {
    const what = from.type === "task" ? "a task" : `a plan of kind "${from.kind?.name}"`;
    const message = `${path} would never be read, for ${quoted(edge.from)} is ${what}; leave it out, or let a plan that reads it decide (kind="conditional").`;
    faults.push(fault("invalid_attribute", message, { ...where, position }));
  }
  return when;
};

const checkAttributeNames = (edge: DraftEdge, where: Where, faults: Fault[]) => {
  for (const [name, { path, position }] of edge.attributes) {
    if (EDGE_ATTRIBUTES.includes(name) || isDrawing(name)) continue;
    const message = `An edge takes no ${path}${didYouMean(name, EDGE_ATTRIBUTES) || "; it takes when and label."}`;
    faults.push(fault("unknown_attribute", message, { ...where, position: position ?? where.position }));
  }
};

export const checkEdges = (
  edges: readonly DraftEdge[],
  nodes: ReadonlyMap<string, CheckedNode>,
  faults: Fault[],
): Edge[] => {
  const seen = new Set<string>();
  return edges.map((edge): Edge => {
    const { from, to } = edge;
    const where: Where = { edge: { from, to }, position: edge.position };
    const key = `${from}\0${to}`;
    if (seen.has(key)) {
      const message = `Edge ${quoted(from)} -> ${quoted(to)} is there already; leave one of them out, and join what they say with || in one when.`;
      faults.push(fault("duplicate_edge", message, where));
    } else checkEnds(edge, nodes, where, faults);
    seen.add(key);
    checkAttributeNames(edge, where, faults);
    const label = readAttribute(edge.attributes, "label", text, where, faults);
    const when = checkWhen(edge, nodes.get(from), where, faults);
    return { from, to, ...(label !== undefined && { label }), ...(when !== undefined && { when }) };
  });
};
