/** The rules of the graph as a whole: its attributes, and the bounds that it asks for. */
import * as limits from "../../limits.ts";
import type { GraphDraft } from "../draft.ts";
import { type Fault, fault, type Where } from "../fault.ts";
import type { Bounds, Graph } from "../graph.ts";
import { isDrawing } from "./drawing.ts";
import { didYouMean } from "./nearest.ts";
import { nameFault, quoted } from "./nodes.ts";
import { duration, flag, type Reader, readAttribute, text, wholeNumber } from "./readers.ts";

export const GRAPH_ATTRIBUTES = [
  "label",
  "timeout",
  "timeout_while_paused",
  "iterations_max",
  "fan_out_max",
  "outstanding_max",
  "steps_max",
];

export const checkBounds = (draft: GraphDraft, faults: Fault[]): Pick<Graph, "label" | "bounds"> => {
  const where: Where = { position: draft.position };
  const wrong = nameFault(draft.name);
  if (wrong)
    faults.push(fault("invalid_name", `${quoted(draft.name)} is no name for a graph: ${wrong}.`, where));
  for (const [name, { path, position }] of draft.attributes) {
    if (GRAPH_ATTRIBUTES.includes(name) || isDrawing(name)) continue;
    const message = `A graph takes no ${path}${didYouMean(name, GRAPH_ATTRIBUTES) || `; it takes ${GRAPH_ATTRIBUTES.join(", ")}.`}`;
    faults.push(fault("unknown_attribute", message, { position: position ?? where.position }));
  }
  const read = <T>(name: string, reader: Reader<T>) =>
    readAttribute(draft.attributes, name, reader, where, faults);
  const bound = (name: string, max: number) => read(name, wholeNumber(1, max)) ?? max;
  const label = read("label", text);
  const bounds: Bounds = {
    timeoutMs: read("timeout", duration(1, limits.LIFETIME_TIMEOUT_MS_MAX)) ?? limits.LIFETIME_TIMEOUT_MS,
    iterationsMax: bound("iterations_max", limits.ITERATIONS_MAX),
    fanOutMax: bound("fan_out_max", limits.FAN_OUT_MAX),
    outstandingMax: bound("outstanding_max", limits.OUTSTANDING_MAX),
    stepsMax: bound("steps_max", limits.STEPS_MAX),
    ...(read("timeout_while_paused", flag) && { timeoutWhilePaused: true as const }),
  };
  return { ...(label !== undefined && { label }), bounds };
};
