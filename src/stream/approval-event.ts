/** Records of an approval as events of a stream. */
import type { ApprovalRecord } from "../data-plane/approval-row.ts";
import type { ApprovalOpenedRecord } from "../topics/record.ts";
import { isoOf } from "../wire/timestamp.ts";

/** JSON leaves out what is undefined. */
export const approvalEvent = (record: ApprovalRecord): object => {
  if (record.type === "approval_opened") return openedEvent(record);
  const { type, lifetime, approval, by, via, comment, who, quorum, due, votes, delegations, edit } = record;
  return {
    lifetime,
    approval,
    ...(type === "approval_changed" ? { act: record.act } : { outcome: record.outcome }),
    by,
    via,
    comment,
    who,
    quorum,
    due: due === undefined ? undefined : isoOf(due),
    votes: votes?.map((vote) => ({ ...vote, at: isoOf(vote.at) })),
    delegations,
    value: edit,
    at: isoOf(record.at),
  };
};

const openedEvent = ({
  type: _,
  offset: __,
  at,
  input,
  nodeType,
  due,
  escalateTo,
  onExpiry,
  ...said
}: ApprovalOpenedRecord) => ({
  ...said,
  input_id: input,
  kind: nodeType,
  due: due === undefined ? undefined : isoOf(due),
  escalate_to: escalateTo,
  on_expiry: onExpiry,
  opened_at: isoOf(at),
});
