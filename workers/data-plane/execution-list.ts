/**
 * Executions of a tenant, newest first, by any of their filters. Only tenant, lifetime and time have an index: what
 * else is asked for is looked for in so many rows a page, which then ends, maybe with few items or none.
 */
import { and, type Column, desc, eq, gte, inArray, lt, type SQL, sql } from "drizzle-orm";
import { lifetimes, planExecutions, taskExecutions } from "../../src/data-plane/schema.ts";
import type { Kind } from "../../src/topics/topics.ts";
import {
  type Database,
  type ExecutionSummary,
  type Executions,
  readKinds,
  readSummaries,
} from "./execution-rows.ts";
import { hasLabel, type Page, type Paging, type Period, sizedPage } from "./page.ts";

/** All of it holds. The period is of the records; `created` is of what the executors wrote. */
export interface ExecutionFilter extends Period {
  readonly lifetime?: string | undefined;
  readonly graph?: string | undefined;
  readonly node?: string | undefined;
  readonly kind?: Kind | undefined;
  /** Any of them, without the prefix of the contract: SUCCEEDED. */
  readonly statuses?: readonly string[] | undefined;
  readonly attempt?: number | undefined;
  readonly created?: Period | undefined;
  /** All of them, each as `key:value`; those of its lifetime. */
  readonly labels?: readonly string[] | undefined;
}

export interface ExecutionPosition {
  readonly receivedAt: number;
  readonly partition: number;
  readonly offset: number;
}

export const listExecutions = async (
  db: Database,
  tenant: string,
  filter: ExecutionFilter,
  { limit, after }: Paging<ExecutionPosition>,
  scannedMax: number,
): Promise<Page<ExecutionSummary, ExecutionPosition>> => {
  const { lifetime, kind } = filter;
  const { newestFirst, compare, below, downTo } = lifetime === undefined ? byTime : byOffset;
  const within = (table: Executions) =>
    and(
      eq(table.tenant, tenant),
      ...(lifetime === undefined ? during(table.receivedAt, filter) : [eq(table.lifetime, lifetime)]),
      after && below(table, after),
    );
  /** Undefined where there are fewer rows than are looked through. */
  const endOf = (table: Executions) =>
    db
      .select(positionOf(table))
      .from(table)
      .where(within(table))
      .orderBy(...newestFirst(table))
      .limit(1)
      .offset(scannedMax - 1);
  // Asked for first: rows that come or go meanwhile are then at most read, and never stepped over.
  const ends =
    matching(planExecutions, tenant, filter) &&
    (await readKinds(db, endOf(planExecutions), endOf(taskExecutions), kind));
  const end = ends?.map(positionOf).sort(compare)[0];
  const rows = await readSummaries(db, {
    where: (table) => and(within(table), end && downTo(table, end), matching(table, tenant, filter)),
    order: newestFirst,
    limit,
    kind,
  });
  const listed = sizedPage(rows.sort(compare), limit, positionOf);
  return listed.next === undefined && end !== undefined ? { ...listed, next: end } : listed;
};

const positionOf = <Of extends Record<keyof ExecutionPosition, unknown>>({
  receivedAt,
  partition,
  offset,
}: Of) => ({ receivedAt, partition, offset }) as Pick<Of, keyof ExecutionPosition>;

interface Order {
  readonly newestFirst: (table: Executions) => SQL[];
  readonly compare: (a: ExecutionPosition, b: ExecutionPosition) => number;
  readonly below: (table: Executions, position: ExecutionPosition) => SQL;
  readonly downTo: (table: Executions, position: ExecutionPosition) => SQL;
}

const byTime: Order = {
  newestFirst: ({ receivedAt, partition, offset }) => [desc(receivedAt), desc(partition), desc(offset)],
  compare: (a, b) => b.receivedAt - a.receivedAt || b.partition - a.partition || b.offset - a.offset,
  below: (table, { receivedAt, partition, offset }) =>
    sql`(${table.receivedAt}, ${table.partition}, ${table.offset}) < (${receivedAt}, ${partition}, ${offset})`,
  downTo: (table, { receivedAt, partition, offset }) =>
    sql`(${table.receivedAt}, ${table.partition}, ${table.offset}) >= (${receivedAt}, ${partition}, ${offset})`,
};

/** A lifetime lies in one partition, and there its offsets are the order; no sort is needed. */
const byOffset: Order = {
  newestFirst: ({ offset }) => [desc(offset)],
  compare: (a, b) => b.offset - a.offset,
  below: (table, { offset }) => lt(table.offset, offset),
  downTo: (table, { offset }) => gte(table.offset, offset),
};

const during = (time: Column | SQL, { from, until }: Period): (SQL | undefined)[] => [
  from === undefined ? undefined : sql`${time} >= ${from}`,
  until === undefined ? undefined : sql`${time} < ${until}`,
];

/** What has no index, or not the one that is gone by: the plus keeps SQLite from it. */
const matching = (
  table: Executions,
  tenant: string,
  { lifetime, graph, node, statuses, attempt, created, labels = [], ...period }: ExecutionFilter,
): SQL | undefined =>
  and(
    graph === undefined ? undefined : eq(table.graph, graph),
    node === undefined ? undefined : eq(table.node, node),
    statuses && inArray(table.status, [...statuses]),
    attempt === undefined ? undefined : eq(table.attempt, attempt),
    ...(lifetime === undefined ? [] : during(sql`+${table.receivedAt}`, period)),
    // A text that is no time is in no period.
    ...(created ? during(sql`round(unixepoch(${table.createdAt}, 'subsec') * 1000)`, created) : []),
    labels.length === 0
      ? undefined
      : sql`EXISTS (SELECT 1 FROM ${lifetimes} WHERE ${and(
          eq(lifetimes.tenant, tenant),
          eq(lifetimes.lifetime, table.lifetime),
          ...labels.map((label) => hasLabel(lifetimes.labels, label)),
        )})`,
  );
