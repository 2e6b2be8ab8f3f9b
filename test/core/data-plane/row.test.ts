// Without this, a column could say something else than its message, and one odd record could stop a projection.
import { create } from "@bufbuild/protobuf";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rowsOf } from "../../../src/data-plane/row.ts";
import { OUTCOMES_MAX, PAYLOAD_COLUMN_BYTES_MAX, TEXT_COLUMN_CHARS_MAX } from "../../../src/limits.ts";
import { encodeExecution } from "../../../src/wire/codec.ts";
import { ExecutionStatus, TaskExecutionSchema } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { payloadOf } from "../../../src/wire/payload.ts";
import {
  approvalChanged,
  approvalClosed,
  approvalOpened,
  ended,
  logOf,
  plan,
  registered,
  started,
  task,
  type Unplaced,
} from "./records.ts";

const rows = (...records: Unplaced[]) => rowsOf(logOf(records));

describe("an execution", () => {
  test("becomes a row with everything that its message says", () => {
    const [row] = rows({
      ...task(
        {
          iterationIdx: 2,
          edgeTaken: "review",
          parentId: "parent",
          traceParent: "00-a-b-01",
          usage: {
            tokensIn: 3n,
            tokensOut: 4n,
            costUsdMicros: 5n,
            latencyMs: 6n,
            model: "m",
            custom: { pages: 1.5 },
          },
        },
        { taskType: "write" },
      ),
      version: "v7",
    } as Unplaced).taskExecutions;
    expect(row).toEqual({
      offset: 1,
      receivedAt: logOf([task()])[0]?.at,
      execId: "L1:1/1",
      lifetime: "L1",
      graph: "essay",
      graphVersion: 1,
      node: "draft",
      inputId: "L1:1",
      attempt: 1,
      iterationIdx: 2,
      createdAt: "2026-11-01T00:00:00Z",
      status: "SUCCEEDED",
      edgeTaken: "review",
      parentId: "parent",
      traceParent: "00-a-b-01",
      tokensIn: 3,
      tokensOut: 4,
      costUsdMicros: 5,
      latencyMs: 6,
      model: "m",
      usageCustom: { pages: 1.5 },
      errorMessage: null,
      warnings: null,
      message: expect.any(Uint8Array),
      version: "v7",
      estimated: null,
      taskType: "write",
      parentPlanExecId: "p",
      parentPlanName: "plan",
      result: { text: "ok" },
    });
  });

  test("of a plan has its parents and the tasks that it chose", () => {
    const [row] = rows({
      ...plan({}, { planType: "judge" }),
      warnings: ["unknown task"],
    } as Unplaced).planExecutions;
    expect(row).toMatchObject({
      node: "review",
      planType: "judge",
      parentTaskExecIds: ["a", "b"],
      parentTaskNames: ["draft", "draft"],
      nextTaskNames: ["draft"],
      warnings: ["unknown task"],
      tokensIn: null,
    });
  });

  test("without a header is a row still", () => {
    const message = encodeExecution(create(TaskExecutionSchema, {}));
    const [row] = rows({ type: "execution", kind: "task", message }).taskExecutions;
    expect(row).toMatchObject({
      execId: "",
      node: "",
      status: "UNSPECIFIED",
      result: null,
      errorMessage: null,
    });
  });

  const status = (value: number) =>
    rows(task({ status: value as ExecutionStatus })).taskExecutions[0]?.status;

  test.each([
    [ExecutionStatus.FAILED, "FAILED"],
    [ExecutionStatus.TIMED_OUT, "TIMED_OUT"],
    [99, "99"],
  ])("of status %i says %s", (value, name) => {
    expect(status(value)).toBe(name);
  });

  const inline = (value: ReturnType<typeof payloadOf>) =>
    rows(task({}, { result: { data: { case: "inlineData", value } } })).taskExecutions[0]?.result;

  test("keeps a result as JSON only where it is JSON, and not too large", () => {
    expect(inline(payloadOf(["a", 1, null]))).toEqual(["a", 1, null]);
    expect(inline(payloadOf("x".repeat(PAYLOAD_COLUMN_BYTES_MAX)))).toBeNull();
    expect(inline({ ...payloadOf(1), value: new Uint8Array([0xff]) })).toBeNull();
    const external = { data: { case: "externalData" as const, value: { uri: "r2://a" } } };
    expect(rows(task({}, { result: external })).taskExecutions[0]?.result).toBeNull();
  });

  test("has its texts cut where they are too long, never through a character", () => {
    const errorMessage = `${"x".repeat(TEXT_COLUMN_CHARS_MAX - 1)}😀`;
    const [row] = rows(task({}, { result: { errorMessage } })).taskExecutions;
    expect(row?.errorMessage).toHaveLength(TEXT_COLUMN_CHARS_MAX);
    expect(row?.errorMessage?.isWellFormed()).toBe(true);
  });
});

test("whatever an execution record holds becomes a row or is called unreadable", () => {
  fc.assert(
    fc.property(fc.constantFrom("plan" as const, "task" as const), fc.uint8Array(), (kind, message) => {
      const found = rows(task(), { type: "execution", kind, message }, plan());
      const count = found.planExecutions.length + found.taskExecutions.length + found.unreadable.length;
      expect(count).toBe(3);
      for (const each of found.unreadable) expect(each).toEqual({ offset: 2, detail: expect.any(String) });
    }),
  );
});

describe("a lifetime", () => {
  test("that starts and ends within the records is one row", () => {
    const found = rows(
      started("L1", "essay", { team: "a" }),
      ended("L1", {
        status: "FAILED",
        reason: { code: "node_failed", detail: "it did" },
        outcomes: [{ kind: "task", execId: "e", offset: 9 }],
      }),
    ).lifetimes;
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({
      lifetime: "L1",
      started: 1,
      graph: "essay",
      labels: { team: "a" },
      input: { text: "ok" },
      ended: 2,
      status: "FAILED",
      reasonCode: "node_failed",
      reasonDetail: "it did",
      steps: 2,
      outcomes: [9],
    });
  });

  test("runs until its end is known", () => {
    expect(rows(started()).lifetimes[0]).toMatchObject({
      status: "RUNNING",
      ended: 0,
      endedAt: null,
      steps: null,
    });
  });

  test("that was retried runs again, whatever its end had said", () => {
    const retried: Unplaced = { type: "lifetime_retried", lifetime: "L1", detail: "" };
    expect(rows(started(), ended("L1"), retried).lifetimes).toMatchObject([
      { status: "RUNNING", ended: 3, endedAt: null, reasonCode: null, steps: null, outcomes: null },
    ]);
    expect(rows(started(), ended("L1"), retried, ended("L1")).lifetimes).toMatchObject([{ ended: 4 }]);
  });

  test("keeps a bounded number of outcomes, and an input that does not decode only as bytes", () => {
    const outcomes = Array.from({ length: OUTCOMES_MAX + 1 }, (_, offset) => ({
      kind: "task" as const,
      execId: "",
      offset,
    }));
    expect(rows(ended("L1", { outcomes })).lifetimes[0]?.outcomes).toHaveLength(OUTCOMES_MAX);
    const root = new Uint8Array([0xff]);
    expect(rows({ ...started(), root } as Unplaced).lifetimes[0]).toMatchObject({ input: null, root });
  });
});

test("a graph version has the status of the latest record, whatever the order", () => {
  const move = (status: "ACTIVE" | "ARCHIVED"): Unplaced => ({
    type: "graph_status",
    graph: "essay",
    version: 1,
    status,
  });
  const log = logOf([registered(), move("ACTIVE"), move("ARCHIVED"), registered("essay", 2)]);
  const expected = [
    { graph: "essay", version: 1, registered: 1, moved: 3, status: "ARCHIVED" },
    { graph: "essay", version: 2, registered: 4, moved: 4, status: "NEW" },
  ];
  expect(rowsOf(log).graphVersions).toMatchObject(expected);
  expect(rowsOf(log.toReversed()).graphVersions).toMatchObject(expected.toReversed());
});

describe("an approval", () => {
  test("becomes one row: what was asked, and what was said of it last", () => {
    const { approvals } = rows(approvalOpened(), approvalChanged(), approvalClosed());
    expect(approvals).toMatchObject([
      {
        approval: "L1:2:9",
        opened: 1,
        moved: 3,
        inputId: "L1:2",
        kind: "task",
        policies: ["large"],
        subject: { amount: 5 },
        edit: { amount: 3 },
        status: "APPROVED",
        who: ["ada", "bob", "cleo"],
        votes: [{ by: "ada", comment: "fine" }],
        delegations: [{ from: "bob", to: "dora" }],
        due: null,
        answeredBy: "ada",
      },
    ]);
    expect(rows(approvalOpened(), approvalChanged()).approvals).toMatchObject([
      { status: "OPEN", answeredBy: null, closedAt: null, moved: 2 },
    ]);
    const [aborted] = rows(approvalClosed("a", { outcome: "aborted", by: undefined })).approvals;
    expect(aborted).toMatchObject({ opened: 0, status: "ABORTED", answeredBy: null });
  });
});
