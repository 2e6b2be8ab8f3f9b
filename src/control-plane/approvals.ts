/**
 * Approvals of a lifetime: opened where a task or a policy asks people, closed by the first answer that counts or by
 * time. What an outcome means for its input is decided here; who may answer, in src/guardrails/approval.ts.
 */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { HumanSettings } from "../executor/tasks/human.ts";
import type { GraphIndex } from "../graph/lookup.ts";
import { nestsDeeper } from "../graph/validation/readers.ts";
import type { Approve } from "../guardrails/answer.ts";
import { checkAnswer } from "../guardrails/answer-schema.ts";
import {
  type Approval,
  answer,
  isLapsed,
  lapse,
  type Outcome,
  openApproval,
} from "../guardrails/approval.ts";
import { PARAMETERS_DEPTH_MAX } from "../limits.ts";
import { type Rejection, reject } from "../rejection.ts";
import { ok, type Result } from "../result.ts";
import { payloadOf } from "../wire/payload.ts";
import { concluded, settle } from "./answer.ts";
import { type Answerer, recordChange, recordClosing } from "./approval-record.ts";
import { append, type Draft } from "./draft.ts";
import { end } from "./ending.ts";
import type { ApprovalAnswered, Asked } from "./event.ts";
import { approvalId, inputId } from "./ids.ts";
import { type Attempt, attempt, hold, put } from "./issue.ts";
import { type Lifetime, type Member, NEVER } from "./lifetime.ts";
import { recordOutcome, resultOf } from "./outcome.ts";
import { unreserved } from "./reserve.ts";
import { isWaiting, waitBegins, waitEnds } from "./standing.ts";

/** An attempt that policies want approved first. The approval opens when the log has said what its input is. */
export const holdForApproval = (
  draft: Draft,
  n: number,
  what: Attempt,
  { policies, terms, detail }: Approve,
): void => {
  hold(draft, n, what, { cause: "approval", approval: { policies, terms, detail } });
  waitBegins(draft);
  const { parents, parameters, attempt } = what;
  const offset = parents[0]?.offset ?? 0;
  draft.effects.push({
    type: "recall",
    n,
    attempt,
    offset,
    subject: true,
    ...(parameters && { parameters }),
  });
};

const settingsOf = (graph: GraphIndex, { node }: Member): HumanSettings =>
  graph.node(node).settings as HumanSettings;

/** It is known what is asked, and people may answer from now on. */
export const asked = (draft: Draft, n: number, member: Member, asks: Asked): void => {
  const { id } = draft.lifetime.head;
  const held = member.held?.approval;
  const settings = held ? undefined : settingsOf(draft.graph, member);
  const terms = held?.terms ?? (settings as HumanSettings);
  const approval = openApproval(terms, draft.at, draft.tail);
  const { description, subject } = asks;
  append(draft, {
    type: "approval_opened",
    lifetime: id,
    approval: approvalId(id, n, approval.opened),
    input: inputId(id, n),
    node: member.node,
    nodeType: member.kind,
    attempt: member.attempt,
    ...(held && { policies: held.policies }),
    title: held?.detail ?? asks.title ?? member.node,
    ...(description !== undefined && { description }),
    ...(subject !== undefined && { subject }),
    ...(settings?.schema && { schema: settings.schema as JsonObject }),
    who: approval.who,
    quorum: approval.quorum,
    ...(approval.due !== undefined && { due: approval.due }),
    ...(approval.escalation && { escalateTo: approval.escalation.to }),
    onExpiry: approval.onExpiry,
  });
  put(draft, n, { ...member, approval, due: Math.min(member.due, approval.due ?? NEVER) });
};

type Answering = Omit<ApprovalAnswered, "type">;

/** What comes of an answer, or why it does not count. */
export const decideAnswer = (
  { head, members }: Lifetime,
  graph: GraphIndex,
  { n, opened, voter, ballot, comment }: Answering,
  at: number,
): Result<Outcome, Rejection> => {
  const member = members.get(n);
  const approval = member?.approval;
  if (head.endedAt !== undefined || !member || !isWaiting(member) || approval?.opened !== opened)
    return reject("approval_closed", `approval ${approvalId(head.id, n, opened)} is not open any more`);
  const decided = answer(approval, voter, ballot, at, comment);
  if (!decided.ok || ballot.type !== "approve") return decided;
  const fits = checkEdit(member, graph, decided.value.approval.edit);
  return fits.ok ? decided : fits;
};

/** A person's answer has to be what the schema accepts; of a held input only what a plan gives a task can change. */
const checkEdit = (
  member: Member,
  graph: GraphIndex,
  edit: JsonValue | undefined,
): Result<void, Rejection> => {
  if (member.phase === "held") {
    if (edit === undefined) return ok(undefined);
    if (member.kind === "plan")
      return reject(
        "answer_invalid",
        "the input of a plan is what its tasks gave; approve or reject it as it is",
      );
    if (typeof edit !== "object" || edit === null || Array.isArray(edit))
      return reject("answer_invalid", "a changed input is a JSON object: the parameters of its task");
    return nestsDeeper(edit, PARAMETERS_DEPTH_MAX)
      ? reject("answer_invalid", `parameters of a task nest ${PARAMETERS_DEPTH_MAX} levels at the most`)
      : ok(undefined);
  }
  const { schema } = settingsOf(graph, member);
  const checked = schema ? checkAnswer(schema, edit ?? null) : ok(undefined);
  if (checked.ok) return checked;
  const wrong = checked.error.map(({ path, detail }) => (path ? `${path}: ${detail}` : detail)).join("; ");
  return reject("answer_invalid", `${member.node} does not take this answer: ${wrong}`, {
    fields: checked.error,
  });
};

/** The first answer counts: one that does not is refused before it comes here, and changes nothing. */
export const approvalAnswered = (draft: Draft, event: ApprovalAnswered): void => {
  const decided = decideAnswer(draft.lifetime, draft.graph, event, draft.at);
  const member = draft.lifetime.members.get(event.n);
  if (!decided.ok || member === undefined) return;
  const { voter, comment } = event;
  conclude(draft, event.n, member, decided.value, {
    by: voter.name,
    ...(voter.via !== undefined && { via: voter.via }),
    ...(comment !== undefined && { comment }),
  });
};

/** Its time is up: it is passed on, or what was said for this case holds; else its node has timed out. */
export const approvalDue = (draft: Draft, n: number, member: Member, approval: Approval): void => {
  if (isLapsed(approval, draft.at)) {
    conclude(draft, n, member, lapse(approval, draft.at));
    return;
  }
  recordClosing(draft, n, approval, "timed_out");
  const detail = `no answer within ${draft.graph.node(member.node).timeoutMs} ms`;
  const closed = closedOf(member);
  settle(draft, n, closed, recordOutcome(draft, n, closed, "timed_out", detail));
};

const conclude = (
  draft: Draft,
  n: number,
  member: Member,
  outcome: Outcome,
  answerer: Answerer = {},
): void => {
  const { approval } = outcome;
  if (outcome.type === "open") {
    recordChange(draft, n, outcome, answerer);
    put(draft, n, { ...member, approval, due: dueOf(draft, member, approval) });
    return;
  }
  recordClosing(draft, n, approval, outcome.type, answerer);
  const closed = closedOf(member);
  if (outcome.type === "rejected")
    settle(draft, n, closed, recordOutcome(draft, n, closed, "rejected", saying("rejected", answerer)));
  else if (outcome.type === "aborted") {
    const { approval: _, ...unasked } = member;
    draft.lifetime.members.set(n, unasked);
    end(draft, "FAILED", {
      code: "approval_aborted",
      detail: `${member.node}: ${saying("aborted", answerer)}`,
    });
  } else if (member.held?.approval) approveInput(draft, n, closed, member.held.approval.policies, approval);
  else {
    const inTime = answerer.by !== undefined;
    const value = inTime ? approval.edit : settingsOf(draft.graph, member).expiry_answer;
    const result = resultOf(draft, n, closed, payloadOf((value ?? null) as JsonValue));
    concluded(draft, n, unreserved(closed), result);
  }
};

/** It is issued after all, unless something else is in its way: all that guards it is asked again. */
const approveInput = (
  draft: Draft,
  n: number,
  member: Member,
  policies: readonly string[],
  { edit }: Approval,
): void => {
  waitEnds(draft, member);
  // What guards it may end the lifetime, and then nobody is asked any more.
  hold(draft, n, member, { cause: "paused" });
  const approved = [...(member.approved ?? []), ...policies];
  const changed = edit === undefined ? undefined : { parameters: edit as JsonObject };
  attempt(draft, [[n, { ...member, approved, ...changed }]]);
};

/** As one that has waited, for whatever comes of it. */
const closedOf = ({ approval: _, held: __, ...member }: Member): Member => ({ ...member, phase: "waiting" });

const saying = (what: string, { by, comment }: Answerer): string => {
  if (by === undefined) return `${what}, because nobody answered in time`;
  return comment === undefined ? `${what} by ${by}` : `${what} by ${by}: ${comment}`;
};

/** One that was escalated has its time again, within what its node has. */
const dueOf = (draft: Draft, { phase, node, approval: before, due }: Member, after: Approval): number => {
  if (after.due === undefined || before?.due === undefined || after.due === before.due) return due;
  if (phase === "held") return after.due;
  const begun = before.due - (after.due - draft.at);
  return Math.min(after.due, begun + draft.graph.node(node).timeoutMs);
};
