/**
 * Reads of D1 for the gateway, always of one tenant. Pages are keyset: a page starts after the position in
 * which the one before it ended. Never writes, and never waits for the projection: that is asked of the object.
 */
import { and, asc, desc, eq, getTableColumns, gt, gte, inArray, lt, ne, type SQL, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { AnySQLiteColumn } from "drizzle-orm/sqlite-core";
import type { LifetimeStatus } from "../../src/control-plane/status.ts";
import { lifetimes, planExecutions, taskExecutions, tenants } from "../../src/data-plane/schema.ts";
import { LIST_SCAN_ROWS_MAX, PAGE_BYTES_MAX, PAGE_ITEMS_MAX } from "../../src/limits.ts";
import type { Kind } from "../../src/topics/topics.ts";

export interface Page<Item, Position> {
  readonly items: readonly Item[];
  /** Where the next page begins; absent on the last. */
  readonly next?: Position;
}

export interface Paging<Position> {
  /** At most PAGE_ITEMS_MAX. */
  readonly limit: number;
  readonly after?: Position | undefined;
}

/** Milliseconds since the epoch; `from` is in it, `until` is not. */
export interface Period {
  readonly from?: number | undefined;
  readonly until?: number | undefined;
}

export interface LifetimeFilter extends Period {
  readonly graph?: string | undefined;
  readonly status?: LifetimeStatus | undefined;
  /** All of them, each as `key:value`. */
  readonly labels?: readonly string[] | undefined;
}

export interface ExecutionFilter extends Period {
  readonly lifetime?: string | undefined;
  readonly node?: string | undefined;
  readonly kind?: Kind | undefined;
  /** Without the prefix of the contract: SUCCEEDED. */
  readonly status?: string | undefined;
}

export interface TenantPosition {
  readonly tenant: string;
}
export interface LifetimePosition {
  readonly startedAt: number;
  readonly lifetime: string;
}
export interface ExecutionPosition {
  readonly receivedAt: number;
  readonly partition: number;
  readonly offset: number;
}
export interface TimelinePosition {
  readonly offset: number;
}

const { input: _input, root: _root, outcomes: _outcomes, ...lifetimeColumns } = getTableColumns(lifetimes);
const { message: _planMessage, ...planColumns } = getTableColumns(planExecutions);
const { message: _taskMessage, ...taskColumns } = getTableColumns(taskExecutions);

export type TenantRow = typeof tenants.$inferSelect;
export type LifetimeSummary = Omit<typeof lifetimes.$inferSelect, "input" | "root" | "outcomes">;
export type LifetimeRow = Omit<typeof lifetimes.$inferSelect, "input" | "root">;
type PlanExecution = { readonly kind: "plan" } & typeof planExecutions.$inferSelect;
type TaskExecution = { readonly kind: "task" } & typeof taskExecutions.$inferSelect;
export type ExecutionDetail = PlanExecution | TaskExecution;
export type ExecutionSummary = Omit<PlanExecution, "message"> | Omit<TaskExecution, "message">;

/** `root` and `outcomes` are encoded: TaskExecution, and whatever its kind says. */
export interface LifetimeDetail extends Omit<typeof lifetimes.$inferSelect, "outcomes"> {
  readonly outcomes: readonly { readonly kind: Kind; readonly message: Uint8Array }[];
  /** How many more there are. */
  readonly omitted: number;
}

export class Queries {
  readonly #db: ReturnType<typeof drizzle>;

  constructor(db: D1Database) {
    this.#db = drizzle(db);
  }

  /** By name, with those that are being deleted. */
  async listTenants({ limit, after }: Paging<TenantPosition>): Promise<Page<TenantRow, TenantPosition>> {
    const rows = await this.#db
      .select()
      .from(tenants)
      .where(and(ne(tenants.status, "DELETED"), gt(tenants.tenant, after?.tenant ?? "")))
      .orderBy(tenants.tenant)
      .limit(lookAhead(limit));
    return page(rows, limit, ({ tenant }) => ({ tenant }));
  }

  async getTenant(tenant: string): Promise<TenantRow | undefined> {
    const [row] = await this.#db
      .select()
      .from(tenants)
      .where(and(eq(tenants.tenant, tenant), ne(tenants.status, "DELETED")));
    return row;
  }

  /** Newest first. What has no index is looked for in so many rows; then the page ends, maybe with few items. */
  async listLifetimes(
    tenant: string,
    { graph, status, labels = [], from, until }: LifetimeFilter,
    { limit, after }: Paging<LifetimePosition>,
    scannedMax = LIST_SCAN_ROWS_MAX,
  ): Promise<Page<LifetimeSummary, LifetimePosition>> {
    const { startedAt, lifetime } = lifetimes;
    const within = and(
      eq(lifetimes.tenant, tenant),
      from === undefined ? undefined : gte(startedAt, from),
      until === undefined ? undefined : lt(startedAt, until),
      after && sql`(${startedAt}, ${lifetime}) < (${after.startedAt}, ${after.lifetime})`,
    );
    const newestFirst = [desc(startedAt), desc(lifetime)];
    const scanned = this.#db
      .select(lifetimeColumns)
      .from(lifetimes)
      .where(within)
      .orderBy(...newestFirst)
      .limit(scannedMax)
      .as("scanned");
    const filters = and(
      graph === undefined ? undefined : eq(scanned.graph, graph),
      status === undefined ? undefined : eq(scanned.status, status),
      ...labels.map((label) => hasLabel(scanned.labels, label)),
    );
    const rows = await this.#db.select().from(scanned).where(filters).limit(lookAhead(limit));
    const found = page(rows, limit, (row) => ({ startedAt: row.startedAt, lifetime: row.lifetime }));
    if (found.next !== undefined || filters === undefined) return found;
    const [last] = await this.#db
      .select({ startedAt, lifetime })
      .from(lifetimes)
      .where(within)
      .orderBy(...newestFirst)
      .limit(1)
      .offset(scannedMax - 1);
    return last ? { ...found, next: last } : found;
  }

  /** Without its input and its output. */
  async lifetimeRow(tenant: string, lifetime: string): Promise<LifetimeRow | undefined> {
    const isIt = and(eq(lifetimes.tenant, tenant), eq(lifetimes.lifetime, lifetime));
    const [row] = await this.#db
      .select({ ...lifetimeColumns, outcomes: lifetimes.outcomes })
      .from(lifetimes)
      .where(isIt);
    return row;
  }

  /** With as many of its ends, in order, as one answer takes. */
  async getLifetime(tenant: string, lifetime: string): Promise<LifetimeDetail | undefined> {
    const isIt = and(eq(lifetimes.tenant, tenant), eq(lifetimes.lifetime, lifetime));
    const ends = sql`(SELECT value FROM ${lifetimes}, json_each(${lifetimes.outcomes}) WHERE ${isIt})`;
    const sizes = (table: Executions) =>
      this.#db
        .select({ offset: table.offset, chars: sql<number>`length(${table.message})` })
        .from(table)
        .where(and(inLifetime(table, tenant, lifetime), inArray(table.offset, ends)));
    const [[row], ...sized] = await this.#db.batch([
      this.#db.select().from(lifetimes).where(isIt),
      sizes(planExecutions),
      sizes(taskExecutions),
    ]);
    if (row === undefined) return undefined;
    const chars = new Map(sized.flat().map((each) => [each.offset, each.chars]));
    const known = (row.outcomes ?? []).filter((offset) => chars.has(offset));
    const taken = fitting(known, (offset) => ((chars.get(offset) ?? 0) * 3) / 4);
    const outcomes = taken.length === 0 ? [] : await this.#outcomes(tenant, lifetime, taken);
    return { ...row, outcomes, omitted: known.length - taken.length };
  }

  async #outcomes(tenant: string, lifetime: string, offsets: readonly number[]) {
    const wanted = sql`(SELECT value FROM json_each(${JSON.stringify(offsets)}))`;
    const messages = (table: Executions) =>
      this.#db
        .select({ offset: table.offset, message: table.message })
        .from(table)
        .where(and(inLifetime(table, tenant, lifetime), inArray(table.offset, wanted)));
    const [plans, tasks] = await this.#db.batch([messages(planExecutions), messages(taskExecutions)]);
    const byOffset = new Map(
      [...kindred("plan", plans), ...kindred("task", tasks)].map((each) => [each.offset, each]),
    );
    return offsets
      .flatMap((offset) => byOffset.get(offset) ?? [])
      .map(({ kind, message }) => ({ kind, message }));
  }

  /** Newest first. */
  async listExecutions(
    tenant: string,
    filter: ExecutionFilter,
    { limit, after }: Paging<ExecutionPosition>,
  ): Promise<Page<ExecutionSummary, ExecutionPosition>> {
    const ofLifetime = filter.lifetime !== undefined;
    const where = (table: Executions) => {
      // The plus keeps SQLite from going by time where it can go by lifetime.
      const time = ofLifetime ? sql`+${table.receivedAt}` : sql`${table.receivedAt}`;
      return and(
        eq(table.tenant, tenant),
        filter.lifetime === undefined ? undefined : eq(table.lifetime, filter.lifetime),
        filter.node === undefined ? undefined : eq(table.node, filter.node),
        filter.status === undefined ? undefined : eq(table.status, filter.status),
        filter.from === undefined ? undefined : gte(time, filter.from),
        filter.until === undefined ? undefined : lt(time, filter.until),
        after && before(table, after, ofLifetime),
      );
    };
    // A lifetime lies in one partition, and there its offsets are the order; no sort is needed.
    const order = (table: Executions) =>
      ofLifetime ? [desc(table.offset)] : [desc(table.receivedAt), desc(table.partition), desc(table.offset)];
    const rows = await this.#both(filter.kind, where, order, limit);
    const oldest = ofLifetime ? byOffset : byTime;
    rows.sort((a, b) => oldest(b, a));
    return page(rows, limit, ({ receivedAt, partition, offset }) => ({ receivedAt, partition, offset }));
  }

  async getExecution(tenant: string, execId: string): Promise<ExecutionDetail | undefined> {
    const [plans, tasks] = await this.#db.batch([
      this.#db
        .select()
        .from(planExecutions)
        .where(and(eq(planExecutions.tenant, tenant), eq(planExecutions.execId, execId)))
        .limit(1),
      this.#db
        .select()
        .from(taskExecutions)
        .where(and(eq(taskExecutions.tenant, tenant), eq(taskExecutions.execId, execId)))
        .limit(1),
    ]);
    return [...kindred("plan", plans), ...kindred("task", tasks)][0];
  }

  /** All executions of a lifetime, in the order of the log. */
  async timeline(
    tenant: string,
    lifetime: string,
    { limit, after }: Paging<TimelinePosition>,
  ): Promise<Page<ExecutionSummary, TimelinePosition>> {
    const where = (table: Executions) =>
      and(inLifetime(table, tenant, lifetime), gt(table.offset, after?.offset ?? 0));
    const rows = await this.#both(undefined, where, (table) => [asc(table.offset)], limit);
    rows.sort(byOffset);
    return page(rows, limit, ({ offset }) => ({ offset }));
  }

  /** From each kind as many as the page could take; which of them it takes shows when they are merged. */
  async #both(
    kind: Kind | undefined,
    where: (table: Executions) => SQL | undefined,
    order: (table: Executions) => SQL[],
    limit: number,
  ): Promise<ExecutionSummary[]> {
    const plans = this.#db
      .select(planColumns)
      .from(planExecutions)
      .where(where(planExecutions))
      .orderBy(...order(planExecutions))
      .limit(lookAhead(limit));
    const tasks = this.#db
      .select(taskColumns)
      .from(taskExecutions)
      .where(where(taskExecutions))
      .orderBy(...order(taskExecutions))
      .limit(lookAhead(limit));
    if (kind === "plan") return kindred("plan", await plans);
    if (kind === "task") return kindred("task", await tasks);
    const [planRows, taskRows] = await this.#db.batch([plans, tasks]);
    return [...kindred("plan", planRows), ...kindred("task", taskRows)];
  }
}

/** A key may hold a colon, and so may a value: however it is divided, it is what was asked for. */
const hasLabel = (labels: AnySQLiteColumn, label: string): SQL =>
  sql`EXISTS (SELECT 1 FROM json_each(${labels}) WHERE key || ':' || value = ${label})`;

type Executions = typeof planExecutions | typeof taskExecutions;

const inLifetime = (table: Executions, tenant: string, lifetime: string) =>
  and(eq(table.tenant, tenant), eq(table.lifetime, lifetime));

const before = (
  table: Executions,
  { receivedAt, partition, offset }: ExecutionPosition,
  ofLifetime: boolean,
) =>
  ofLifetime
    ? lt(table.offset, offset)
    : sql`(${table.receivedAt}, ${table.partition}, ${table.offset}) < (${receivedAt}, ${partition}, ${offset})`;

const byOffset = (a: TimelinePosition, b: TimelinePosition): number => a.offset - b.offset;

const byTime = (a: ExecutionPosition, b: ExecutionPosition): number =>
  a.receivedAt - b.receivedAt || a.partition - b.partition || a.offset - b.offset;

const kindred = <K extends Kind, Row>(kind: K, rows: readonly Row[]): ({ readonly kind: K } & Row)[] =>
  rows.map((row) => ({ kind, ...row }));

/** The first of them that fit into a page; one at least. */
const fitting = (offsets: readonly number[], bytesOf: (offset: number) => number): readonly number[] => {
  let bytes = 0;
  const end = offsets.findIndex((offset, i) => {
    bytes += bytesOf(offset);
    return i > 0 && bytes > PAGE_BYTES_MAX;
  });
  return end < 0 ? offsets : offsets.slice(0, end);
};

const bounded = (limit: number): number => Math.min(limit, PAGE_ITEMS_MAX);

/** One more than the page: whether there is a next one. */
const lookAhead = (limit: number): number => bounded(limit) + 1;

const page = <Item, Position>(
  rows: readonly Item[],
  limit: number,
  positionOf: (last: Item) => Position,
): Page<Item, Position> => {
  const items = rows.slice(0, bounded(limit));
  const last = items.at(-1);
  return rows.length > items.length && last !== undefined ? { items, next: positionOf(last) } : { items };
};
