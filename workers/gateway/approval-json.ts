/** An approval as callers read it: what is asked, on what terms, who has answered, and what was made of the input. */
import { z } from "@hono/zod-openapi";
import { isoOf } from "../../src/wire/timestamp.ts";
import type { Approval } from "../data-plane/approval-list.ts";

export const APPROVAL_STATUSES = [
  "OPEN",
  "APPROVED",
  "REJECTED",
  "ABORTED",
  "TIMED_OUT",
  "WITHDRAWN",
] as const;

const time = z.string().openapi({ format: "date-time" });

const vote = z.object({
  by: z.string(),
  at: time,
  comment: z.string().optional(),
  via: z.string().optional().openapi({ description: "How it came, where not with a key of theirs" }),
});

export const approvalSchema = z
  .object({
    approval: z.string(),
    lifetime: z.string(),
    input_id: z.string().openapi({ description: "The input that waits for it" }),
    node: z.string(),
    kind: z.enum(["plan", "task"]),
    attempt: z.int(),
    policies: z.array(z.string()).readonly().optional().openapi({ description: "Those that ask for it" }),
    status: z.enum(APPROVAL_STATUSES),
    title: z.string(),
    description: z.string().optional(),
    subject: z.any().optional().openapi({ description: "The input as it was, where it is small JSON" }),
    value: z.any().optional().openapi({ description: "The answer; of a held input, what was made of it" }),
    schema: z.any().optional().openapi({ description: "JSON schema of the answer" }),
    who: z.array(z.string()).readonly().openapi({ description: "Names, and roles as role:operator" }),
    quorum: z.int(),
    votes: z.array(vote).readonly(),
    delegations: z.array(z.object({ from: z.string(), to: z.string() })).readonly(),
    opened_at: time,
    due: time.optional(),
    escalate_to: z.array(z.string()).readonly().optional(),
    on_expiry: z.enum(["approve", "reject", "abort"]),
    closed_at: time.optional(),
    answered_by: z
      .string()
      .optional()
      .openapi({ description: "Whose answer closed it; absent where time did" }),
    via: z.string().optional(),
    comment: z.string().optional(),
  })
  .openapi("Approval");

/** JSON leaves out what is undefined. */
export const approvalJson = (row: Approval): z.input<typeof approvalSchema> => ({
  approval: row.approval,
  lifetime: row.lifetime,
  input_id: row.inputId,
  node: row.node,
  kind: row.kind,
  attempt: row.attempt,
  policies: row.policies ?? undefined,
  status: row.status,
  title: row.title,
  description: row.description ?? undefined,
  subject: row.subject ?? undefined,
  value: row.edit ?? undefined,
  schema: row.schema ?? undefined,
  who: row.who,
  quorum: row.quorum,
  votes: (row.votes ?? []).map((each) => ({ ...each, at: isoOf(each.at) })),
  delegations: row.delegations ?? [],
  opened_at: isoOf(row.openedAt),
  due: row.due === null ? undefined : isoOf(row.due),
  escalate_to: row.escalateTo ?? undefined,
  on_expiry: row.onExpiry,
  closed_at: row.closedAt === null ? undefined : isoOf(row.closedAt),
  answered_by: row.answeredBy ?? undefined,
  via: row.via ?? undefined,
  comment: row.comment ?? undefined,
});

/** What became of it, in words for whoever came too late. */
export const closedWords = ({ status, answeredBy, closedAt }: Approval): string => {
  const by = answeredBy === null ? "" : ` by ${answeredBy}`;
  return `it is ${status}${by}${closedAt === null ? "" : ` since ${isoOf(closedAt)}`}; nothing more can be answered`;
};
