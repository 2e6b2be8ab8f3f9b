/**
 * Writes D1: the fold of the logs, and the tenants that there are. Never reads a log, never decides anything.
 *
 * 1. Rows and cursor go in one batch. A flush that is repeated, late, overlapping or out of order leaves the
 *    same tables: inserts ignore conflicts, rows that change and cursors only move forward by log offset.
 * 2. Only the present generation of a tenant writes, and it begins with empty tables, so rows need not
 *    carry it.
 */
import { type Rows, rowsOf } from "../../src/data-plane/row.ts";
import { REMOVAL_ROWS_MAX } from "../../src/limits.ts";
import type { LogRecord } from "../../src/topics/record.ts";
import { INSERT_ROWS, MOVE_CURSOR } from "./statements.ts";

export interface ProjectionAddress {
  readonly tenant: string;
  readonly partition: number;
  readonly generation: number;
}

export interface Provisioned {
  readonly tenant: string;
  readonly generation: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

const INSERTED = Object.keys(INSERT_ROWS) as (keyof typeof INSERT_ROWS & keyof Rows)[];

const EMPTIED = ["plan_executions", "task_executions", "lifetimes", "graph_versions", "projections"];

const PROVISION = `INSERT INTO tenants (tenant, status, generation, created_at) VALUES (?1, 'ACTIVE', ?2, ?3)
  ON CONFLICT (tenant) DO UPDATE
  SET status = excluded.status, generation = excluded.generation, created_at = excluded.created_at
  WHERE excluded.generation > tenants.generation`;

/** Also where it was never listed: its provisioning may come later than this. */
const BEGIN_REMOVAL = `INSERT INTO tenants (tenant, status, generation, created_at) VALUES (?1, 'DELETING', ?2, 0)
  ON CONFLICT (tenant) DO UPDATE SET status = excluded.status, generation = excluded.generation
  WHERE excluded.generation > tenants.generation
    OR (excluded.generation = tenants.generation AND tenants.status = 'ACTIVE')`;

const GOING = "EXISTS (SELECT 1 FROM tenants WHERE tenant = ?1 AND generation = ?2 AND status = 'DELETING')";

const deleteSome = (table: string): string =>
  `DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM ${table} WHERE tenant = ?1 AND ${GOING} LIMIT ?3)`;

const END_REMOVAL = `UPDATE tenants SET status = 'DELETED' WHERE tenant = ?1 AND generation = ?2 AND status = 'DELETING'
  AND ${EMPTIED.map((table) => `NOT EXISTS (SELECT 1 FROM ${table} WHERE tenant = ?1)`).join(" AND ")}`;

export class Projection {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** The last offset that D1 has; 0 where it has none. */
  async cursor({ tenant, partition, generation }: ProjectionAddress): Promise<number> {
    const offset = await this.#db
      .prepare(
        `SELECT offset FROM projections JOIN tenants USING (tenant)
         WHERE tenant = ?1 AND partition = ?2 AND generation = ?3 AND status = 'ACTIVE'`,
      )
      .bind(tenant, partition, generation)
      .first<number>("offset");
    return offset ?? 0;
  }

  /** Throws, and has changed nothing, when the tenant is not there in this generation. */
  async flush(
    { tenant, partition, generation }: ProjectionAddress,
    records: readonly LogRecord[],
    upTo: number,
  ): Promise<{ rowsWritten: number }> {
    const rows = rowsOf(records);
    for (const each of rows.unreadable)
      console.error(JSON.stringify({ event: "record_unreadable", tenant, partition, ...each }));
    const statements = INSERTED.flatMap((table) => {
      const { sql, partitioned, parameters } = INSERT_ROWS[table];
      return parameters(rows[table]).map((parameter) =>
        this.#db.prepare(sql).bind(parameter, tenant, generation, ...(partitioned ? [partition] : [])),
      );
    });
    const cursor = this.#db.prepare(MOVE_CURSOR).bind(upTo, tenant, generation, partition);
    const results = await this.#db.batch([...statements, cursor]);
    if (results.at(-1)?.results.length === 0)
      throw new Error(
        `D1 does not list tenant ${tenant} as active in generation ${generation}; provision it`,
      );
    return { rowsWritten: results.reduce((sum, { meta }) => sum + meta.rows_written, 0) };
  }

  /** Lists the tenant; what is no newer than what is listed changes nothing. */
  async provision({ tenant, generation, createdAt }: Provisioned): Promise<void> {
    await this.#db.prepare(PROVISION).bind(tenant, generation, createdAt).run();
  }

  /** Deletes some of the tenant's rows; answers whether more are left. The last slice leaves a tombstone. */
  async removeSlice(
    { tenant, generation }: Omit<ProjectionAddress, "partition">,
    rowsMax = REMOVAL_ROWS_MAX,
  ): Promise<boolean> {
    const going = [tenant, generation] as const;
    const results = await this.#db.batch([
      this.#db.prepare(BEGIN_REMOVAL).bind(...going),
      ...EMPTIED.map((table) => this.#db.prepare(deleteSome(table)).bind(...going, rowsMax)),
      this.#db.prepare(END_REMOVAL).bind(...going),
      this.#db.prepare(`SELECT 1 WHERE ${GOING}`).bind(...going),
    ]);
    return (results.at(-1)?.results.length ?? 0) > 0;
  }
}
