/** Records of an approval → its one row. What is said last is what holds. */
import type { ApprovalChangedRecord, ApprovalClosedRecord, ApprovalOpenedRecord } from "../topics/record.ts";
import type { ApprovalStatus, approvals } from "./schema.ts";

export type ApprovalRecord = ApprovalOpenedRecord | ApprovalChangedRecord | ApprovalClosedRecord;
export type ApprovalRow = Omit<typeof approvals.$inferSelect, "tenant" | "partition">;

const STATUS = {
  approved: "APPROVED",
  rejected: "REJECTED",
  aborted: "ABORTED",
  timed_out: "TIMED_OUT",
  withdrawn: "WITHDRAWN",
} as const satisfies Record<ApprovalClosedRecord["outcome"], ApprovalStatus>;

const blank = ({ approval, lifetime }: ApprovalRecord): ApprovalRow => ({
  approval,
  lifetime,
  opened: 0,
  openedAt: 0,
  inputId: "",
  node: "",
  kind: "task",
  attempt: 0,
  policies: null,
  title: "",
  description: null,
  subject: null,
  schema: null,
  escalateTo: null,
  onExpiry: "reject",
  moved: 0,
  status: "OPEN",
  who: [],
  quorum: 1,
  due: null,
  votes: null,
  delegations: null,
  edit: null,
  answeredBy: null,
  via: null,
  comment: null,
  closedAt: null,
});

const openingOf = (record: ApprovalOpenedRecord): Partial<ApprovalRow> => ({
  opened: record.offset,
  openedAt: record.at,
  inputId: record.input,
  node: record.node,
  kind: record.nodeType,
  attempt: record.attempt,
  policies: record.policies ?? null,
  title: record.title.toWellFormed(),
  description: record.description ?? null,
  subject: record.subject ?? null,
  schema: record.schema ?? null,
  escalateTo: record.escalateTo ?? null,
  onExpiry: record.onExpiry,
});

const standingOf = (record: ApprovalChangedRecord | ApprovalClosedRecord): Partial<ApprovalRow> => ({
  votes: record.votes ?? null,
  delegations: record.delegations ?? null,
  edit: record.edit ?? null,
  ...(record.type === "approval_closed" && {
    status: STATUS[record.outcome],
    answeredBy: record.by ?? null,
    via: record.via ?? null,
    comment: record.comment?.toWellFormed() ?? null,
    closedAt: record.at,
  }),
});

export const movedApproval = (row: ApprovalRow | undefined, record: ApprovalRecord): ApprovalRow => ({
  ...(row ?? blank(record)),
  ...(record.type === "approval_opened" ? openingOf(record) : standingOf(record)),
  moved: record.offset,
  who: record.who,
  quorum: record.quorum,
  due: record.due ?? null,
});
