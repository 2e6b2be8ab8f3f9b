/** Approvals as D1 has them: one by its id, and lists, the newest first. */
import { and, desc, eq, getTableColumns, gte, lt, sql } from "drizzle-orm";
import type { drizzle } from "drizzle-orm/d1";
import { type ApprovalStatus, approvals } from "../../src/data-plane/schema.ts";
import {
  bytesOf,
  compareTexts,
  type Page,
  type Paging,
  type Period,
  sizedPage,
  withinBytes,
} from "./page.ts";

export type Approval = typeof approvals.$inferSelect;

export interface ApprovalFilter extends Period {
  readonly status?: ApprovalStatus | undefined;
  readonly lifetime?: string | undefined;
  readonly node?: string | undefined;
}

export interface ApprovalPosition {
  readonly openedAt: number;
  readonly approval: string;
}

const columns = getTableColumns(approvals);
const bytes = bytesOf(columns);

export const listApprovals = async (
  db: ReturnType<typeof drizzle>,
  tenant: string,
  { status, lifetime, node, from, until }: ApprovalFilter,
  { limit, after }: Paging<ApprovalPosition>,
): Promise<Page<Approval, ApprovalPosition>> => {
  const { openedAt, approval } = approvals;
  const where = and(
    eq(approvals.tenant, tenant),
    status === undefined ? undefined : eq(approvals.status, status),
    lifetime === undefined ? undefined : eq(approvals.lifetime, lifetime),
    node === undefined ? undefined : eq(approvals.node, node),
    from === undefined ? undefined : gte(openedAt, from),
    until === undefined ? undefined : lt(openedAt, until),
    after && sql`(${openedAt}, ${approval}) < (${after.openedAt}, ${after.approval})`,
  );
  const order = [desc(openedAt), desc(approval)];
  const rows = await db
    .select({ ...columns, bytes })
    .from(approvals)
    .where(withinBytes(approvals, bytes, { where, order, limit }));
  rows.sort((a, b) => b.openedAt - a.openedAt || compareTexts(b.approval, a.approval));
  return sizedPage(rows, limit, (row) => ({ openedAt: row.openedAt, approval: row.approval }));
};

export const getApproval = async (
  db: ReturnType<typeof drizzle>,
  tenant: string,
  approval: string,
): Promise<Approval | undefined> => {
  const [row] = await db
    .select()
    .from(approvals)
    .where(and(eq(approvals.tenant, tenant), eq(approvals.approval, approval)));
  return row;
};
