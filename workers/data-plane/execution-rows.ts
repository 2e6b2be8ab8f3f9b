/** The two tables of executions read as one: each row says which kind it is of. */
import { and, eq, getTableColumns, type SQL } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import type { drizzle } from "drizzle-orm/d1";
import { planExecutions, taskExecutions } from "../../src/data-plane/schema.ts";
import type { Kind } from "../../src/topics/topics.ts";
import { bytesOf, withinBytes } from "./page.ts";

type PlanExecution = { readonly kind: "plan" } & typeof planExecutions.$inferSelect;
type TaskExecution = { readonly kind: "task" } & typeof taskExecutions.$inferSelect;
export type ExecutionDetail = PlanExecution | TaskExecution;
export type ExecutionSummary = Omit<PlanExecution, "message"> | Omit<TaskExecution, "message">;

export type Database = ReturnType<typeof drizzle>;

export type Executions = typeof planExecutions | typeof taskExecutions;

const { message: _planMessage, ...planColumns } = getTableColumns(planExecutions);
const { message: _taskMessage, ...taskColumns } = getTableColumns(taskExecutions);
const planBytes = bytesOf(planColumns);
const taskBytes = bytesOf(taskColumns);

export interface WantedExecutions {
  where(table: Executions): SQL | undefined;
  order(table: Executions): readonly SQL[];
  readonly limit: number;
  readonly kind?: Kind | undefined;
}

/** In no order, and of each kind as many as a page could take: which of them it takes shows when they are in order. */
export const readSummaries = (db: Database, { where, order, limit, kind }: WantedExecutions) => {
  const within = (table: Executions, bytes: SQL) =>
    withinBytes(table, bytes, { where: where(table), order: order(table), limit });
  return readKinds(
    db,
    db
      .select({ ...planColumns, bytes: planBytes })
      .from(planExecutions)
      .where(within(planExecutions, planBytes)),
    db
      .select({ ...taskColumns, bytes: taskBytes })
      .from(taskExecutions)
      .where(within(taskExecutions, taskBytes)),
    kind,
  );
};

export const inLifetime = (table: Executions, tenant: string, lifetime: string) =>
  and(eq(table.tenant, tenant), eq(table.lifetime, lifetime));

type Query<Row> = BatchItem<"sqlite"> & PromiseLike<Row[]>;

/** One query for each kind, both at one moment; where only one kind is wanted, only its query is asked. */
export const readKinds = async <Plan, Task>(
  db: Database,
  plans: Query<Plan>,
  tasks: Query<Task>,
  kind?: Kind,
): Promise<(({ readonly kind: "plan" } & Plan) | ({ readonly kind: "task" } & Task))[]> => {
  if (kind === "plan") return kindred("plan", await plans);
  if (kind === "task") return kindred("task", await tasks);
  const [planRows, taskRows] = await db.batch([plans, tasks]);
  return [...kindred("plan", planRows), ...kindred("task", taskRows)];
};

const kindred = <K extends Kind, Row>(kind: K, rows: readonly Row[]): ({ readonly kind: K } & Row)[] =>
  rows.map((row) => ({ kind, ...row }));
