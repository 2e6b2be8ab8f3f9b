/**
 * The ancestors and the descendants of an execution. Parents are looked for in the whole of its lifetime's log before
 * or after it, in bounded slices: children have no index, and one would cost a row for each execution ever written.
 */
import { and, asc, desc, eq, gt, inArray, lt, type SQL, sql } from "drizzle-orm";
import { LINES, type Line, type Link } from "../../src/data-plane/lineage.ts";
import { planExecutions, taskExecutions } from "../../src/data-plane/schema.ts";
import { LINEAGE_ROWS_MAX, LINEAGE_SLICE_ROWS } from "../../src/limits.ts";
import {
  type Database,
  type ExecutionSummary,
  type Executions,
  inLifetime,
  readKinds,
  readSummaries,
} from "./execution-rows.ts";
import { bytesOf, type Page, sizedPage, withinBytes } from "./page.ts";

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

type Compare = (a: { offset: number }, b: { offset: number }) => number;

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
  let from: number | undefined = origin.offset;
  for (let slices = 0; from !== undefined && offsets.length <= limit && slices < SLICES_MAX; slices++) {
    const slice: Page<Linked, number> = await sliceOf(db, origin, line, from);
    offsets.push(
      ...slice.items
        .map(linkOf)
        .filter(belongs)
        .map((each) => each.offset),
    );
    from = slice.next;
  }
  const { items, next } = await summariesOf(db, origin, line, offsets.slice(0, limit));
  return { items, truncated: [from, next].some((each) => each !== undefined) || offsets.length > limit };
};

const SLICES_MAX = LINEAGE_ROWS_MAX / LINEAGE_SLICE_ROWS;

const ORDERS: Readonly<Record<Line, { order: (table: Executions) => SQL[]; compare: Compare }>> = {
  ancestors: { order: ({ offset }) => [desc(offset)], compare: (a, b) => b.offset - a.offset },
  descendants: { order: ({ offset }) => [asc(offset)], compare: (a, b) => a.offset - b.offset },
};

const PARENTS = {
  plan: sql<string>`coalesce(${planExecutions.parentTaskExecIds}, '[]')`,
  task: sql<string>`json_array(coalesce(${taskExecutions.parentPlanExecId}, ''))`,
};

const linkOf = ({ offset, exec_id, parents }: Linked): Link => ({
  offset,
  execId: exec_id,
  parents: JSON.parse(parents),
});

/** In the order of the line; where the next one begins, if this one did not have all that there is. */
const sliceOf = async (
  db: Database,
  { tenant, lifetime }: Origin,
  line: Line,
  from: number,
): Promise<Page<Linked, number>> => {
  const { order, compare } = ORDERS[line];
  const side = (table: Executions, parents: SQL<string>) => {
    const bytes = bytesOf({ parents });
    const where = and(
      inLifetime(table, tenant, lifetime),
      line === "ancestors" ? lt(table.offset, from) : gt(table.offset, from),
    );
    return db
      .select({ offset: table.offset, exec_id: table.execId, parents, bytes })
      .from(table)
      .where(withinBytes(table, bytes, { where, order: order(table), limit: LINEAGE_SLICE_ROWS }));
  };
  const rows = await readKinds(db, side(planExecutions, PARENTS.plan), side(taskExecutions, PARENTS.task));
  return sizedPage(rows.sort(compare), LINEAGE_SLICE_ROWS, ({ offset }) => offset);
};

const originOf = async (db: Database, tenant: string, execId: string): Promise<Origin | undefined> => {
  const side = (table: Executions, parents: SQL) =>
    sql`SELECT ${table.offset} AS "offset", ${table.execId} AS exec_id, ${parents} AS parents, ${table.lifetime} AS lifetime FROM ${table} WHERE ${and(eq(table.tenant, tenant), eq(table.execId, execId))}`;
  const [row] = await db.all<Linked & { lifetime: string }>(
    sql`${side(planExecutions, PARENTS.plan)} UNION ALL ${side(taskExecutions, PARENTS.task)} LIMIT 1`,
  );
  return row && { ...linkOf(row), tenant, lifetime: row.lifetime };
};

/** As many of them as fit into an answer. */
const summariesOf = async (
  db: Database,
  { tenant, lifetime }: Origin,
  line: Line,
  offsets: readonly number[],
): Promise<Page<ExecutionSummary, number>> => {
  if (offsets.length === 0) return { items: [] };
  const { order, compare } = ORDERS[line];
  const limit = offsets.length;
  const wanted = sql`(SELECT value FROM json_each(${JSON.stringify(offsets)}))`;
  const where = (table: Executions) =>
    and(inLifetime(table, tenant, lifetime), inArray(table.offset, wanted));
  const rows = await readSummaries(db, { where, order, limit });
  return sizedPage(rows.sort(compare), limit, ({ offset }) => offset);
};
