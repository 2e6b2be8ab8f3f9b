/**
 * The tables of D1, folded from the logs of the tenants. Tenant first in every key. A row written is billed,
 * and so is each entry of an index, so an index is here only where a route needs it: an execution writes 4
 * rows (itself, its identity, which is also the timeline, its id, its place in the list of the tenant), a
 * lifetime 3 at its start and 1 at its end and at each pause between, a flush 1. Filters that have no index are read off that of the
 * order of their list, and a time bounds how much of it.
 */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { base64Decode, base64Encode } from "@bufbuild/protobuf/wire";
import { customType, index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { LifetimeStatus } from "../control-plane/status.ts";
import type { GraphStatus } from "../graph/graph.ts";
import type { Delegation, Vote } from "../guardrails/approval.ts";
import type { ExpiryAction } from "../guardrails/approval-terms.ts";
import type { Amounts } from "../guardrails/measure.ts";
import type { Policy, PolicyAction, PolicyEvent, PolicyMode } from "../guardrails/policy.ts";
import type { Kind } from "../topics/topics.ts";

/** An encoded message, as base64: as a BLOB it would come back as a list of numbers, and go in as twice its size. */
const message = customType<{ data: Uint8Array; driverData: string }>({
  dataType: () => "text",
  fromDriver: base64Decode,
  toDriver: base64Encode,
});

const texts = (name: string) => text(name, { mode: "json" }).$type<readonly string[]>();

export type TenantStatus = "ACTIVE" | "DELETING" | "DELETED";

/** A deleted tenant stays as a tombstone, so that nothing late of its generation brings it back. */
export const tenants = sqliteTable("tenants", {
  tenant: text().primaryKey(),
  status: text().$type<TenantStatus>().notNull(),
  generation: integer().notNull(),
  /** Milliseconds since the epoch; so is every other time but an execution's `created_at`. */
  createdAt: integer("created_at").notNull(),
});

/** How far the log of each object has been folded. What is here is of the tenant's present generation. */
export const projections = sqliteTable(
  "projections",
  {
    tenant: text().notNull(),
    partition: integer().notNull(),
    offset: integer().notNull(),
  },
  (table) => [primaryKey({ columns: [table.tenant, table.partition] })],
);

/** What there is; the documents are in the tenant object. */
export const graphVersions = sqliteTable(
  "graph_versions",
  {
    tenant: text().notNull(),
    graph: text().notNull(),
    version: integer().notNull(),
    /** Offset of its registration; 0 while only its status is known. */
    registered: integer().notNull(),
    hash: text().notNull(),
    createdAt: integer("created_at").notNull(),
    /** Offset of the record that its status is from. */
    moved: integer().notNull(),
    status: text().$type<GraphStatus>().notNull(),
  },
  (table) => [primaryKey({ columns: [table.tenant, table.graph, table.version] })],
);

export const lifetimes = sqliteTable(
  "lifetimes",
  {
    tenant: text().notNull(),
    lifetime: text().notNull(),
    /** Offset of its start; 0 while only its end is known. */
    started: integer().notNull(),
    graph: text().notNull(),
    graphVersion: integer("graph_version").notNull(),
    labels: text({ mode: "json" }).$type<Readonly<Record<string, string>>>().notNull(),
    startedAt: integer("started_at").notNull(),
    /** JSON, if it is not too large; `root` has it whole. */
    input: text({ mode: "json" }).$type<JsonValue>(),
    /** TaskExecution, encoded: the synthetic root that carries the input. */
    root: message().notNull(),
    /** Offset of the record that its status is from, an end or a retry; 0 before the first. */
    ended: integer().notNull(),
    /** Offset of the record that its status is from; 0 where that is its start. */
    moved: integer().notNull().default(0),
    status: text().$type<LifetimeStatus>().notNull(),
    /** Of its end, and of a status between. */
    reasonCode: text("reason_code"),
    reasonDetail: text("reason_detail"),
    endedAt: integer("ended_at"),
    steps: integer(),
    /** Offsets of the executions where its branches ended, in order. */
    outcomes: text({ mode: "json" }).$type<readonly number[]>(),
  },
  (table) => [
    primaryKey({ columns: [table.tenant, table.lifetime] }),
    index("lifetimes_by_time").on(table.tenant, table.startedAt, table.lifetime),
  ],
);

/** Null where a message says nothing. Texts are cut and large payloads left out; `message` has everything. */
const executionColumns = () => ({
  tenant: text().notNull(),
  partition: integer().notNull(),
  /** Position in the log of the tenant's partition. */
  offset: integer().notNull(),
  receivedAt: integer("received_at").notNull(),
  execId: text("exec_id").notNull(),
  lifetime: text().notNull(),
  graph: text().notNull(),
  graphVersion: integer("graph_version").notNull(),
  node: text().notNull(),
  inputId: text("input_id").notNull(),
  attempt: integer().notNull(),
  iterationIdx: integer("iteration_idx").notNull(),
  /** As its executor wrote it, maybe without an offset. */
  createdAt: text("created_at").notNull(),
  /** Without the prefix of the contract: SUCCEEDED. */
  status: text().notNull(),
  edgeTaken: text("edge_taken"),
  parentId: text("parent_id"),
  traceParent: text("trace_parent"),
  tokensIn: integer("tokens_in"),
  tokensOut: integer("tokens_out"),
  costUsdMicros: integer("cost_usd_micros"),
  latencyMs: integer("latency_ms"),
  model: text(),
  usageCustom: text("usage_custom", { mode: "json" }).$type<Readonly<Record<string, number>>>(),
  errorMessage: text("error_message"),
  warnings: texts("warnings"),
  message: message().notNull(),
  /** Of the deployment whose code ran it. */
  version: text("executor_version"),
  /** What budgets were charged of it where nobody said what it used, by measure. */
  estimated: text({ mode: "json" }).$type<Amounts>(),
});

export const planExecutions = sqliteTable(
  "plan_executions",
  {
    ...executionColumns(),
    planType: text("plan_type"),
    inputTaskId: text("input_task_id"),
    parentTaskExecIds: texts("parent_task_exec_ids"),
    parentTaskNames: texts("parent_task_names"),
    nextTaskNames: texts("next_task_names"),
  },
  (table) => [
    primaryKey({ columns: [table.tenant, table.lifetime, table.offset] }),
    index("plan_executions_by_id").on(table.tenant, table.execId),
    index("plan_executions_by_time").on(table.tenant, table.receivedAt, table.partition, table.offset),
  ],
);

export const taskExecutions = sqliteTable(
  "task_executions",
  {
    ...executionColumns(),
    taskType: text("task_type"),
    parentPlanExecId: text("parent_plan_exec_id"),
    parentPlanName: text("parent_plan_name"),
    /** JSON, where the result is that. */
    result: text({ mode: "json" }).$type<JsonValue>(),
  },
  (table) => [
    primaryKey({ columns: [table.tenant, table.lifetime, table.offset] }),
    index("task_executions_by_id").on(table.tenant, table.execId),
    index("task_executions_by_time").on(table.tenant, table.receivedAt, table.partition, table.offset),
  ],
);

export type ApprovalStatus = "OPEN" | "APPROVED" | "REJECTED" | "ABORTED" | "TIMED_OUT" | "WITHDRAWN";

/** What people were asked, and what came of it. */
export const approvals = sqliteTable(
  "approvals",
  {
    tenant: text().notNull(),
    partition: integer().notNull(),
    approval: text().notNull(),
    lifetime: text().notNull(),
    /** Offset of the record that opened it; 0 while only what followed is known. */
    opened: integer().notNull(),
    openedAt: integer("opened_at").notNull(),
    inputId: text("input_id").notNull(),
    node: text().notNull(),
    kind: text().$type<Kind>().notNull(),
    attempt: integer().notNull(),
    /** Those that asked for it; null where a task did. */
    policies: texts("policies"),
    title: text().notNull(),
    description: text(),
    /** The input as it was, where it is small JSON. */
    subject: text({ mode: "json" }).$type<JsonValue>(),
    schema: text({ mode: "json" }).$type<JsonObject>(),
    escalateTo: texts("escalate_to"),
    onExpiry: text("on_expiry").$type<ExpiryAction>().notNull(),
    /** Offset of the record that the rest is from. */
    moved: integer().notNull(),
    status: text().$type<ApprovalStatus>().notNull(),
    who: texts("who").notNull(),
    quorum: integer().notNull(),
    due: integer(),
    votes: text({ mode: "json" }).$type<readonly Vote[]>(),
    delegations: text({ mode: "json" }).$type<readonly Delegation[]>(),
    /** What was agreed to instead of what was asked, or the answer. */
    edit: text({ mode: "json" }).$type<JsonValue>(),
    /** Whose answer closed it; null where time did. */
    answeredBy: text("answered_by"),
    via: text(),
    comment: text(),
    closedAt: integer("closed_at"),
  },
  (table) => [
    primaryKey({ columns: [table.tenant, table.approval] }),
    index("approvals_by_time").on(table.tenant, table.openedAt, table.approval),
    index("approvals_by_status").on(table.tenant, table.status, table.openedAt, table.approval),
    index("approvals_by_lifetime").on(table.tenant, table.lifetime),
  ],
);

/** Evaluations of policies that did not simply allow. */
export const verdicts = sqliteTable(
  "verdicts",
  {
    tenant: text().notNull(),
    partition: integer().notNull(),
    offset: integer().notNull(),
    judgedAt: integer("judged_at").notNull(),
    lifetime: text().notNull(),
    graph: text().notNull(),
    node: text(),
    policy: text().notNull(),
    /** Of this policy, and of all that held. */
    version: integer().notNull(),
    policies: integer().notNull(),
    event: text().$type<PolicyEvent>().notNull(),
    action: text().$type<PolicyAction>().notNull(),
    mode: text().$type<PolicyMode>().notNull(),
    message: text().notNull(),
    /** Why it could not be evaluated, and what followed from that. */
    error: text(),
    onError: text("on_error").$type<Policy["onError"]>(),
    read: text({ mode: "json" }).$type<JsonObject>().notNull(),
    inputId: text("input_id"),
    attempt: integer(),
    execId: text("exec_id"),
  },
  (table) => [
    primaryKey({ columns: [table.tenant, table.lifetime, table.offset] }),
    index("verdicts_by_time").on(table.tenant, table.judgedAt, table.partition, table.offset),
  ],
);
