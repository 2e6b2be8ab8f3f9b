/** What pauses a tenant and its graphs. A value: a change makes another one. */
import type { PausedRecord, ResumedRecord } from "../topics/record.ts";
import type { Hold } from "./lifetime.ts";

export interface Holds {
  readonly tenant?: Hold;
  readonly graphs: ReadonlyMap<string, Hold>;
}

/** The usual case, known by identity: every event asks. */
export const NO_HOLDS: Holds = { graphs: new Map() };

/** Whether it is one pause: what was read anew is another object. */
export const isSameHold = (one: Hold | undefined, other: Hold | undefined): boolean =>
  one === other || (one?.scope === other?.scope && one?.since === other?.since);

/** Those of a graph's lifetimes; undefined where there are none. */
export const holdsOn = (holds: Holds, graph: string): readonly Hold[] | undefined => {
  if (holds === NO_HOLDS) return undefined;
  const found = [holds.graphs.get(graph), holds.tenant].filter((hold) => hold !== undefined);
  return found.length > 0 ? found : undefined;
};

export const holdOf = (holds: Holds, graph: string | undefined): Hold | undefined =>
  graph === undefined ? holds.tenant : holds.graphs.get(graph);

export const withRecord = (
  { tenant, graphs }: Holds,
  record: Omit<PausedRecord, "offset"> | Omit<ResumedRecord, "offset">,
): Holds => {
  const { graph } = record;
  const scope = graph === undefined ? "tenant" : "graph";
  const hold: Hold | undefined =
    record.type === "paused"
      ? { scope, detail: record.detail, since: record.at, ...(record.by !== undefined && { by: record.by }) }
      : undefined;
  const others = [...graphs].filter(([name]) => name !== graph);
  const next = {
    tenant: graph === undefined ? hold : tenant,
    graphs: new Map(graph !== undefined && hold ? [...others, [graph, hold]] : others),
  };
  if (next.tenant === undefined && next.graphs.size === 0) return NO_HOLDS;
  return { graphs: next.graphs, ...(next.tenant && { tenant: next.tenant }) };
};
