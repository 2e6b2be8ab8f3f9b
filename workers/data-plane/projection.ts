/**
 * Writes D1: the fold of the logs, and the tenants that there are. Never reads a log, never decides anything.
 *
 * 1. Rows and cursor go in one batch, which begins where D1 left off: one that is repeated, late or out of order
 *    changes nothing, and so brings nothing back that was deleted meanwhile.
 * 2. Only the present generation of a tenant writes, and it begins with empty tables, so rows need not
 *    carry it.
 * 3. A record that D1 refuses holds up no other.
 */
import { type Rows, rowsOf } from "../../src/data-plane/row.ts";
import { REMOVAL_ROWS_MAX } from "../../src/limits.ts";
import type { LogRecord } from "../../src/topics/record.ts";
import { logLine } from "../log-line.ts";
import { INSERT_ROWS, MOVE_CURSOR, READ_CURSOR } from "./statements.ts";

export interface ProjectionAddress {
  readonly tenant: string;
  readonly partition: number;
  readonly generation: number;
}

/** Offsets: what D1 has, and what it is to have. */
export interface Span {
  readonly after: number;
  readonly upTo: number;
}

export interface Flushed {
  readonly rowsWritten: number;
  /** Where D1 is: `upTo`, unless it was not where the flush began, or records were refused. */
  readonly cursor: number;
  /** Records that D1 will never take; all others of the flush are in it. */
  readonly refused: readonly { readonly offset: number; readonly detail: string }[];
}

export interface Provisioned {
  readonly tenant: string;
  readonly generation: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

type Table = keyof typeof INSERT_ROWS & keyof Rows;
const INSERTED = Object.keys(INSERT_ROWS) as Table[];

/**
 * What SQLite says of the values in a statement. A constraint is not among these: our rows keep all that this
 * code knows of, so the tables are of a later one.
 */
const REFUSAL = /: SQLITE_(ERROR|MISMATCH|RANGE|TOOBIG)/;

const isRefusal = (thrown: unknown): boolean => thrown instanceof Error && REFUSAL.test(thrown.message);

const EMPTIED = [
  "plan_executions",
  "task_executions",
  "approvals",
  "verdicts",
  "lifetimes",
  "graph_versions",
  "projections",
];

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

const ACTIVE = "EXISTS (SELECT 1 FROM tenants WHERE tenant = ?1 AND generation = ?2 AND status = 'ACTIVE')";

const OF_LIFETIME = "tenant = ?1 AND lifetime = ?3";

const OF_LIFETIMES = ["plan_executions", "task_executions", "approvals", "verdicts"];

const removeOf = (table: string): string =>
  `DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM ${table} WHERE ${OF_LIFETIME} AND ${ACTIVE} LIMIT ?4)`;

const LEFT = OF_LIFETIMES.map((table) => `EXISTS (SELECT 1 FROM ${table} WHERE ${OF_LIFETIME})`).join(" OR ");

const ANY_LEFT = EMPTIED.map((table) => `EXISTS (SELECT 1 FROM ${table} WHERE tenant = ?1)`).join(" OR ");

const END_REMOVAL = `UPDATE tenants SET status = 'DELETED' WHERE tenant = ?1 AND generation = ?2 AND status = 'DELETING'
  AND NOT (${ANY_LEFT})`;

export class Projection {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** The last offset that D1 has; 0 where it has none. */
  async cursor({ tenant, partition, generation }: ProjectionAddress): Promise<number> {
    const cursor = this.#db.prepare(READ_CURSOR).bind(tenant, generation, partition);
    return (await cursor.first<number>("offset")) ?? 0;
  }

  /** Throws when D1 is away, or the tenant is not there in this generation. */
  async flush(address: ProjectionAddress, records: readonly LogRecord[], span: Span): Promise<Flushed> {
    try {
      return { ...(await this.#take(address, records, span)), refused: [] };
    } catch (cause) {
      if (!isRefusal(cause) || records.length === 0) throw cause;
      const sifted = await this.#sift(address, records, span.after, cause);
      return { ...sifted, cursor: await this.cursor(address) };
    }
  }

  async #take(
    address: ProjectionAddress,
    records: readonly LogRecord[],
    { after, upTo }: Span,
  ): Promise<{ rowsWritten: number; cursor: number }> {
    const { tenant, partition, generation } = address;
    const rows = rowsOf(records);
    for (const each of rows.unreadable) logLine("error", "record_unreadable", { tenant, partition, ...each });
    const results = await this.#db.batch<{ offset: number }>([
      ...INSERTED.flatMap((table) =>
        INSERT_ROWS[table]
          .parameters(rows[table])
          .map((parameter) => this.#insert(address, table, parameter, after)),
      ),
      this.#db.prepare(MOVE_CURSOR).bind(upTo, tenant, generation, partition, after),
      this.#db.prepare(READ_CURSOR).bind(tenant, generation, partition),
    ]);
    const cursor = results.at(-1)?.results[0]?.offset;
    if (cursor === undefined)
      throw new Error(
        `D1 does not list tenant ${tenant} as active in generation ${generation}; provision it`,
      );
    return { rowsWritten: results.reduce((sum, { meta }) => sum + meta.rows_written, 0), cursor };
  }

  #insert({ tenant, partition, generation }: ProjectionAddress, table: Table, rows: string, after: number) {
    return this.#db.prepare(INSERT_ROWS[table].sql).bind(rows, tenant, generation, partition, after);
  }

  /** Halves what was refused until the records are found that it was refused for. Moves no cursor. */
  async #sift(
    address: ProjectionAddress,
    records: readonly LogRecord[],
    after: number,
    cause: unknown,
  ): Promise<Pick<Flushed, "rowsWritten" | "refused">> {
    const [only] = records;
    if (only && records.length === 1) {
      await this.#probe(address, cause);
      return { rowsWritten: 0, refused: [{ offset: only.offset, detail: String(cause) }] };
    }
    const middle = records.length >> 1;
    let rowsWritten = 0;
    const refused: Flushed["refused"][number][] = [];
    for (const half of [records.slice(0, middle), records.slice(middle)]) {
      const taken = await this.#take(address, half, { after, upTo: after })
        .then((took) => ({ ...took, refused: [] }))
        .catch((again) => {
          if (!isRefusal(again)) throw again;
          return this.#sift(address, half, after, again);
        });
      rowsWritten += taken.rowsWritten;
      refused.push(...taken.refused);
    }
    return { rowsWritten, refused };
  }

  /** Throws the cause where statements are refused without any record: then the tables are not those of this code. */
  async #probe(address: ProjectionAddress, cause: unknown): Promise<void> {
    const empty = INSERTED.map((table) => this.#insert(address, table, "[]", 0));
    await this.#db.batch(empty).catch(() => {
      throw cause;
    });
  }

  /** Lists the tenant; what is no newer than what is listed changes nothing. */
  async provision({ tenant, generation, createdAt }: Provisioned): Promise<void> {
    await this.#db.prepare(PROVISION).bind(tenant, generation, createdAt).run();
  }

  /** Deletes some rows of a lifetime, its own the last; answers how many, and whether more are left. */
  async removeLifetime(
    { tenant, generation }: Omit<ProjectionAddress, "partition">,
    lifetime: string,
    rowsMax = REMOVAL_ROWS_MAX,
  ): Promise<{ rows: number; more: boolean }> {
    const which = [tenant, generation, lifetime] as const;
    const results = await this.#db.batch([
      ...OF_LIFETIMES.map((table) => this.#db.prepare(removeOf(table)).bind(...which, rowsMax)),
      this.#db
        .prepare(`DELETE FROM lifetimes WHERE ${OF_LIFETIME} AND ${ACTIVE} AND NOT (${LEFT})`)
        .bind(...which),
      this.#db.prepare(`SELECT 1 WHERE ${ACTIVE} AND (${LEFT})`).bind(...which),
    ]);
    const more = (results.at(-1)?.results.length ?? 0) > 0;
    return { rows: results.reduce((sum, { meta }) => sum + meta.changes, 0), more };
  }

  /** Deletes some of the tenant's rows; answers whether more are left. The last slice leaves a tombstone, or the name. */
  async removeSlice(
    { tenant, generation }: Omit<ProjectionAddress, "partition">,
    staysListed = false,
    rowsMax = REMOVAL_ROWS_MAX,
  ): Promise<boolean> {
    const going = [tenant, generation] as const;
    const results = await this.#db.batch([
      this.#db.prepare(BEGIN_REMOVAL).bind(...going),
      ...EMPTIED.map((table) => this.#db.prepare(deleteSome(table)).bind(...going, rowsMax)),
      ...(staysListed ? [] : [this.#db.prepare(END_REMOVAL).bind(...going)]),
      this.#db.prepare(`SELECT 1 WHERE ${GOING} AND (${ANY_LEFT})`).bind(...going),
    ]);
    return (results.at(-1)?.results.length ?? 0) > 0;
  }
}
