/**
 * What pauses the tenant and its graphs: in a table, and in memory as turns ask for it. Who it holds is not
 * written here; a row that was lifted says that some may still have to go on.
 */
import { type Holds, NO_HOLDS } from "../../src/control-plane/holds.ts";
import type { Hold } from "../../src/control-plane/lifetime.ts";
import type { Sql } from "./sql.ts";

type Row = { graph: string; detail: string; since: number; held_by: string | null };

/** No graph has it as its name. */
const TENANT = "";

export class HoldTable {
  readonly #sql: Sql;
  #current: Holds | undefined;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  get current(): Holds {
    this.#current ??= this.#read();
    return this.#current;
  }

  /** Whether there is anything that a lifetime may not have learned yet. */
  get any(): boolean {
    return this.#sql.exec("SELECT 1 FROM holds LIMIT 1").toArray().length > 0;
  }

  /** Inside the transaction; answers what to remember once it is committed. */
  write(next: Holds): () => void {
    const was = this.current;
    if (was.tenant !== next.tenant) this.#place(TENANT, next.tenant);
    for (const graph of new Set([...was.graphs.keys(), ...next.graphs.keys()])) {
      const hold = next.graphs.get(graph);
      if (was.graphs.get(graph) !== hold) this.#place(graph, hold);
    }
    return () => {
      this.#current = next;
    };
  }

  /** Every lifetime knows of every change. */
  forgetLifted(): void {
    this.#sql.exec("DELETE FROM holds WHERE lifted = 1");
  }

  reset(): void {
    this.#current = undefined;
  }

  #place(graph: string, hold: Hold | undefined): void {
    if (hold === undefined) this.#sql.exec("UPDATE holds SET lifted = 1 WHERE graph = ?", graph);
    else
      this.#sql.exec(
        "INSERT OR REPLACE INTO holds VALUES (?, ?, ?, 0, ?)",
        graph,
        hold.detail,
        hold.since,
        hold.by ?? null,
      );
  }

  #read(): Holds {
    const rows = this.#sql
      .exec<Row>("SELECT graph, detail, since, held_by FROM holds WHERE lifted = 0")
      .toArray();
    if (rows.length === 0) return NO_HOLDS;
    const tenant = rows.find(({ graph }) => graph === TENANT);
    const graphs = rows.filter(({ graph }) => graph !== TENANT);
    return {
      ...(tenant && { tenant: holdOf("tenant", tenant) }),
      graphs: new Map(graphs.map((row) => [row.graph, holdOf("graph", row)])),
    };
  }
}

const holdOf = (scope: Hold["scope"], { detail, since, held_by }: Row): Hold => ({
  scope,
  detail,
  since,
  ...(held_by !== null && { by: held_by }),
});
