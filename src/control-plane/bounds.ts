/** The bounds that a lifetime may not pass; the first one passed ends it, with a reason of its own. */
import { INPUT_BYTES_MAX } from "../limits.ts";
import type { Draft } from "./draft.ts";
import type { Reason } from "./lifetime.ts";

/** Why these inputs may not be issued, if so. Asked before any of them is: a wave is issued whole or not at all. */
export const overBound = (draft: Draft, nodes: readonly string[], bytes: number): Reason | undefined => {
  const { head, iterations } = draft.lifetime;
  const { bounds } = draft.graph.graph;
  for (const node of nodes)
    if ((iterations.get(node) ?? 0) >= bounds.iterationsMax)
      return {
        code: "iterations_exceeded",
        detail: `${node} has run ${bounds.iterationsMax} times; raise iterations_max of the graph if that is meant`,
      };
  if (nodes.length > bounds.fanOutMax)
    return {
      code: "fan_out_exceeded",
      detail: `one plan launched ${nodes.length} tasks; fan_out_max is ${bounds.fanOutMax}`,
    };
  if (head.outstanding + nodes.length > bounds.outstandingMax)
    return {
      code: "outstanding_exceeded",
      detail: `${head.outstanding + nodes.length} inputs would be outstanding; outstanding_max is ${bounds.outstandingMax}`,
    };
  if (head.steps + head.outstanding + nodes.length > bounds.stepsMax)
    return {
      code: "steps_exceeded",
      detail: `the lifetime would take more than steps_max, ${bounds.stepsMax}`,
    };
  if (bytes > INPUT_BYTES_MAX)
    return {
      code: "input_too_large",
      detail: `the input of ${nodes.join(", ")} would have ${bytes} bytes at the least; the bound is ${INPUT_BYTES_MAX}`,
    };
  return undefined;
};
