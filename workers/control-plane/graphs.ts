/** Graph versions of the tenant: immutable documents, and a status that moves NEW → ACTIVE → ARCHIVED. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { GraphDetail, GraphView } from "../../src/control-plane/tenant.ts";
import { graphOf } from "../../src/graph/document.ts";
import type { GraphStatus } from "../../src/graph/graph.ts";
import { type GraphIndex, indexGraph } from "../../src/graph/lookup.ts";
import type { LogRecord } from "../../src/topics/record.ts";
import { isoOf } from "../../src/wire/timestamp.ts";
import type { Sql } from "./sql.ts";

/** Compiled graphs in memory; each is some hundred bytes a node. */
const INDEXED_MAX = 100;

type Row = {
  graph: string;
  version: number;
  status: GraphStatus;
  hash: string;
  created_at: number;
};

const VIEW = "graph, version, status, hash, created_at";

const viewOf = ({ created_at, ...row }: Row): GraphView => ({
  ...row,
  created_at: isoOf(created_at),
});

export class Graphs {
  readonly #sql: Sql;
  readonly #indexed = new Map<string, GraphIndex>();
  /** What `find` has answered since a version or a status last changed: every start asks. */
  readonly #found = new Map<string, GraphView | undefined>();
  /** Likewise, by entry plan. */
  #byEntry: Map<string, GraphView[]> | undefined;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  index(graph: string, version: number): GraphIndex {
    const key = `${graph}/${version}`;
    const known = this.#indexed.get(key);
    if (known) return known;
    const [row] = this.#sql
      .exec<{ document: string }>(
        "SELECT document FROM graph_versions WHERE graph = ? AND version = ?",
        graph,
        version,
      )
      .toArray();
    if (row === undefined) throw new Error(`graph ${graph} has no version ${version}`);
    const index = indexGraph(graphOf(JSON.parse(row.document)));
    const [oldest] = this.#indexed.keys();
    if (this.#indexed.size >= INDEXED_MAX && oldest !== undefined) this.#indexed.delete(oldest);
    this.#indexed.set(key, index);
    return index;
  }

  /** The named version, else the newest active one, else the newest. */
  find(graph: string, version?: number): GraphView | undefined {
    const key = `${graph}/${version ?? ""}`;
    if (!this.#found.has(key)) {
      if (this.#found.size >= INDEXED_MAX) this.#found.clear();
      this.#found.set(key, this.#find(graph, version));
    }
    return this.#found.get(key);
  }

  #find(graph: string, version?: number): GraphView | undefined {
    const [row] = this.#sql
      .exec<Row>(
        `SELECT ${VIEW} FROM graph_versions WHERE graph = ? AND (? IS NULL OR version = ?)
         ORDER BY status = 'ACTIVE' DESC, version DESC LIMIT 1`,
        graph,
        version ?? null,
        version ?? null,
      )
      .toArray();
    return row && viewOf(row);
  }

  /** The newest active version of each graph that a lifetime may begin with this plan. */
  withEntry(plan: string): readonly GraphView[] {
    this.#byEntry ??= this.#entries();
    return this.#byEntry.get(plan) ?? [];
  }

  #entries(): Map<string, GraphView[]> {
    const active = this.#sql
      .exec<Row & { newest: number }>(
        `SELECT ${VIEW}, MAX(version) AS newest FROM graph_versions WHERE status = 'ACTIVE' GROUP BY graph ORDER BY graph`,
      )
      .toArray();
    const byEntry = new Map<string, GraphView[]>();
    for (const { newest: _, ...row } of active)
      for (const plan of this.index(row.graph, row.version).entries)
        byEntry.set(plan, [...(byEntry.get(plan) ?? []), viewOf(row)]);
    return byEntry;
  }

  byHash(graph: string, hash: string): GraphView | undefined {
    return this.versions(graph).find((view) => view.hash === hash);
  }

  /** Newest first. */
  versions(graph: string): GraphView[] {
    return this.#sql
      .exec<Row>(`SELECT ${VIEW} FROM graph_versions WHERE graph = ? ORDER BY version DESC`, graph)
      .toArray()
      .map(viewOf);
  }

  /** The newest version of each graph. */
  list(after: string, limit: number): GraphView[] {
    return this.#sql
      .exec<Row>(
        `SELECT ${VIEW}, MAX(version) AS newest FROM graph_versions WHERE graph > ? GROUP BY graph ORDER BY graph LIMIT ?`,
        after,
        limit,
      )
      .toArray()
      .map(({ newest: _, ...row }: Row & { newest?: number }) => viewOf(row));
  }

  detail(graph: string, version?: number): GraphDetail | undefined {
    const view = this.find(graph, version);
    if (view === undefined) return undefined;
    const [row] = this.#sql
      .exec<{ document: string; source: string | null }>(
        `SELECT document, text AS source FROM graph_versions LEFT JOIN graph_sources USING (graph, version)
         WHERE graph = ? AND version = ?`,
        graph,
        view.version,
      )
      .toArray();
    if (row === undefined) return undefined;
    return {
      ...view,
      document: JSON.parse(row.document) as JsonObject,
      ...(row.source !== null && { source: { language: "dot" as const, text: row.source } }),
    };
  }

  /** Inside the transaction: what records of the log say of graphs. */
  write(records: readonly LogRecord[]): void {
    for (const record of records) {
      if (record.type === "graph_registered") this.#insert(record);
      else if (record.type === "graph_status") this.#move(record);
      else continue;
      this.#found.clear();
      this.#byEntry = undefined;
    }
  }

  /** Throws for a version that another request of the same turn has archived: then each has a turn of its own. */
  #move({ status, graph, version }: LogRecord & { type: "graph_status" }): void {
    const moved = this.#sql
      .exec(
        "UPDATE graph_versions SET status = ? WHERE graph = ? AND version = ? AND status <> 'ARCHIVED' RETURNING 1",
        status,
        graph,
        version,
      )
      .toArray();
    if (moved.length === 0) throw new Error(`version ${version} of ${graph} cannot become ${status}`);
  }

  #insert({
    graph,
    version,
    status,
    hash,
    at,
    document,
    source,
  }: LogRecord & { type: "graph_registered" }): void {
    this.#sql.exec(
      "INSERT INTO graph_versions VALUES (?, ?, ?, ?, ?, ?)",
      graph,
      version,
      status,
      hash,
      at,
      JSON.stringify(document),
    );
    if (source !== undefined)
      this.#sql.exec("INSERT INTO graph_sources VALUES (?, ?, ?)", graph, version, source);
  }

  reset(): void {
    this.#indexed.clear();
    this.#found.clear();
    this.#byEntry = undefined;
  }
}
