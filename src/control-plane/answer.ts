/**
 * An attempt ends once (I1): by the execution that answers it, or by an outcome of our own. What follows —
 * a retry, the end of the lifetime, or the next nodes — is decided here for both.
 */
import type { Node } from "../graph/graph.ts";
import { ALLOW } from "../guardrails/answer.ts";
import { ATTEMPTS_MAX, RETRY_ASKED_MS_MAX } from "../limits.ts";
import type { ExecutionRecord } from "../topics/record.ts";
import { type Execution, isPlan } from "../wire/codec.ts";
import { errorCode, NEVER_RETRIED, retryAfterMs } from "../wire/error-message.ts";
import { ExecutionStatus } from "../wire/gen/escapement/v1/execution_pb.ts";
import { leastBytes } from "../wire/reference.ts";
import { afterPlan, chooseTasks } from "./after-plan.ts";
import { afterTask, chooseEdge } from "./after-task.ts";
import { overBound } from "./bounds.ts";
import type { StrayReason } from "./disposition.ts";
import { append, type Draft } from "./draft.ts";
import { end } from "./ending.ts";
import type { ExecutionArrived } from "./event.ts";
import { abortLifetime, askExecution } from "./guard.ts";
import { draw } from "./ids.ts";
import { put } from "./issue.ts";
import type { Answered, Member, Reason } from "./lifetime.ts";
import { rejected } from "./outcome.ts";
import { pause } from "./pause.ts";
import { charge, correctLate, unreserved } from "./reserve.ts";
import { release } from "./scopes.ts";
import { waitEnds } from "./standing.ts";
import { isWait } from "./wait.ts";
import { wasWithdrawn } from "./withdraw.ts";

const SUCCESSES: readonly ExecutionStatus[] = [ExecutionStatus.SUCCEEDED, ExecutionStatus.SKIPPED];
const RETRYABLE: readonly ExecutionStatus[] = [ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT];
const UNFINISHED: readonly ExecutionStatus[] = [
  ExecutionStatus.UNSPECIFIED,
  ExecutionStatus.PENDING,
  ExecutionStatus.RUNNING,
];

export const executionArrived = (draft: Draft, event: ExecutionArrived): void => {
  const found = draft.lifetime.members.get(event.n);
  const reason = strayReason(draft, event, found);
  if (reason !== undefined || found === undefined) {
    // Also a later attempt may have answered by now. Where the attempt was charged with its own answer, nothing changes.
    if (reason === "late" || reason === "duplicate") correctLate(draft, event);
    draft.effects.push({ type: "set_aside", reason: reason ?? "unknown" });
    return;
  }
  const estimated = found.reserved && charge(draft, event.n, found, event.execution);
  const { kind, execution, message, version, kafka } = event;
  concluded(draft, event.n, unreserved(found), {
    kind,
    execution,
    message,
    input: found.input,
    ...(version !== undefined && { version }),
    ...(kafka && { kafka }),
    ...(estimated && { estimated }),
  });
};

/** What somebody has made the outcome of an open attempt: an executor, or whoever a wait was for. */
export type Outcome = Pick<
  ExecutionRecord,
  "kind" | "message" | "input" | "version" | "kafka" | "estimated"
> & {
  readonly execution: Execution;
};

/** Records an outcome as far as guards let it stand, and lets follow what they allow. */
export const concluded = (draft: Draft, n: number, member: Member, outcome: Outcome): void => {
  const judged = draft.guard ? askExecution(draft, n, member, outcome.execution) : ALLOW;
  const { execution, message } = judged.action === "reject" ? rejected(outcome, judged) : outcome;
  const { warnings } = isPlan(execution)
    ? chooseTasks(draft, member.node, execution)
    : chooseEdge(draft, member.node, execution);
  draft.lifetime.head.steps++;
  const offset = append(draft, {
    type: "execution",
    ...outcome,
    message,
    execution,
    ...(warnings.length > 0 && { warnings }),
  });
  const recorded = { execution, offset, bytes: leastBytes(execution, message.byteLength) };
  if (judged.action === "abort") {
    waitEnds(draft, member);
    stopped(draft, n, { ...member, expired: false });
    abortLifetime(draft, judged);
    return;
  }
  if (judged.action === "pause") pause(draft, judged.detail);
  const task = judged.action === "route_to" ? judged.task : undefined;
  settle(draft, n, member, { ...recorded, ...(task !== undefined && { task }) });
};

/** Why this execution is not the one that counts, if so. */
const strayReason = (
  draft: Draft,
  { n, kind, execution }: ExecutionArrived,
  member: Member | undefined,
): StrayReason | undefined => {
  const { head } = draft.lifetime;
  const status = execution.header?.status ?? ExecutionStatus.UNSPECIFIED;
  const attempt = execution.header?.attempt ?? 0;
  if (n < 1 || n > head.issued) return "unknown";
  if (head.endedAt !== undefined) return "late";
  if (member === undefined) return wasWithdrawn(head, n) ? "late" : "duplicate";
  if (member.kind !== kind || member.node !== execution.header?.name || attempt > member.attempt)
    return "unknown";
  // No executor was asked, and the control plane's own word does not come this way.
  if (member.phase !== "issued" && isWait(draft.graph.node(member.node))) return "unknown";
  if (member.phase === "done") return "duplicate";
  if (member.phase === "held" && member.attempt === 1) return "unknown";
  if (attempt < member.attempt || member.phase === "backoff" || member.phase === "held")
    return member.expired ? "late" : "duplicate";
  return UNFINISHED.includes(status) ? "unfinished" : undefined;
};

export interface Recorded {
  readonly execution: Execution;
  readonly offset: number;
  /** What it takes in an input at the least. */
  readonly bytes: number;
  /** Its lease ended it, so its answer may still come. */
  readonly expired?: boolean;
  /** The one that a policy has chosen instead of those that a plan did. */
  readonly task?: string;
}

/** What follows from the recorded outcome of the open attempt of an input. */
export const settle = (draft: Draft, n: number, settled: Member, recorded: Recorded): void => {
  const { execution } = recorded;
  const member = unreserved(settled);
  waitEnds(draft, member);
  const status = execution.header?.status ?? ExecutionStatus.UNSPECIFIED;
  if (SUCCESSES.includes(status)) {
    close(draft, n, member, recorded, false);
    return;
  }
  const message = execution.result?.errorMessage ?? "";
  const node = draft.graph.node(member.node);
  const code = errorCode(message);
  if (
    RETRYABLE.includes(status) &&
    member.attempt < attemptsMax(member, node) &&
    !NEVER_RETRIED.includes(code) &&
    !node.retry.never.includes(code)
  ) {
    const over = overBound(draft, [], 0);
    if (over) fail(draft, n, member, recorded, over);
    else backOff(draft, n, member, recorded.expired === true, retryAfterMs(message));
    return;
  }
  if (node.onFailure !== "fail") {
    close(draft, n, member, recorded, node.onFailure === "ignore");
    return;
  }
  fail(draft, n, member, recorded, { code: "node_failed", detail: `${member.node}: ${message || "failed"}` });
};

/** Its outcome is recorded: as an open input it would get a second one. */
const fail = (draft: Draft, n: number, member: Member, { expired }: Recorded, reason: Reason): void => {
  stopped(draft, n, { ...member, expired: expired === true });
  end(draft, "FAILED", reason);
};

const stopped = (draft: Draft, n: number, member: Member): void =>
  draft.lifetime.members.set(n, { ...member, phase: "stopped" });

const attemptsMax = ({ before = 0 }: Member, { retry }: Node): number =>
  Math.min(before + retry.attempts, ATTEMPTS_MAX);

/** Exponential backoff with full jitter: a wait drawn between nothing and a bound that doubles; longer where asked for. */
const backOff = (draft: Draft, n: number, member: Member, expired: boolean, askedMs: number): void => {
  const { retry } = draft.graph.node(member.node);
  const bound = Math.min(
    retry.backoffMsMax,
    retry.backoffMs * 2 ** (member.attempt - (member.before ?? 0) - 1),
  );
  const wait = Math.floor(draw(draft.lifetime.head.seed, n, member.attempt) * bound);
  put(draft, n, {
    ...member,
    phase: "backoff",
    due: draft.at + Math.max(wait, Math.min(askedMs, RETRY_ASKED_MS_MAX)),
    expired,
  });
};

const close = (draft: Draft, n: number, member: Member, recorded: Recorded, ignored: boolean): void => {
  const { execution, offset, bytes } = recorded;
  const answer: Answered = {
    execId: execution.header?.execId ?? "",
    name: member.node,
    offset,
    bytes,
    ...(ignored && { ignored }),
  };
  draft.lifetime.head.outstanding--;
  if (isPlan(execution)) {
    draft.lifetime.members.delete(n);
    const chosen = (): readonly string[] => {
      if (ignored || execution.header?.status === ExecutionStatus.REJECTED) return [];
      return recorded.task === undefined ? chooseTasks(draft, member.node, execution).tasks : [recorded.task];
    };
    afterPlan(draft, member, answer, chosen());
    if (member.scopes && draft.lifetime.head.endedAt === undefined) release(draft, member.scopes);
    return;
  }
  const { edge } = chooseEdge(draft, member.node, execution);
  afterTask(draft, n, {
    ...member,
    phase: "done",
    answer: edge === undefined ? answer : { ...answer, edge },
  });
};
