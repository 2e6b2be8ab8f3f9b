/**
 * The ancestors and the descendants of an execution. Parents are looked for in the whole of its lifetime's log before
 * or after it, in bounded slices: children have no index, and one would cost a row for each execution ever written.
 */
import { and, eq, gt, inArray, lt, type SQL, sql } from "drizzle-orm";
import { LINES, type Line, type Link } from "../../src/data-plane/lineage.ts";
import { planExecutions, taskExecutions } from "../../src/data-plane/schema.ts";
import { LINEAGE_ROWS_MAX, LINEAGE_SLICE_ROWS } from "../../src/limits.ts";
import {
  type Database,
  type ExecutionSummary,
  type Executions,
  inLifetime,
  planColumns,
  readKinds,
  taskColumns,
} from "./execution-rows.ts";

export interface Lineage {
  /** In the order of their line: ancestors backwards from the execution, descendants onwards from it. */
  readonly items: readonly ExecutionSummary[];
  /** There may be more: the answer, or what was looked through, was full. */
  readonly truncated: boolean;
}

interface Linked {
  readonly offset: number;
  readonly exec_id: string;
  /** JSON. */
  readonly parents: string;
}

interface Origin extends Link {
  readonly tenant: string;
  readonly lifetime: string;
}

/** Undefined where there is no such execution. */
export const lineageOf = async (
  db: Database,
  tenant: string,
  execId: string,
  line: Line,
  limit: number,
): Promise<Lineage | undefined> => {
  const origin = await originOf(db, tenant, execId);
  if (origin === undefined) return undefined;
  const belongs = LINES[line](origin);
  const offsets: number[] = [];
  let from = origin.offset;
  let more = true;
  for (let read = 0; more && offsets.length <= limit && read < LINEAGE_ROWS_MAX; read += LINEAGE_SLICE_ROWS) {
    const slice = await sliceOf(db, origin, line, from);
    offsets.push(...slice.filter(belongs).map((each) => each.offset));
    from = slice.at(-1)?.offset ?? from;
    more = slice.length === LINEAGE_SLICE_ROWS;
  }
  const found = await summariesOf(db, origin, offsets.slice(0, limit));
  const items = found.sort((a, b) => (line === "ancestors" ? b.offset - a.offset : a.offset - b.offset));
  return { items, truncated: more || offsets.length > limit };
};

const PARENTS = {
  plan: sql`coalesce(${planExecutions.parentTaskExecIds}, '[]')`,
  task: sql`json_array(coalesce(${taskExecutions.parentPlanExecId}, ''))`,
};

const linkOf = ({ offset, exec_id, parents }: Linked): Link => ({
  offset,
  execId: exec_id,
  parents: JSON.parse(parents),
});

/** Both kinds in one order, so that no row is read which the slice does not have. */
const sliceOf = async (db: Database, { tenant, lifetime }: Origin, line: Line, from: number) => {
  const side = (table: Executions, parents: SQL) => {
    const beyond = line === "ancestors" ? lt(table.offset, from) : gt(table.offset, from);
    return sql`SELECT ${table.offset} AS "offset", ${table.execId} AS exec_id, ${parents} AS parents FROM ${table} WHERE ${and(inLifetime(table, tenant, lifetime), beyond)}`;
  };
  const order = sql.raw(line === "ancestors" ? "DESC" : "ASC");
  const rows = await db.all<Linked>(
    sql`${side(planExecutions, PARENTS.plan)} UNION ALL ${side(taskExecutions, PARENTS.task)} ORDER BY 1 ${order} LIMIT ${LINEAGE_SLICE_ROWS}`,
  );
  return rows.map(linkOf);
};

const originOf = async (db: Database, tenant: string, execId: string): Promise<Origin | undefined> => {
  const side = (table: Executions, parents: SQL) =>
    sql`SELECT ${table.offset} AS "offset", ${table.execId} AS exec_id, ${parents} AS parents, ${table.lifetime} AS lifetime FROM ${table} WHERE ${and(eq(table.tenant, tenant), eq(table.execId, execId))}`;
  const [row] = await db.all<Linked & { lifetime: string }>(
    sql`${side(planExecutions, PARENTS.plan)} UNION ALL ${side(taskExecutions, PARENTS.task)} LIMIT 1`,
  );
  return row && { ...linkOf(row), tenant, lifetime: row.lifetime };
};

const summariesOf = async (
  db: Database,
  { tenant, lifetime }: Origin,
  offsets: readonly number[],
): Promise<ExecutionSummary[]> => {
  if (offsets.length === 0) return [];
  const wanted = sql`(SELECT value FROM json_each(${JSON.stringify(offsets)}))`;
  const those = (table: Executions) =>
    and(inLifetime(table, tenant, lifetime), inArray(table.offset, wanted));
  return readKinds(
    db,
    db.select(planColumns).from(planExecutions).where(those(planExecutions)),
    db.select(taskColumns).from(taskExecutions).where(those(taskExecutions)),
  );
};
