/** What the tenant object answers of its graphs. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Graph, GraphStatus } from "../graph/graph.ts";
import type { Answer, PausedView } from "./tenant.ts";

export interface GraphView {
  readonly graph: string;
  readonly version: number;
  readonly status: GraphStatus;
  /** SHA-256 of the canonical document, hex. */
  readonly hash: string;
  readonly created_at: string;
  /** The graph, in all of its versions. */
  readonly paused?: PausedView;
}

export interface GraphDetail extends GraphView {
  readonly document: JsonObject;
  /** The text that it was registered from. */
  readonly source?: { readonly language: "dot"; readonly text: string };
}

export interface GraphRpc {
  /** The same graph again answers the version that it has; NEW unless activated. */
  registerGraph(request: {
    graph: Graph;
    source?: { language: "dot"; text: string };
    activate: boolean;
  }): Promise<Answer<GraphView & { created: boolean }>>;
  /** The newest version of each graph, by name, after the given name. */
  listGraphs(request: { after: string; limit: number }): Promise<Answer<readonly GraphView[]>>;
  /** All versions of one graph, newest first. */
  listVersions(graph: string): Promise<Answer<readonly GraphView[]>>;
  getGraph(graph: string, version?: number): Promise<Answer<GraphDetail>>;
  /** One version, or all of them. */
  setGraphStatus(request: {
    graph: string;
    version?: number;
    status: "ACTIVE" | "ARCHIVED";
  }): Promise<Answer<readonly GraphView[]>>;
  /** All its lifetimes learn of it soon, and issue nothing from now on. */
  pauseGraph(graph: string, detail: string, by?: string): Promise<Answer<readonly GraphView[]>>;
  resumeGraph(graph: string, by?: string): Promise<Answer<readonly GraphView[]>>;
}
