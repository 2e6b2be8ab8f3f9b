/**
 * Reads of D1 for the gateway, always of one tenant. Never writes, and never waits for the projection: that is
 * asked of the object.
 */
import { and, asc, desc, eq, getTableColumns, gt, gte, inArray, lt, ne, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { LifetimeStatus } from "../../src/control-plane/status.ts";
import type { Line } from "../../src/data-plane/lineage.ts";
import { lifetimes, planExecutions, taskExecutions, tenants } from "../../src/data-plane/schema.ts";
import { COST_ROWS_MAX, LIST_SCAN_ROWS_MAX } from "../../src/limits.ts";
import type { Kind } from "../../src/topics/topics.ts";
import { type ApprovalFilter, type ApprovalPosition, getApproval, listApprovals } from "./approval-list.ts";
import { type CostFilter, type Costs, costsOf } from "./costs.ts";
import { type ExecutionFilter, type ExecutionPosition, listExecutions } from "./execution-list.ts";
import {
  type ExecutionDetail,
  type ExecutionSummary,
  type Executions,
  inLifetime,
  readKinds,
  readSummaries,
} from "./execution-rows.ts";
import { type Lineage, lineageOf } from "./lineage.ts";
import {
  bytesOf,
  compareTexts,
  fitting,
  hasLabel,
  lookAhead,
  type Page,
  type Paging,
  type Period,
  page,
  sizedPage,
  withinBytes,
} from "./page.ts";
import { listVerdicts, type VerdictFilter, type VerdictPosition } from "./verdict-list.ts";

export interface LifetimeFilter extends Period {
  readonly graph?: string | undefined;
  /** Any of them. */
  readonly statuses?: readonly LifetimeStatus[] | undefined;
  /** All of them, each as `key:value`. */
  readonly labels?: readonly string[] | undefined;
}

export interface TenantPosition {
  readonly tenant: string;
}
export interface LifetimePosition {
  readonly startedAt: number;
  readonly lifetime: string;
}
export interface TimelinePosition {
  readonly offset: number;
}

const { input: _input, root: _root, outcomes: _outcomes, ...lifetimeColumns } = getTableColumns(lifetimes);
const lifetimeBytes = bytesOf(lifetimeColumns);

export type TenantRow = typeof tenants.$inferSelect;
export type LifetimeSummary = Omit<typeof lifetimes.$inferSelect, "input" | "root" | "outcomes">;
export type LifetimeRow = Omit<typeof lifetimes.$inferSelect, "input" | "root">;

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
    { graph, statuses, labels = [], from, until }: LifetimeFilter,
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
    const matching = and(
      graph === undefined ? undefined : eq(lifetimes.graph, graph),
      statuses && inArray(lifetimes.status, [...statuses]),
      ...labels.map((label) => hasLabel(lifetimes.labels, label)),
    );
    const newestFirst = [desc(startedAt), desc(lifetime)];
    // Asked for first: rows that come or go meanwhile are then at most read, and never stepped over.
    const [end] =
      matching === undefined
        ? []
        : await this.#db
            .select({ startedAt, lifetime })
            .from(lifetimes)
            .where(within)
            .orderBy(...newestFirst)
            .limit(1)
            .offset(scannedMax - 1);
    const downTo = end && sql`(${startedAt}, ${lifetime}) >= (${end.startedAt}, ${end.lifetime})`;
    const rows = await this.#db
      .select({ ...lifetimeColumns, bytes: lifetimeBytes })
      .from(lifetimes)
      .where(
        withinBytes(lifetimes, lifetimeBytes, {
          where: and(within, downTo, matching),
          order: newestFirst,
          limit,
        }),
      );
    rows.sort((a, b) => b.startedAt - a.startedAt || compareTexts(b.lifetime, a.lifetime));
    const found = sizedPage(rows, limit, (row) => ({ startedAt: row.startedAt, lifetime: row.lifetime }));
    return found.next === undefined && end !== undefined ? { ...found, next: end } : found;
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
    const found = await readKinds(this.#db, messages(planExecutions), messages(taskExecutions));
    const byOffset = new Map(found.map((each) => [each.offset, each]));
    return offsets
      .flatMap((offset) => byOffset.get(offset) ?? [])
      .map(({ kind, message }) => ({ kind, message }));
  }

  /** Of the newest executions. */
  costs(tenant: string, by: "node" | "edge", filter: CostFilter): Promise<Costs> {
    return costsOf(this.#db, tenant, by, filter, COST_ROWS_MAX);
  }

  /** Newest first. */
  listExecutions(
    tenant: string,
    filter: ExecutionFilter,
    paging: Paging<ExecutionPosition>,
    scannedMax = LIST_SCAN_ROWS_MAX,
  ): Promise<Page<ExecutionSummary, ExecutionPosition>> {
    return listExecutions(this.#db, tenant, filter, paging, scannedMax);
  }

  /** Undefined where there is no such execution. */
  lineage(tenant: string, execId: string, line: Line, limit: number): Promise<Lineage | undefined> {
    return lineageOf(this.#db, tenant, execId, line, limit);
  }

  /** Newest first. */
  listApprovals(tenant: string, filter: ApprovalFilter, paging: Paging<ApprovalPosition>) {
    return listApprovals(this.#db, tenant, filter, paging);
  }

  getApproval(tenant: string, approval: string) {
    return getApproval(this.#db, tenant, approval);
  }

  /** Newest first. */
  listVerdicts(tenant: string, filter: VerdictFilter, paging: Paging<VerdictPosition>) {
    return listVerdicts(this.#db, tenant, filter, paging);
  }

  async getExecution(tenant: string, execId: string): Promise<ExecutionDetail | undefined> {
    const isIt = (table: Executions) => and(eq(table.tenant, tenant), eq(table.execId, execId));
    const [found] = await readKinds(
      this.#db,
      this.#db.select().from(planExecutions).where(isIt(planExecutions)).limit(1),
      this.#db.select().from(taskExecutions).where(isIt(taskExecutions)).limit(1),
    );
    return found;
  }

  /** All executions of a lifetime, in the order of the log. */
  async timeline(
    tenant: string,
    lifetime: string,
    { limit, after }: Paging<TimelinePosition>,
  ): Promise<Page<ExecutionSummary, TimelinePosition>> {
    const beyond = (table: Executions) =>
      and(inLifetime(table, tenant, lifetime), gt(table.offset, after?.offset ?? 0));
    const rows = await readSummaries(this.#db, {
      where: beyond,
      order: (table) => [asc(table.offset)],
      limit,
    });
    rows.sort((a, b) => a.offset - b.offset);
    return sizedPage(rows, limit, ({ offset }) => ({ offset }));
  }
}
