/**
 * What nodes and edges have used: sums over executions, as they said themselves or, where they did not, as budgets
 * were charged by estimate. Of so many of the newest executions of each kind that one query stays short.
 */
import { and, eq, gte, lt, type SQL, sql } from "drizzle-orm";
import { planExecutions, taskExecutions } from "../../src/data-plane/schema.ts";
import type { Kind } from "../../src/topics/topics.ts";
import type { Database, Executions } from "./execution-rows.ts";
import type { Period } from "./page.ts";

export interface CostFilter extends Period {
  readonly graph?: string | undefined;
  readonly lifetime?: string | undefined;
}

export interface Cost {
  readonly graph: string;
  readonly node: string;
  readonly kind: Kind;
  /** With edges: what led to it. */
  readonly from?: string;
  readonly executions: number;
  readonly tokens: number;
  readonly cost_usd_micros: number;
  /** Executions of which it was estimated. */
  readonly estimated: number;
}

export interface Costs {
  /** What cost most first. */
  readonly items: readonly Cost[];
  /** Older executions were left out. */
  readonly truncated: boolean;
}

export const costsOf = async (
  db: Database,
  tenant: string,
  by: "node" | "edge",
  filter: CostFilter,
  rowsMax: number,
): Promise<Costs> => {
  const within = (table: Executions) =>
    and(
      eq(table.tenant, tenant),
      filter.lifetime === undefined ? undefined : eq(table.lifetime, filter.lifetime),
      filter.graph === undefined ? undefined : eq(table.graph, filter.graph),
      filter.from === undefined ? undefined : gte(table.receivedAt, filter.from),
      filter.until === undefined ? undefined : lt(table.receivedAt, filter.until),
    );
  const used = (table: Executions, kind: Kind, parents: SQL) => sql`SELECT * FROM (
    SELECT ${table.graph} AS graph, ${table.node} AS node, ${kind} AS kind, ${parents} AS parents,
      COALESCE(${table.tokensIn} + ${table.tokensOut}, ${table.estimated} ->> '$.tokens', 0) AS tokens,
      COALESCE(${table.costUsdMicros}, ${table.estimated} ->> '$.cost_usd_micros', 0) AS cost,
      ${table.estimated} IS NOT NULL AS estimated
    FROM ${table} WHERE ${within(table)} ORDER BY ${table.receivedAt} DESC LIMIT ${rowsMax})`;
  const plans = used(planExecutions, "plan", sql`${planExecutions.parentTaskNames}`);
  const tasks = used(taskExecutions, "task", sql`json_array(${taskExecutions.parentPlanName})`);
  const edges = by === "edge";
  const items = await db.all<Cost>(sql`
    SELECT graph, node, kind, ${edges ? sql`value AS "from",` : sql``} COUNT(*) AS executions,
      SUM(tokens) AS tokens, SUM(cost) AS cost_usd_micros, SUM(estimated) AS estimated
    FROM (${plans} UNION ALL ${tasks}) ${edges ? sql`, json_each(parents)` : sql``}
    GROUP BY graph, node, kind ${edges ? sql`, value` : sql``}
    ORDER BY cost_usd_micros DESC, tokens DESC, graph, node`);
  const beyond = (table: Executions) =>
    db.select({ offset: table.offset }).from(table).where(within(table)).limit(1).offset(rowsMax);
  const more = await db.batch([beyond(planExecutions), beyond(taskExecutions)]);
  return { items, truncated: more.some((rows) => rows.length > 0) };
};
