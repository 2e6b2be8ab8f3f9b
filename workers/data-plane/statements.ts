/**
 * The SQL of the projection, made from the schema: rows go in as one JSON parameter, a list for each row in
 * the order of the table's columns. Parameters: ?1 rows, ?2 tenant, ?3 generation, ?4 partition, ?5 the offset
 * that D1 has to be at.
 * `json_each`, though `jsonb_each` would spare writing each row as text again: neither D1's documentation nor
 * the list of functions that its authorizer admits has the JSONB ones, even where the local build runs them.
 */
import { getTableColumns, getTableName } from "drizzle-orm";
import type { SQLiteColumn, SQLiteTable } from "drizzle-orm/sqlite-core";
import {
  approvals,
  graphVersions,
  lifetimes,
  planExecutions,
  projections,
  taskExecutions,
  verdicts,
} from "../../src/data-plane/schema.ts";
import { FLUSH_PARAMETER_BYTES_MAX } from "../../src/limits.ts";

/** Only the present generation of a tenant that is there may write, and only where D1 left off. */
const ADMITTED = `EXISTS (SELECT 1 FROM tenants WHERE tenant = ?2 AND generation = ?3 AND status = 'ACTIVE')
  AND coalesce((SELECT offset FROM projections WHERE tenant = ?2 AND partition = ?4), 0) = ?5`;

const FROM_ADDRESS: Readonly<Record<string, string>> = { tenant: "?2", partition: "?4" };

export interface Insert {
  readonly sql: string;
  /** Rows as parameters, each as many as one may hold. */
  readonly parameters: (rows: readonly object[]) => string[];
}

interface Cell {
  readonly key: string;
  readonly column: SQLiteColumn;
}

const insert = (table: SQLiteTable, onConflict: string): Insert => {
  const cells: readonly Cell[] = Object.entries(getTableColumns(table)).map(([key, column]) => ({
    key,
    column,
  }));
  const address = cells.filter(({ key }) => key in FROM_ADDRESS);
  const own = cells.filter(({ key }) => !(key in FROM_ADDRESS));
  const names = [...address, ...own].map(({ column }) => `"${column.name}"`);
  const values = [
    ...address.map(({ key }) => FROM_ADDRESS[key]),
    ...own.map(({ column }, at) => (isJson(column) ? `nullif(value -> ${at}, 'null')` : `value ->> ${at}`)),
  ];
  return {
    sql: `INSERT INTO ${getTableName(table)} (${names}) SELECT ${values} FROM json_each(?1) WHERE ${ADMITTED} ${onConflict}`,
    parameters: (rows) => pack(rows, own),
  };
};

const isJson = (column: SQLiteColumn): boolean => column.dataType === "json";

/** Columns that are moved together, when the offset in the first of them is higher than what the row has. */
const moving = (table: SQLiteTable, key: string, ...groups: (readonly string[])[]): Insert => {
  const sets = groups.flatMap((group) =>
    group.map(
      (column) => `${column} = iif(excluded.${group[0]} > ${group[0]}, excluded.${column}, ${column})`,
    ),
  );
  const name = getTableName(table);
  const forward = groups.map(([first]) => `excluded.${first} > ${name}.${first}`).join(" OR ");
  return insert(table, `ON CONFLICT (${key}) DO UPDATE SET ${sets} WHERE ${forward}`);
};

export const INSERT_ROWS = {
  planExecutions: insert(planExecutions, "ON CONFLICT DO NOTHING"),
  taskExecutions: insert(taskExecutions, "ON CONFLICT DO NOTHING"),
  lifetimes: moving(
    lifetimes,
    "tenant, lifetime",
    ["started", "graph", "graph_version", "labels", "started_at", "input", "root"],
    ["moved", "status", "reason_code", "reason_detail"],
    ["ended", "ended_at", "steps", "outcomes"],
  ),
  graphVersions: moving(
    graphVersions,
    "tenant, graph, version",
    ["registered", "hash", "created_at"],
    ["moved", "status"],
  ),
  verdicts: insert(verdicts, "ON CONFLICT DO NOTHING"),
  approvals: moving(
    approvals,
    "tenant, approval",
    [
      ...["opened", "opened_at", "lifetime", "input_id", "node", "kind", "attempt", "policies", "title"],
      ...["description", "subject", "schema", "escalate_to", "on_expiry"],
    ],
    [
      ...["moved", "status", "who", "quorum", "due", "votes", "delegations", "edit", "answered_by", "via"],
      ...["comment", "closed_at"],
    ],
  ),
};

/** ?1 is the offset to move to. */
export const MOVE_CURSOR = `INSERT INTO ${getTableName(projections)} (tenant, partition, offset)
  SELECT ?2, ?4, ?1 WHERE ${ADMITTED}
  ON CONFLICT (tenant, partition) DO UPDATE SET offset = excluded.offset`;

/** ?1 tenant, ?2 generation, ?3 partition. Answers nothing where the tenant is not there in this generation. */
export const READ_CURSOR = `SELECT coalesce(offset, 0) AS offset FROM tenants
  LEFT JOIN projections ON projections.tenant = tenants.tenant AND partition = ?3
  WHERE tenants.tenant = ?1 AND generation = ?2 AND status = 'ACTIVE'`;

const pack = (rows: readonly object[], cells: readonly Cell[]): string[] => {
  const parameters: string[] = [];
  let texts: string[] = [];
  let bytes = 0;
  for (const row of rows) {
    const { text, size } = rowText(row as Readonly<Record<string, unknown>>, cells);
    if (bytes + size > FLUSH_PARAMETER_BYTES_MAX && texts.length > 0) {
      parameters.push(`[${texts}]`);
      texts = [];
      bytes = 0;
    }
    texts.push(text);
    bytes += size;
  }
  if (texts.length > 0) parameters.push(`[${texts}]`);
  return parameters;
};

/** A row that no parameter holds goes without its JSON, all of which is in its message. */
const rowText = (row: Readonly<Record<string, unknown>>, cells: readonly Cell[]) => {
  const text = JSON.stringify(cells.map(({ key }) => cellOf(row[key])));
  const size = Buffer.byteLength(text) + COMMA_AND_BRACKETS;
  if (size <= FLUSH_PARAMETER_BYTES_MAX) return { text, size };
  const slim = JSON.stringify(
    cells.map(({ key, column }) => (isJson(column) && !column.notNull ? null : cellOf(row[key]))),
  );
  return { text: slim, size: Buffer.byteLength(slim) + COMMA_AND_BRACKETS };
};

const COMMA_AND_BRACKETS = 3;

const cellOf = (value: unknown): unknown =>
  value instanceof Uint8Array
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")
    : value;
