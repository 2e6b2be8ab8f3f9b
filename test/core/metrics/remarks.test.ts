// Without these the log is silent about what failed, or has a line for everything.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { Cells } from "../../../src/control-plane/cells.ts";
import type { Lifetime, Member } from "../../../src/control-plane/lifetime.ts";
import type { Writes } from "../../../src/control-plane/store.ts";
import { remarksOn } from "../../../src/metrics/remarks.ts";
import type { LogRecord } from "../../../src/topics/record.ts";
import {
  type ExecutionHeaderSchema,
  ExecutionStatus,
  TaskExecutionSchema,
} from "../../../src/wire/gen/escapement/v1/execution_pb.ts";

const execution = (header: MessageInitShape<typeof ExecutionHeaderSchema>): LogRecord => ({
  type: "execution",
  kind: "task",
  offset: 1,
  at: 1,
  message: new Uint8Array(),
  execution: create(TaskExecutionSchema, {
    header: { name: "work", execId: "e", lifetimeId: "l", inputId: "l:1", attempt: 1, ...header },
    result: { errorMessage: "error: it broke" },
  }),
});

const ended = (status: "SUCCEEDED" | "FAILED" | "CANCELED"): LogRecord => ({
  type: "lifetime_ended",
  offset: 2,
  at: 1,
  lifetime: "l",
  status,
  reason: { code: "node_failed", detail: "work: it broke" },
  steps: 3,
  outcomes: [],
});

const lifetime = (member: Partial<Member>): Lifetime =>
  ({ head: { id: "l" }, members: Cells.of([[1, member as Member]]) }) as unknown as Lifetime;

const threshold: LogRecord = {
  type: "budget_threshold",
  offset: 3,
  at: 1,
  budget: "money",
  measure: "tokens",
  percent: 50,
  spent: 60,
  limit: 100,
};

const NOTHING: Writes = { records: [], lifetimes: [], idempotency: [], strays: [], deadLetters: [] };
const { FAILED, SUCCEEDED, TIMED_OUT } = ExecutionStatus;

describe("what is said of", () => {
  const letter = { at: 1, detail: "why", topic: "task-executions", message: new Uint8Array() };
  const cases: [of: string, writes: Partial<Writes>, events: readonly string[]][] = [
    ["a step that went well", { records: [execution({ status: SUCCEEDED, attempt: 2 })] }, []],
    ["a first attempt that failed", { records: [execution({ status: FAILED })] }, []],
    ["an attempt out of time", { records: [execution({ status: TIMED_OUT })] }, ["attempt_timed_out"]],
    ["a last attempt", { records: [execution({ status: FAILED, attempt: 2 })] }, ["retries_ended"]],
    [
      "a last attempt whose failure is routed",
      {
        records: [execution({ status: FAILED, attempt: 2 })],
        lifetimes: [lifetime({ phase: "done", attempt: 2 })],
      },
      ["retries_ended"],
    ],
    [
      "an attempt that another follows",
      {
        records: [execution({ status: FAILED, attempt: 2 })],
        lifetimes: [lifetime({ phase: "backoff", attempt: 2 })],
      },
      [],
    ],
    ["a lifetime that failed", { records: [ended("FAILED")] }, ["lifetime_failed"]],
    ["a lifetime that ended otherwise", { records: [ended("SUCCEEDED"), ended("CANCELED")] }, []],
    ["a budget that is half spent", { records: [threshold] }, ["budget_threshold"]],
    ["a dead letter", { deadLetters: [{ ...letter, reason: "undecodable" }] }, ["dead_letter"]],
  ];
  test.each(cases)("%s", (_, writes, events) => {
    expect(remarksOn({ ...NOTHING, ...writes }).map(({ event }) => event)).toEqual(events);
  });

  test("a failure says of which attempt it was", () => {
    const [said] = remarksOn({ ...NOTHING, records: [execution({ status: TIMED_OUT, attempt: 1 })] });
    expect(said?.fields).toEqual({
      lifetime: "l",
      kind: "task",
      node: "work",
      input_id: "l:1",
      exec_id: "e",
      attempt: 1,
      detail: "error: it broke",
    });
  });
});
