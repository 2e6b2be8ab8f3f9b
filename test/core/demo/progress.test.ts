// Without this, the picture that the demo draws could show steps that did not happen, or lose some that did.
import fc from "fast-check";
import { expect, test } from "vitest";
import { progressOf, type StageRecord } from "../../../examples/demo/progress.ts";

const plan: StageRecord = {
  stage: "inputs",
  kind: "plan",
  node: "editor",
  inputId: "1",
  attempt: 1,
  iteration: 0,
  at: 1_000,
};
const task: StageRecord = {
  ...plan,
  kind: "task",
  node: "draft",
  inputId: "2",
  at: 1_010,
  launchedBy: "1",
};
const ended = (input: StageRecord, at: number, status = "SUCCEEDED"): StageRecord => ({
  ...input,
  stage: "executions",
  at,
  status,
});

test("a step without an execution is running, for as long as it has", () => {
  expect(progressOf([plan], 1_030)).toMatchObject([{ node: "editor", status: "RUNNING", elapsedMs: 30 }]);
});

test("an execution ends its step and its time", () => {
  const steps = progressOf([plan, ended(plan, 1_004)], 9_000);
  expect(steps).toMatchObject([{ status: "SUCCEEDED", elapsedMs: 4, tasks: [] }]);
});

test("a running step shows how far its last attempt has come", () => {
  const said = (attempt: number, progress: unknown) =>
    ({ stage: "progress", inputId: "1", attempt, progress }) as const;
  const records = [plan, said(1, "half"), said(1, "most")];
  expect(progressOf(records, 1_030)).toMatchObject([{ progress: "most" }]);
  expect(progressOf([...records, { ...plan, attempt: 2 }], 1_030)).toMatchObject([{ attempt: 2 }]);
  for (const over of [{ ...plan, attempt: 2 }, ended(plan, 1_040)])
    expect(progressOf([...records, over], 1_050)[0]).not.toHaveProperty("progress");
});

test("a task lies below the plan that launched it", () => {
  const steps = progressOf([plan, ended(plan, 1_004), task], 1_050);
  expect(steps).toMatchObject([{ node: "editor", tasks: [{ node: "draft", elapsedMs: 40 }] }]);
});

test("a step shows its last attempt", () => {
  const again = { ...task, attempt: 2, at: 1_200 };
  const records = [plan, ended(plan, 1_004), task, ended(task, 1_020, "FAILED"), again];
  expect(progressOf(records, 1_250)[0]?.tasks).toMatchObject([
    { attempt: 2, status: "RUNNING", elapsedMs: 50 },
  ]);
  expect(progressOf([...records, ended(again, 1_230)], 1_250)[0]?.tasks).toMatchObject([
    { attempt: 2, status: "SUCCEEDED", elapsedMs: 30 },
  ]);
});

test("each pass through a node is a step of its own", () => {
  const second = { ...plan, inputId: "3", iteration: 1, at: 2_000 };
  expect(progressOf([second, plan], 2_000).map((step) => step.iteration)).toEqual([0, 1]);
});

test("the order in which records are read makes no difference", () => {
  const second = { ...plan, inputId: "3", iteration: 1, at: 2_000 };
  const records = [plan, ended(plan, 1_004), task, ended(task, 1_020), second, ended(second, 2_001)];
  fc.assert(
    fc.property(fc.shuffledSubarray(records, { minLength: records.length }), (shuffled) => {
      expect(progressOf(shuffled, 3_000)).toEqual(progressOf(records, 3_000));
    }),
  );
});
