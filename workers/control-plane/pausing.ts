/** Pausing and resuming a graph or the whole tenant, as records of the log; and how what is paused is shown. */
import type { Holds } from "../../src/control-plane/holds.ts";
import { holdOf } from "../../src/control-plane/holds.ts";
import type { Hold } from "../../src/control-plane/lifetime.ts";
import type { PausedView } from "../../src/control-plane/tenant.ts";
import type { Turn } from "../../src/control-plane/turn.ts";
import { isoOf } from "../../src/wire/timestamp.ts";

/** The tenant where no graph is named. The first reason stays. */
export const pause = (turn: Turn, graph: string | undefined, detail: string, by?: string): void => {
  if (turn.hold(graph) === undefined) turn.append({ type: "paused", detail, ...named(graph, by) });
};

export const resume = (turn: Turn, graph: string | undefined, by?: string): void => {
  if (turn.hold(graph) !== undefined) turn.append({ type: "resumed", ...named(graph, by) });
};

const named = (graph: string | undefined, by: string | undefined) => ({
  ...(graph !== undefined && { graph }),
  ...(by !== undefined && { by }),
});

export const pausedView = ({ detail, since, by }: Hold): PausedView => ({
  reason: detail,
  ...(by !== undefined && { by }),
  since: isoOf(since),
});

/** For a view of a graph, or of the tenant where none is named. */
export const pausedOf = (holds: Holds, graph?: string): { paused?: PausedView } => {
  const hold = holdOf(holds, graph);
  return hold ? { paused: pausedView(hold) } : {};
};
