/**
 * Inputs that executors elsewhere have, by node and parents: an answer may name nothing else. Kept for lifetimes that
 * have such inputs alone. What it says may be behind: whoever asks looks whether the input is open.
 */
import type { Correlated } from "../../src/control-plane/correlate.ts";
import type { Head, Lifetime, Member } from "../../src/control-plane/lifetime.ts";
import type { GraphIndex } from "../../src/graph/lookup.ts";
import type { OpenInputs } from "../../src/mirror/state.ts";
import type { Kind } from "../../src/topics/topics.ts";
import type { Graphs } from "./graphs.ts";
import type { Lifetimes } from "./lifetimes.ts";
import type { Sql } from "./sql.ts";

/** The first of the parents and how many there are: enough to find few. */
const parentsKey = (ids: readonly string[]): string => `${ids.length}/${[...ids].sort()[0] ?? ""}`;

const isElsewhere = (nodes: GraphIndex, member: Member | undefined): member is Member =>
  member?.phase === "issued" && nodes.node(member.node).executor !== undefined;

const BUILT = "elsewhere";

export class Elsewhere {
  readonly #sql: Sql;
  readonly #graphs: Graphs;
  readonly #lifetimes: Lifetimes;

  constructor(sql: Sql, graphs: Graphs, lifetimes: Lifetimes) {
    this.#sql = sql;
    this.#graphs = graphs;
    this.#lifetimes = lifetimes;
  }

  /** Inside the transaction, with the state: what has changed of its inputs. */
  write({ head, members }: Lifetime): void {
    const { started, graph, version } = head;
    if (head.ended !== undefined) {
      this.#sql.exec("DELETE FROM elsewhere WHERE started = ?", started);
      return;
    }
    const nodes = this.#graphs.index(graph, version);
    for (const [n, member] of members.changes())
      if (isElsewhere(nodes, member)) this.#insert(head, n, member);
      else this.#sql.exec("DELETE FROM elsewhere WHERE started = ? AND n = ?", started, n);
  }

  find(kind: Kind, node: string, parents: readonly string[]): readonly Correlated[] {
    this.#build();
    return this.#sql
      .exec<{ lifetime: string; n: number }>(
        `SELECT id AS lifetime, n FROM elsewhere JOIN lifetimes USING (started)
         WHERE node = ? AND parents = ? AND kind = ? ORDER BY started, n`,
        node,
        parentsKey(parents),
        kind,
      )
      .toArray();
  }

  open(): readonly OpenInputs[] {
    this.#build();
    return this.#sql
      .exec<{ kind: Kind; node: string; graph: string; inputs: number }>(
        "SELECT kind, node, graph, COUNT(*) AS inputs FROM elsewhere GROUP BY kind, node, graph ORDER BY graph, node",
      )
      .toArray();
  }

  /** Once: of what was running before there was this table. */
  #build(): void {
    const [built] = this.#sql.exec("SELECT 1 FROM marks WHERE name = ?", BUILT).toArray();
    if (built) return;
    for (const { id } of this.#lifetimes.running()) {
      const lifetime = this.#lifetimes.get(id);
      if (lifetime && "head" in lifetime) this.#add(lifetime);
    }
    this.#sql.exec("INSERT OR REPLACE INTO marks VALUES (?, 1)", BUILT);
  }

  #add({ head, members }: Lifetime): void {
    const nodes = this.#graphs.index(head.graph, head.version);
    for (const [n, member] of members.entries())
      if (isElsewhere(nodes, member)) this.#insert(head, n, member);
  }

  #insert({ started, graph }: Head, n: number, { kind, node, parents }: Member): void {
    const key = parentsKey(parents.map(({ execId }) => execId));
    this.#sql.exec(
      "INSERT OR REPLACE INTO elsewhere VALUES (?, ?, ?, ?, ?, ?)",
      started,
      n,
      kind,
      node,
      graph,
      key,
    );
  }
}
