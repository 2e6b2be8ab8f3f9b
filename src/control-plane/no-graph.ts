/** Stands in where the graph of a lifetime cannot be had: to fail the lifetime takes none. */
import { indexGraph } from "../graph/lookup.ts";

export const NO_GRAPH = indexGraph({
  name: "",
  bounds: { timeoutMs: 0, iterationsMax: 0, fanOutMax: 0, outstandingMax: 0, stepsMax: 0 },
  nodes: [],
  edges: [],
});
