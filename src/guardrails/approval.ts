/**
 * An approval as a value: opened with its terms, answered by people, passed on, escalated, expired. Every answer
 * makes another value or closes it; who asks for it, and what its outcome means, is the control plane's.
 *
 * 1. A person answers once. The first rejection closes it; so does the agreement that completes the quorum.
 * 2. All agree to the same: the first to agree says what is changed, and the others agree to that.
 * 3. A voice that was passed on is gone from whoever had it, so no delegation adds one.
 */
import type { JsonValue } from "@bufbuild/protobuf";
import { canonicalJson } from "../graph/canonical.ts";
import type { Rejection } from "../rejection.ts";
import { reject } from "../rejection.ts";
import { ok, type Result } from "../result.ts";
import { type ApprovalTerms, type ExpiryAction, isNamed, isRole } from "./approval-terms.ts";

/** Stored with the state of its lifetime while it is open. */
export interface Approval {
  /** Offset of the record that opened it. */
  readonly opened: number;
  readonly who: readonly string[];
  readonly quorum: number;
  /** Milliseconds since the epoch. */
  readonly due?: number;
  readonly escalation?: { readonly to: readonly string[]; readonly ms: number };
  readonly onExpiry: ExpiryAction;
  /** Of those who agree so far. */
  readonly votes?: readonly Vote[];
  readonly delegations?: readonly Delegation[];
  /** What is agreed to instead of what was asked, or the answer that was asked for. */
  readonly edit?: JsonValue;
}

export interface Vote {
  readonly by: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly comment?: string;
  /** How it came, where not with a key of theirs. */
  readonly via?: string;
}

export interface Delegation {
  readonly from: string;
  readonly to: string;
}

/** Who answers. */
export interface Voter {
  readonly name: string;
  /** All that their credential has, the lesser ones included. */
  readonly roles: readonly string[];
  readonly via?: string;
}

export type Ballot =
  | { readonly type: "approve"; readonly edit?: JsonValue }
  | { readonly type: "reject" }
  | { readonly type: "delegate"; readonly to: string };

/** What came of an answer, or of time. `by` is absent where time decided. */
export type Outcome =
  | { readonly type: "open"; readonly act: "voted" | "delegated" | "escalated"; readonly approval: Approval }
  | { readonly type: "approved" | "rejected" | "aborted"; readonly approval: Approval; readonly by?: string };

export const openApproval = (terms: ApprovalTerms, at: number, opened: number): Approval => {
  const { who, quorum, due, escalate_to: to, on_expiry: onExpiry = "reject" } = terms;
  return {
    opened,
    who,
    quorum,
    onExpiry,
    ...(due !== undefined && { due: at + due }),
    ...(due !== undefined && to && { escalation: { to, ms: due } }),
  };
};

export const answer = (
  approval: Approval,
  voter: Voter,
  ballot: Ballot,
  at: number,
  comment?: string,
): Result<Outcome, Rejection> => {
  const may = mayAnswer(approval, voter);
  if (!may.ok) return may;
  if (ballot.type === "delegate") return delegate(approval, voter.name, ballot.to);
  const { name: by, via } = voter;
  if (ballot.type === "reject") return ok({ type: "rejected", approval, by });
  const { votes = [], edit } = approval;
  if (ballot.edit !== undefined && votes.length > 0 && !isSame(ballot.edit, edit))
    return reject(
      "approval_conflict",
      `${votes[0]?.by} has agreed to something else first; agree to that without an edit, or reject it`,
    );
  const vote: Vote = { by, at, ...(comment !== undefined && { comment }), ...(via !== undefined && { via }) };
  const agreed: Approval = {
    ...approval,
    votes: [...votes, vote],
    ...(ballot.edit !== undefined && { edit: ballot.edit }),
  };
  return votes.length + 1 >= approval.quorum
    ? ok({ type: "approved", approval: agreed, by })
    : ok({ type: "open", act: "voted", approval: agreed });
};

const isSame = (one: JsonValue, other: JsonValue | undefined): boolean =>
  other !== undefined && canonicalJson(one) === canonicalJson(other);

export const mayAnswer = (
  { who, votes, delegations }: Pick<Approval, "who" | "votes" | "delegations">,
  { name, roles }: Voter,
): Result<void, Rejection> => {
  if (votes?.some(({ by }) => by === name))
    return reject("approval_conflict", `${name} has answered already; everybody answers once`);
  const passed = delegations?.find(({ from }) => from === name);
  if (passed)
    return reject("approval_conflict", `${name} has passed this on to ${passed.to}, who answers now`);
  if (isNamed(who, name, roles) || delegations?.some(({ to }) => to === name)) return ok(undefined);
  return reject("forbidden", `${name} is none of those who may answer: ${who.join(", ")}`);
};

const delegate = (approval: Approval, from: string, to: string): Result<Outcome, Rejection> => {
  const { who, votes, delegations = [] } = approval;
  if (isRole(to)) return reject("invalid_request", "pass it on to one person, by name");
  const knows =
    who.includes(to) ||
    votes?.some(({ by }) => by === to) ||
    delegations.some((each) => each.to === to || each.from === to);
  if (knows || from === to)
    return reject("approval_conflict", `${to} has a voice of their own, or had one; name somebody else`);
  const passed = { ...approval, delegations: [...delegations, { from, to }] };
  return ok({ type: "open", act: "delegated", approval: passed });
};

/** Whether time has anything to say; never before it is due. */
export const isLapsed = ({ due }: Approval, at: number): boolean => due !== undefined && due <= at;

/** It is due, and not answered. */
export const lapse = (approval: Approval, at: number): Outcome => {
  const { escalation, ...rest } = approval;
  if (escalation) {
    const who = [...new Set([...approval.who, ...escalation.to])];
    return { type: "open", act: "escalated", approval: { ...rest, who, due: at + escalation.ms } };
  }
  // A quorum would have closed it: what fewer have agreed to is nothing that was agreed to.
  const { edit: _, ...unchanged } = approval;
  const type = ({ approve: "approved", reject: "rejected", abort: "aborted" } as const)[approval.onExpiry];
  return { type, approval: unchanged };
};
