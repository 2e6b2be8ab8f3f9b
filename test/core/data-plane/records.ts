// Logs for the tests of the data plane: one record of each type with every option defaulted, and random logs.
import { create, type DescMessage, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import * as fc from "fast-check";
import type { ExecutionRecord, LifetimeEndedRecord, LogRecord } from "../../../src/topics/record.ts";
import { encodeExecution } from "../../../src/wire/codec.ts";
import {
  type ExecutionHeaderSchema,
  ExecutionStatus,
  PlanExecutionSchema,
  TaskExecutionSchema,
} from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { payloadOf } from "../../../src/wire/payload.ts";

/** A record without its place in the log. */
export type Unplaced = LogRecord extends infer Each
  ? Each extends LogRecord
    ? Omit<Each, "offset" | "at">
    : never
  : never;

type Init<Desc extends DescMessage> = Exclude<MessageInitShape<Desc>, MessageShape<Desc>>;

/** A moment, then a millisecond for every second record, so that some share one. */
const AT = Date.UTC(2026, 10, 1);

export const logOf = (records: readonly Unplaced[]): LogRecord[] =>
  records.map((record, i) => ({ ...record, offset: i + 1, at: AT + Math.floor(i / 2) }) as LogRecord);

export const header = (over: Init<typeof ExecutionHeaderSchema> = {}): Init<typeof ExecutionHeaderSchema> => {
  const { lifetimeId = "L1", inputId = `${lifetimeId}:1`, attempt = 1 } = over;
  return {
    name: "draft",
    execId: `${inputId}/${attempt}`,
    graphId: "essay",
    graphVersion: 1,
    lifetimeId,
    tenantId: "acme",
    attempt,
    createdAt: "2026-11-01T00:00:00Z",
    status: ExecutionStatus.SUCCEEDED,
    inputId,
    ...over,
  };
};

export const task = (
  head: Parameters<typeof header>[0] = {},
  over: Init<typeof TaskExecutionSchema> = {},
): Omit<ExecutionRecord, "offset" | "at"> => ({
  type: "execution",
  kind: "task",
  message: encodeExecution(
    create(TaskExecutionSchema, {
      header: header(head),
      parentPlanExecId: "p",
      parentPlanName: "plan",
      result: { data: { case: "inlineData", value: payloadOf({ text: "ok" }) } },
      ...over,
    }),
  ),
});

export const plan = (
  head: Parameters<typeof header>[0] = {},
  over: Init<typeof PlanExecutionSchema> = {},
): Omit<ExecutionRecord, "offset" | "at"> => ({
  type: "execution",
  kind: "plan",
  message: encodeExecution(
    create(PlanExecutionSchema, {
      header: header({ name: "review", ...head }),
      parentTaskExecIds: ["a", "b"],
      parentTaskNames: ["draft", "draft"],
      result: { nextTaskNames: ["draft"] },
      ...over,
    }),
  ),
});

export const started = (lifetime = "L1", graph = "essay", labels: Record<string, string> = {}): Unplaced => ({
  type: "lifetime_started",
  lifetime,
  graph,
  version: 1,
  labels,
  root: task({ name: "$input", lifetimeId: lifetime, inputId: `${lifetime}:0` }).message,
});

export const ended = (lifetime = "L1", over: Partial<LifetimeEndedRecord> = {}): Unplaced => ({
  type: "lifetime_ended",
  lifetime,
  status: "SUCCEEDED",
  steps: 2,
  outcomes: [],
  ...over,
});

export const registered = (graph = "essay", version = 1): Unplaced => ({
  type: "graph_registered",
  graph,
  version,
  hash: "f".repeat(64),
  status: "NEW",
  document: { name: graph },
});

const text = () => fc.string({ unit: "binary" });
const some = (...names: string[]) => fc.constantFrom(...names);

const heads = fc.record(
  {
    name: some("draft", "review", "send"),
    lifetimeId: some("L1", "L2", "L3"),
    execId: some("e1", "e2", "e3", "e4"),
    inputId: fc.nat(9).map((n) => `L1:${n}`),
    attempt: fc.integer({ min: 1, max: 3 }),
    iterationIdx: fc.nat(5),
    createdAt: text(),
    status: fc.nat(9) as fc.Arbitrary<ExecutionStatus>,
    edgeTaken: text(),
    parentId: text(),
    traceParent: text(),
    usage: fc.record(
      {
        tokensIn: fc.bigInt(0n, 2n ** 53n),
        latencyMs: fc.bigInt(0n, 10n ** 6n),
        model: text(),
        custom: fc.dictionary(
          text(),
          fc.double({ noNaN: true, noDefaultInfinity: true, max: 1e6, min: -1e6 }),
        ),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);

const executions = fc.oneof(
  fc
    .record({ head: heads, json: fc.jsonValue({ maxDepth: 4 }), errorMessage: text() })
    .map(({ head, json, errorMessage }) =>
      task(head as never, {
        result: { data: { case: "inlineData", value: payloadOf(json as never) }, errorMessage },
      }),
    ),
  fc
    .record({
      head: heads,
      next: fc.array(text(), { maxLength: 4 }),
      ids: fc.array(text(), { maxLength: 4 }),
    })
    .map(({ head, next, ids }) =>
      plan(head as never, { parentTaskExecIds: ids, result: { nextTaskNames: next } }),
    ),
);

export const approvalOpened = (approval = "L1:2:9"): Unplaced => ({
  type: "approval_opened",
  lifetime: "L1",
  approval,
  input: "L1:2",
  node: "draft",
  nodeType: "task",
  attempt: 1,
  policies: ["large"],
  title: "large: look first",
  subject: { amount: 5 },
  who: ["ada", "bob"],
  quorum: 2,
  due: AT + 1_000,
  escalateTo: ["cleo"],
  onExpiry: "abort",
});

const standing = {
  lifetime: "L1",
  who: ["ada", "bob", "cleo"],
  quorum: 2,
  votes: [{ by: "ada", at: AT, comment: "fine" }],
  delegations: [{ from: "bob", to: "dora" }],
  edit: { amount: 3 },
  by: "ada",
};

export const approvalChanged = (approval = "L1:2:9"): Unplaced => ({
  ...standing,
  type: "approval_changed",
  approval,
  act: "voted",
});

export const approvalClosed = (approval = "L1:2:9", more: object = {}): Unplaced => ({
  ...standing,
  type: "approval_closed",
  approval,
  outcome: "approved",
  ...more,
});

/** What the control plane never writes is left out: a lifetime that starts or ends twice, a version registered twice. */
export const logs: fc.Arbitrary<LogRecord[]> = fc
  .record({
    executions: fc.array(executions, { maxLength: 30 }),
    ended: fc.subarray(["L1", "L2", "L3"]),
    moves: fc.array(
      fc.tuple(some("essay", "poem"), fc.constantFrom("ACTIVE" as const, "ARCHIVED" as const)),
      { maxLength: 4 },
    ),
    asked: fc.array(fc.constantFrom<"changed" | "closed">("changed", "closed"), { maxLength: 3 }),
    order: fc.infiniteStream(fc.nat()),
  })
  .map(({ executions, ended: over, moves, asked, order }) => {
    const records: Unplaced[] = [
      ...executions,
      ...over.map((lifetime) =>
        ended(lifetime, { reason: { code: "canceled", detail: "no" }, status: "CANCELED" }),
      ),
      ...asked.map((what, i) => (what === "changed" ? approvalChanged : approvalClosed)(`L1:${i}:9`)),
      ...moves.map(([graph, status]): Unplaced => ({ type: "graph_status", graph, version: 1, status })),
    ];
    const mixed = records
      .map((record) => ({ record, rank: order.next().value as number }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ record }) => record);
    const first = ["L1", "L2", "L3"].map((lifetime) => started(lifetime, "essay", { a: lifetime }));
    const opened = asked.map((_, i) => approvalOpened(`L1:${i}:9`));
    return logOf([registered(), registered("poem"), ...first, ...opened, ...mixed]);
  });
