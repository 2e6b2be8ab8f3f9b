/**
 * Records of a log → rows of D1. Total: what does not decode becomes an entry of `unreadable`, because a
 * throw would wedge the projection for ever. Rows come without tenant and partition, which the flush knows.
 */
import type { JsonValue } from "@bufbuild/protobuf";
import type { LifetimeStatus } from "../control-plane/status.ts";
import { OUTCOMES_MAX, PAYLOAD_COLUMN_BYTES_MAX, TEXT_COLUMN_CHARS_MAX } from "../limits.ts";
import { ok } from "../result.ts";
import type {
  ExecutionRecord,
  GraphRegisteredRecord,
  GraphStatusRecord,
  LifetimeEndedRecord,
  LifetimeRetriedRecord,
  LifetimeStartedRecord,
  LifetimeStatusRecord,
  LogRecord,
} from "../topics/record.ts";
import { decodeExecution, type Execution, isPlan } from "../wire/codec.ts";
import {
  ExecutionStatus,
  type PlanExecution,
  type TaskExecution,
  type TaskResult,
  type Usage,
} from "../wire/gen/escapement/v1/execution_pb.ts";
import { readPayload } from "../wire/payload.ts";
import { type ApprovalRow, movedApproval } from "./approval-row.ts";
import type { graphVersions, lifetimes, planExecutions, taskExecutions } from "./schema.ts";

import { type VerdictRow, verdictRow } from "./verdict-row.ts";

type Complete<Row> = Omit<Row, "tenant" | "partition">;
export type PlanExecutionRow = Complete<typeof planExecutions.$inferSelect>;
export type TaskExecutionRow = Complete<typeof taskExecutions.$inferSelect>;
export type LifetimeRow = Complete<typeof lifetimes.$inferSelect>;
export type GraphVersionRow = Complete<typeof graphVersions.$inferSelect>;

export interface Rows {
  readonly planExecutions: readonly PlanExecutionRow[];
  readonly taskExecutions: readonly TaskExecutionRow[];
  /** One for each lifetime and graph version that the records speak of, with all that they say. */
  readonly lifetimes: readonly LifetimeRow[];
  readonly graphVersions: readonly GraphVersionRow[];
  /** Likewise one for each approval. */
  readonly approvals: readonly ApprovalRow[];
  readonly verdicts: readonly VerdictRow[];
  readonly unreadable: readonly { readonly offset: number; readonly detail: string }[];
}

export const rowsOf = (records: readonly LogRecord[]): Rows => {
  const plans: PlanExecutionRow[] = [];
  const tasks: TaskExecutionRow[] = [];
  const byLifetime = new Map<string, LifetimeRow>();
  const byVersion = new Map<string, GraphVersionRow>();
  const byApproval = new Map<string, ApprovalRow>();
  const verdicts: VerdictRow[] = [];
  const unreadable: { offset: number; detail: string }[] = [];
  for (const record of records)
    switch (record.type) {
      case "execution": {
        const decoded = record.execution
          ? ok(record.execution)
          : decodeExecution(record.kind, record.message);
        if (!decoded.ok) unreadable.push({ offset: record.offset, detail: decoded.error });
        else if (isPlan(decoded.value)) plans.push(planRow(record, decoded.value));
        else tasks.push(taskRow(record, decoded.value));
        break;
      }
      case "lifetime_started":
      case "lifetime_status":
      case "lifetime_ended":
      case "lifetime_retried":
        byLifetime.set(record.lifetime, {
          ...(byLifetime.get(record.lifetime) ?? blankLifetime(record.lifetime)),
          ...saidOf(record),
        });
        break;
      case "approval_opened":
      case "approval_changed":
      case "approval_closed":
        byApproval.set(record.approval, movedApproval(byApproval.get(record.approval), record));
        break;
      case "verdict":
        verdicts.push(verdictRow(record));
        break;
      case "graph_registered":
      case "graph_status": {
        const key = `${record.graph}/${record.version}`;
        byVersion.set(key, movedVersion(byVersion.get(key) ?? blankVersion(record), record));
        break;
      }
    }
  return {
    planExecutions: plans,
    taskExecutions: tasks,
    lifetimes: [...byLifetime.values()],
    graphVersions: [...byVersion.values()],
    approvals: [...byApproval.values()],
    verdicts,
    unreadable,
  };
};

/** Half of a pair of surrogates is no text that SQLite could keep. */
const text = (value: string): string =>
  value.length <= TEXT_COLUMN_CHARS_MAX ? value : value.slice(0, TEXT_COLUMN_CHARS_MAX).toWellFormed();

const textOrNull = (value: string | undefined): string | null => (value ? text(value) : null);

const STATUS_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(ExecutionStatus).map(([name, number]) => [number, name]),
);

const executionRow = (
  { offset, at, message, warnings, version, estimated }: ExecutionRecord,
  { header, result }: Execution,
) => ({
  offset,
  receivedAt: at,
  execId: text(header?.execId ?? ""),
  lifetime: text(header?.lifetimeId ?? ""),
  graph: text(header?.graphId ?? ""),
  graphVersion: header?.graphVersion ?? 0,
  node: text(header?.name ?? ""),
  inputId: text(header?.inputId ?? ""),
  attempt: header?.attempt ?? 0,
  iterationIdx: header?.iterationIdx ?? 0,
  createdAt: text(header?.createdAt ?? ""),
  // A later contract may have statuses that this code does not know.
  status: STATUS_NAMES.get(header?.status ?? 0) ?? String(header?.status),
  edgeTaken: textOrNull(header?.edgeTaken),
  parentId: textOrNull(header?.parentId),
  traceParent: textOrNull(header?.traceParent),
  ...usageRow(header?.usage),
  errorMessage: textOrNull(result?.errorMessage),
  warnings: warnings ?? null,
  message,
  version: textOrNull(version),
  estimated: estimated ?? null,
});

const usageRow = (usage: Usage | undefined) => ({
  tokensIn: usage ? Number(usage.tokensIn) : null,
  tokensOut: usage ? Number(usage.tokensOut) : null,
  costUsdMicros: usage ? Number(usage.costUsdMicros) : null,
  latencyMs: usage ? Number(usage.latencyMs) : null,
  model: textOrNull(usage?.model),
  usageCustom: usage && Object.keys(usage.custom).length > 0 ? usage.custom : null,
});

export const planRow = (record: ExecutionRecord, plan: PlanExecution): PlanExecutionRow => ({
  ...executionRow(record, plan),
  planType: textOrNull(plan.planType),
  inputTaskId: textOrNull(plan.inputTaskId),
  parentTaskExecIds: plan.parentTaskExecIds,
  parentTaskNames: plan.parentTaskNames,
  nextTaskNames: plan.result?.nextTaskNames ?? [],
});

export const taskRow = (record: ExecutionRecord, task: TaskExecution): TaskExecutionRow => ({
  ...executionRow(record, task),
  taskType: textOrNull(task.taskType),
  parentPlanExecId: textOrNull(task.parentPlanExecId),
  parentPlanName: textOrNull(task.parentPlanName),
  result: payloadJson(task.result),
});

const payloadJson = (result: TaskResult | undefined): JsonValue => {
  if (result?.data.case !== "inlineData") return null;
  if (result.data.value.value.byteLength > PAYLOAD_COLUMN_BYTES_MAX) return null;
  const payload = readPayload(result.data.value);
  return "json" in payload ? payload.json : null;
};

const blankLifetime = (lifetime: string): LifetimeRow => ({
  lifetime,
  started: 0,
  graph: "",
  graphVersion: 0,
  labels: {},
  startedAt: 0,
  input: null,
  root: new Uint8Array(),
  ended: 0,
  moved: 0,
  status: "RUNNING",
  reasonCode: null,
  reasonDetail: null,
  endedAt: null,
  steps: null,
  outcomes: null,
});

const startOf = ({ offset, at, graph, version, labels, root }: LifetimeStartedRecord) => {
  const decoded = decodeExecution("task", root);
  const input = decoded.ok && !isPlan(decoded.value) ? payloadJson(decoded.value.result) : null;
  return { started: offset, graph, graphVersion: version, labels, startedAt: at, input, root };
};

/** Records come in their order, so what is said last is what holds. */
const moveOf = (offset: number, status: LifetimeStatus, reason?: LifetimeEndedRecord["reason"]) => ({
  moved: offset,
  status,
  reasonCode: reason?.code ?? null,
  reasonDetail: textOrNull(reason?.detail),
});

const endOf = ({ offset, at, steps, outcomes }: LifetimeEndedRecord) => ({
  ended: offset,
  endedAt: at,
  steps,
  outcomes: outcomes.slice(0, OUTCOMES_MAX).map((each) => each.offset),
});

/** As before its end; that it is over has the offset of its retry. */
const retryOf = ({ offset }: LifetimeRetriedRecord) => ({
  ended: offset,
  endedAt: null,
  steps: null,
  outcomes: null,
});

type LifetimeRecord =
  | LifetimeStartedRecord
  | LifetimeStatusRecord
  | LifetimeEndedRecord
  | LifetimeRetriedRecord;

const saidOf = (record: LifetimeRecord): Partial<LifetimeRow> => {
  switch (record.type) {
    case "lifetime_started":
      return startOf(record);
    case "lifetime_status":
      return moveOf(record.offset, record.status, record.reason);
    case "lifetime_ended":
      return { ...moveOf(record.offset, record.status, record.reason), ...endOf(record) };
    case "lifetime_retried":
      return { ...moveOf(record.offset, "RUNNING"), ...retryOf(record) };
  }
};

type GraphRecord = GraphRegisteredRecord | GraphStatusRecord;

const blankVersion = ({ graph, version }: GraphRecord): GraphVersionRow => ({
  graph,
  version,
  registered: 0,
  hash: "",
  createdAt: 0,
  moved: 0,
  status: "NEW",
});

const movedVersion = (row: GraphVersionRow, record: GraphRecord): GraphVersionRow => ({
  ...row,
  ...(record.type === "graph_registered" && {
    registered: record.offset,
    hash: record.hash,
    createdAt: record.at,
  }),
  ...(record.offset > row.moved && { moved: record.offset, status: record.status }),
});
