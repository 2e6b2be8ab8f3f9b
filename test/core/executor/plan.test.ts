// Without this a plan could decide on the wrong results, or its decision could be lost on the way to the wire.
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { definePlan, type PlanContext } from "../../../src/executor/node.ts";
import { PARAMETERS_DEPTH_MAX } from "../../../src/limits.ts";
import { decodeExecution, encodeExecution } from "../../../src/wire/codec.ts";
import { ExecutionStatus } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { readResult } from "../../../src/wire/payload.ts";
import { planInput, runPlan, type Upstream } from "./inputs.ts";

const plan = (run: (input: unknown, ctx: PlanContext<unknown>) => unknown) =>
  definePlan("plan", { input: z.unknown(), run: run as () => string[] });

const seen = async (upstream: Upstream, see: (input: unknown, ctx: PlanContext<unknown>) => unknown) => {
  let value: unknown;
  await runPlan(
    plan((input, ctx) => {
      value = see(input, ctx);
      return [];
    }),
    planInput(upstream),
    { next: [{ name: "a" }, { name: "b", when: "true" }] },
  );
  return value;
};

describe("what a plan is given", () => {
  it.each<[string, Upstream, unknown]>([
    ["the single result that led to it", [{ value: { n: 1 } }], { n: 1 }],
    ["the list of several", [{ value: 1 }, { value: "two" }], [1, "two"]],
    ["still a list when all but one failed", [{ error: "error: no" }, { value: 2 }], [2]],
    ["null when the only task failed", [{ error: "error: no" }], null],
    ["null when nothing led to it", [], null],
  ])("is %s", async (_, upstream, expected) => {
    expect(await seen(upstream, (input) => input)).toEqual(expected);
  });

  it("comes with the executions that led to it, and the tasks that may follow", async () => {
    expect(
      await seen([{ value: 1 }, { error: "late: no" }], (_, { upstream, next }) => ({ upstream, next })),
    ).toEqual({
      upstream: [
        { node: "before_0", execId: "exec-0", status: "SUCCEEDED", value: 1 },
        { node: "before_1", execId: "exec-1", status: "FAILED", error: "late: no" },
      ],
      next: [{ name: "a" }, { name: "b", when: "true" }],
    });
  });
});

describe("what a plan answers", () => {
  it("names tasks in its order, hands results on, and says who its parents are", async () => {
    const execution = await runPlan(
      plan(() => ["b", "a"]),
      planInput([{ value: 1 }, { value: 2 }]),
    );
    expect(execution).toMatchObject({
      header: { status: ExecutionStatus.SUCCEEDED, execId: "exec-of-node", inputId: "input" },
      parentTaskExecIds: ["exec-0", "exec-1"],
      parentTaskNames: ["before_0", "before_1"],
      planType: "plan",
      result: { nextTaskNames: ["b", "a"], nextTaskParameters: {} },
    });
    expect(execution.result?.upstreamTasksResults.map(readResult)).toEqual([1, 2]);
  });

  it("gives tasks parameters", async () => {
    const execution = await runPlan(
      plan(async () => ({ next: ["a", "b"], parameters: { a: { n: 1 } } })),
      planInput(),
    );
    expect(execution.result).toMatchObject({
      nextTaskNames: ["a", "b"],
      nextTaskParameters: { a: { n: 1 } },
    });
  });

  it("gives parameters as deep as the bound, and the message still decodes", async () => {
    let deep: unknown = "bottom";
    for (let depth = 1; depth < PARAMETERS_DEPTH_MAX; depth++) deep = { deep };
    const parameters = { a: { deep: (deep as { deep: unknown }).deep } };
    const execution = await runPlan(
      plan(() => ({ next: ["a"], parameters })),
      planInput(),
    );
    expect(execution.result?.nextTaskParameters).toEqual(parameters);
    expect(decodeExecution("plan", encodeExecution(execution)).ok).toBe(true);
  });
});

const nested = (levels: number): Record<string, unknown> => (levels === 0 ? {} : { in: nested(levels - 1) });

describe("a plan that fails", () => {
  it.each<[string, RegExp, unknown]>([
    ["a name alone", /^invalid_output: a plan returns task names/, "a"],
    ["nothing", /^invalid_output: a plan returns task names/, undefined],
    ["numbers", /^invalid_output: a plan returns task names/, [1]],
    ["an unknown member", /^invalid_output: a plan returns task names/, { next: [], later: "?" }],
    [
      "parameters that are no object",
      /^invalid_output: a plan returns task names/,
      { next: ["a"], parameters: { a: 1 } },
    ],
    [
      "parameters for another task",
      /^invalid_output: parameters\.b is for a task that next does not name/,
      { next: ["a"], parameters: { b: {} } },
    ],
    [
      "parameters that are not JSON",
      /^invalid_output: in parameters, a\.n is a BigInt/,
      { next: ["a"], parameters: { a: { n: 1n } } },
    ],
    [
      "parameters that nest too deep",
      /^invalid_output: in parameters, .* nests too deep/,
      { next: ["a"], parameters: { a: nested(40) } },
    ],
    [
      "parameters that are too large",
      /^result_too_large: what the plan gives its tasks has \d+ bytes/,
      { next: ["a"], parameters: { a: { x: "x".repeat(200_000) } } },
    ],
    [
      "more names than a message holds",
      /^result_too_large: the execution, with the results that it hands on, has \d+ bytes/,
      Array.from({ length: 200_000 }, (_, n) => `task_${n}`),
    ],
  ])("because it returns %s says so", async (_, message, value) => {
    const { header, result } = await runPlan(
      plan(() => value),
      planInput([{ value: 1 }]),
    );
    expect(header?.status).toBe(ExecutionStatus.FAILED);
    expect(result?.errorMessage).toMatch(message);
    expect(result?.nextTaskNames).toEqual([]);
  });
});
