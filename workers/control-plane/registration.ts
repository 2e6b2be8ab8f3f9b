/** Registering graphs and moving their status, as records of the log like everything else. */
import type { Answer, GraphView } from "../../src/control-plane/tenant.ts";
import type { Turn } from "../../src/control-plane/turn.ts";
import { hashGraph } from "../../src/graph/canonical.ts";
import { documentOf } from "../../src/graph/document.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { reject } from "../../src/rejection.ts";
import { ok } from "../../src/result.ts";
import type { Graphs } from "./graphs.ts";

export interface Registration {
  readonly graph: Graph;
  readonly source?: { readonly language: "dot"; readonly text: string };
  readonly activate: boolean;
}

type Registered = Answer<{ graph: string; version: number; created: boolean }>;

/** The same graph again answers the version that it has. */
export const registerGraph = (
  turn: Turn,
  { graph, source, activate }: Registration,
  graphs: Graphs,
): Registered => {
  const hash = hashGraph(graph);
  const known = graphs.byHash(graph.name, hash);
  if (known) {
    const { version } = known;
    if (activate && known.status === "NEW")
      turn.append({ type: "graph_status", graph: graph.name, version, status: "ACTIVE" });
    return ok({ graph: graph.name, version, created: false });
  }
  const version = (graphs.versions(graph.name)[0]?.version ?? 0) + 1;
  turn.append({
    type: "graph_registered",
    graph: graph.name,
    version,
    hash,
    status: activate ? "ACTIVE" : "NEW",
    document: documentOf(graph),
    ...(source && { source: source.text }),
  });
  return ok({ graph: graph.name, version, created: true });
};

export interface StatusChange {
  readonly graph: string;
  readonly version?: number;
  readonly status: "ACTIVE" | "ARCHIVED";
}

/** One version, or all that may move: an archived one stays archived. */
export const setGraphStatus = (
  turn: Turn,
  { graph, version, status }: StatusChange,
  graphs: Graphs,
): Answer<readonly GraphView[]> => {
  const versions = graphs.versions(graph).filter((each) => version === undefined || each.version === version);
  if (versions.length === 0) return reject("graph_not_found", `no graph ${graph}, or not this version of it`);
  for (const each of versions) {
    if (each.status === status) continue;
    if (each.status === "ARCHIVED") {
      if (version === undefined) continue;
      return reject(
        "illegal_transition",
        `version ${version} of ${graph} is ARCHIVED; register it as a new graph`,
      );
    }
    turn.append({ type: "graph_status", graph, version: each.version, status });
  }
  return ok(versions);
};
