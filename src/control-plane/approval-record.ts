/** The evidence of an approval: what its records say. Everything that was decided is in them; nothing is decided here. */
import type { Approval, Outcome } from "../guardrails/approval.ts";
import { append, type Draft } from "./draft.ts";
import { approvalId } from "./ids.ts";
import type { Member } from "./lifetime.ts";

/** How it stands from now on. */
const standingOf = ({ who, quorum, due, votes, delegations, edit }: Approval) => ({
  who,
  quorum,
  ...(due !== undefined && { due }),
  ...(votes && { votes }),
  ...(delegations && { delegations }),
  ...(edit !== undefined && { edit }),
});

/** Who answered, and what they said of it. */
export interface Answerer {
  readonly by?: string;
  readonly via?: string;
  readonly comment?: string;
}

export const recordChange = (
  draft: Draft,
  n: number,
  outcome: Extract<Outcome, { type: "open" }>,
  answerer: Answerer = {},
): void => {
  const { id } = draft.lifetime.head;
  append(draft, {
    type: "approval_changed",
    lifetime: id,
    approval: approvalId(id, n, outcome.approval.opened),
    act: outcome.act,
    ...answerer,
    ...standingOf(outcome.approval),
  });
};

export type Closing = "approved" | "rejected" | "aborted" | "timed_out" | "withdrawn";

export const recordClosing = (
  draft: Draft,
  n: number,
  approval: Approval,
  outcome: Closing,
  answerer: Answerer = {},
): void => {
  const { id } = draft.lifetime.head;
  append(draft, {
    type: "approval_closed",
    lifetime: id,
    approval: approvalId(id, n, approval.opened),
    outcome,
    ...answerer,
    ...standingOf(approval),
  });
};

/** Nobody is asked any more, because its input was withdrawn or its lifetime has ended. */
export const withdrawApproval = (draft: Draft, n: number, { approval }: Member): void => {
  if (approval) recordClosing(draft, n, approval, "withdrawn");
};
