/** Executions that the control plane records itself, for an attempt that its executor will not answer. */
import { create } from "@bufbuild/protobuf";
import type { Reject } from "../guardrails/answer.ts";
import type { ExecutionRecord } from "../topics/record.ts";
import type { Kind } from "../topics/topics.ts";
import { decodeExecution, type Execution, encodeExecution, isPlan } from "../wire/codec.ts";
import { errorMessage } from "../wire/error-message.ts";
import {
  ExecutionStatus,
  PlanExecutionSchema,
  PlanResultSchema,
  TaskExecutionSchema,
  TaskResultSchema,
} from "../wire/gen/escapement/v1/execution_pb.ts";
import { isoOf } from "../wire/timestamp.ts";
import { append, type Draft } from "./draft.ts";
import { headerOf } from "./header.ts";
import type { Member } from "./lifetime.ts";
import { charge } from "./reserve.ts";

const STATUS = {
  canceled: ExecutionStatus.CANCELED,
  timed_out: ExecutionStatus.TIMED_OUT,
  executor_unavailable: ExecutionStatus.FAILED,
  invalid_input: ExecutionStatus.FAILED,
  rejected: ExecutionStatus.REJECTED,
  policy_rejected: ExecutionStatus.REJECTED,
  budget_rejected: ExecutionStatus.REJECTED,
} as const;

export type OwnOutcome = keyof typeof STATUS;

/** Appends the outcome of an attempt and counts it as a step. */
export const recordOutcome = (
  draft: Draft,
  n: number,
  member: Member,
  outcome: OwnOutcome,
  detail: string,
): OwnRecord => {
  const input = outcome === "canceled" || member.phase !== "issued" ? undefined : member.input;
  const estimated = member.reserved && charge(draft, n, member);
  return record(draft, member.kind, outcomeOf(draft, n, member, outcome, detail), {
    ...(input !== undefined && { input }),
    ...(estimated && { estimated }),
  });
};

/** What its executor answered, as the outcome that a guard makes of it: its result and usage are kept. */
export const rejected = (
  { kind, message }: Pick<ExecutionRecord, "kind" | "message">,
  { by, detail }: Reject,
): { execution: Execution; message: Uint8Array } => {
  // Of the decoded one that is at hand, results that are handed on may have been left out.
  const decoded = decodeExecution(kind, message);
  if (!decoded.ok) throw new Error(`an execution that was admitted is ${decoded.error}`);
  const execution = decoded.value;
  if (execution.header) execution.header.status = ExecutionStatus.REJECTED;
  const text = errorMessage(`${by}_rejected`, detail);
  if (isPlan(execution)) execution.result ??= create(PlanResultSchema);
  else execution.result ??= create(TaskResultSchema);
  execution.result.errorMessage = text;
  return { execution, message: encodeExecution(execution) };
};

/** The result of a task that the control plane ends itself; it is charged, and not recorded yet. */
export const resultOf = (
  draft: Draft,
  n: number,
  member: Member,
  payload: { readonly typeUrl: string; readonly value: Uint8Array },
): { kind: "task"; execution: Execution; message: Uint8Array } => {
  const header = headerOf(draft.lifetime.head, n, member);
  header.status = ExecutionStatus.SUCCEEDED;
  header.createdAt = isoOf(draft.at);
  const [parent] = member.parents;
  const execution = create(TaskExecutionSchema, {
    header,
    parentPlanExecId: parent?.execId ?? "",
    parentPlanName: parent?.name ?? "",
    taskType: draft.graph.node(member.node).kind,
    result: { id: header.execId, data: { case: "inlineData", value: payload } },
  });
  if (member.reserved) charge(draft, n, member, execution);
  return { kind: "task", execution, message: encodeExecution(execution) };
};

interface OwnRecord {
  readonly execution: Execution;
  readonly offset: number;
  readonly bytes: number;
}

type More = Pick<ExecutionRecord, "input" | "estimated">;

const record = (draft: Draft, kind: Kind, execution: Execution, more: More): OwnRecord => {
  const message = encodeExecution(execution);
  draft.lifetime.head.steps++;
  const offset = append(draft, {
    type: "execution",
    kind,
    message,
    execution,
    ...more,
    own: true,
  });
  return { execution, offset, bytes: message.byteLength };
};

const outcomeOf = (
  draft: Draft,
  n: number,
  member: Member,
  outcome: OwnOutcome,
  detail: string,
): Execution => {
  const header = headerOf(draft.lifetime.head, n, member);
  header.status = STATUS[outcome];
  header.createdAt = isoOf(draft.at);
  const text = errorMessage(outcome, detail);
  const [parent] = member.parents;
  return member.kind === "plan"
    ? create(PlanExecutionSchema, {
        header,
        parentTaskExecIds: member.parents.map((each) => each.execId),
        parentTaskNames: member.parents.map((each) => each.name),
        result: { errorMessage: text },
      })
    : create(TaskExecutionSchema, {
        header,
        parentPlanExecId: parent?.execId ?? "",
        parentPlanName: parent?.name ?? "",
        result: { id: header.execId, errorMessage: text },
      });
};
