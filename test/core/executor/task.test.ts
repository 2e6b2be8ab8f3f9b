// Without this a task could be handed the wrong input, or its failure could reach nobody or the wrong retry rule.
import type { JsonObject } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { NodeError, TerminalError } from "../../../src/executor/failure.ts";
import { defineTask, payload, type TaskContext } from "../../../src/executor/node.ts";
import { INLINE_BYTES_MAX } from "../../../src/limits.ts";
import { ExecutionStatus } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { readResult } from "../../../src/wire/payload.ts";
import { runTask, taskInput, type Upstream } from "./inputs.ts";

const task = (run: (input: unknown, ctx: TaskContext<unknown>) => unknown, output: z.ZodType = z.unknown()) =>
  defineTask("task", { input: z.unknown(), output, run });

const echo = task((input) => input);

describe("what a task is given", () => {
  it.each<[string, Upstream, JsonObject | undefined, unknown]>([
    ["the parameters of its plan, where there are some", [{ value: 1 }], { a: 2 }, { a: 2 }],
    ["the single result that the plan had", [{ value: { n: 1 } }], undefined, { n: 1 }],
    ["the list of several", [{ value: 1 }, { value: "two" }], undefined, [1, "two"]],
    ["only the results of those that have one", [{ value: 1 }, { error: "error: no" }], undefined, 1],
    ["null when there is none", [], undefined, null],
  ])("is %s", async (_, upstream, parameters, expected) => {
    expect(readResult((await runTask(echo, taskInput(upstream, parameters))).result)).toEqual(expected);
  });

  it("is the parameters in the plan's result, where the input has none of its own", async () => {
    const input = taskInput();
    input.planExecution!.result!.nextTaskParameters = { node: { a: 1 }, other: { a: 2 } };
    input.taskName = "node";
    expect(readResult((await runTask(echo, input)).result)).toEqual({ a: 1 });
  });

  it("comes with everything a task may ask for", async () => {
    const seen = task((_, ctx) => {
      // Nodes hand on copies of what they are given, which have to have all of it.
      const { node, attempt, iteration, idempotencyKey, env, upstream, parameters, signal } = { ...ctx };
      return {
        node,
        attempt,
        iteration,
        idempotencyKey,
        env,
        upstream,
        parameters,
        aborted: signal.aborted,
      };
    });
    const input = taskInput([{ value: 1 }], { a: 1 }, { attempt: 3, iterationIdx: 2 });
    expect(readResult((await runTask(seen, input)).result)).toEqual({
      node: "node",
      attempt: 3,
      iteration: 2,
      idempotencyKey: "input",
      env: { KEY: "of the deployment" },
      upstream: [{ node: "before_0", value: 1 }],
      parameters: { a: 1 },
      aborted: false,
    });
  });
});

describe("what a task answers", () => {
  it("carries the header of its input, its parents, its kind and what it used", async () => {
    const busy = task((_, { usage }) => {
      usage({ tokensIn: 10, model: "a", custom: { pages: 1 } });
      usage({ tokensIn: 5, tokensOut: 7, costUsdMicros: 3, latencyMs: 2, model: "b", custom: { pages: 2 } });
      return "done";
    });
    const execution = await runTask(busy, taskInput([], undefined, { attempt: 2, traceParent: "00-1-2-00" }));
    expect(execution).toMatchObject({
      parentPlanExecId: "exec-of-plan",
      parentPlanName: "plan",
      taskType: "task",
      result: { id: "exec-of-node" },
      header: {
        name: "node",
        execId: "exec-of-node",
        lifetimeId: "lifetime",
        attempt: 2,
        inputId: "input",
        traceParent: "00-1-2-00",
        status: ExecutionStatus.SUCCEEDED,
        createdAt: "2026-01-01T00:00:00.000Z",
        usage: {
          tokensIn: 15n,
          tokensOut: 7n,
          costUsdMicros: 3n,
          latencyMs: 2n,
          model: "b",
          custom: { pages: 3 },
        },
      },
    });
  });

  it("names the edge that it took, which is one of its own", async () => {
    const next = [{ name: "left" }, { name: "right" }];
    const takes = (plan: string) => task((_, { takeEdge }) => takeEdge(plan));
    expect((await runTask(takes("right"), taskInput(), { next })).header?.edgeTaken).toBe("right");
    const wrong = await runTask(takes("up"), taskInput(), { next });
    expect(wrong.result?.errorMessage).toBe('error: takeEdge("up"): the plans after node are left, right');
    expect(wrong.header?.edgeTaken).toBe("");
  });

  it("is what the output schema makes of it", async () => {
    const output = z.object({ n: z.number().default(7) });
    expect(
      readResult(
        (
          await runTask(
            task(() => ({ x: 1 }), output),
            taskInput(),
          )
        ).result,
      ),
    ).toEqual({ n: 7 });
  });

  it("may be a promise, and nothing at all counts as null", async () => {
    expect(
      readResult(
        (
          await runTask(
            task(async () => "later"),
            taskInput(),
          )
        ).result,
      ),
    ).toBe("later");
    expect(
      readResult(
        (
          await runTask(
            task(() => undefined),
            taskInput(),
          )
        ).result,
      ),
    ).toBeNull();
  });
});

describe("a result that does not travel in its execution", () => {
  const stored = async (value: unknown, output: z.ZodType = z.unknown()) => {
    const { data } = (
      await runTask(
        task(() => value, output),
        taskInput(),
      )
    ).result!;
    return data.case === "externalData" ? [data.value.metadata.type, data.value.uri] : data.case;
  };

  it.each<[string, unknown]>([
    ["text", `"\u{1F600}\n${"\u{1F600}".repeat(INLINE_BYTES_MAX / 2)}`],
    ["a list", Array.from({ length: 30_000 }, (_, n) => [n, {}, [], null, "é"])],
    ["an object", Object.fromEntries(Array.from({ length: 30_000 }, (_, n) => [`"${n}"`, { n, text: "x" }]))],
  ])("is the JSON of %s over the bound", async (_, value) => {
    const [type, text] = (await stored(value)) as string[];
    expect(type).toBe("application/json");
    // Compared here, because a difference would be shown whole.
    expect(text === JSON.stringify(value)).toBe(true);
  });

  it("is not JSON that is just within the bound", async () => {
    expect(await stored("x".repeat(INLINE_BYTES_MAX - 4))).toBe("inlineData");
    expect(await stored("x".repeat(INLINE_BYTES_MAX - 3))).toHaveLength(2);
  });

  it("is bytes, or a stream of them, of the type that the task declares", async () => {
    const bytes = new TextEncoder().encode("a,b");
    expect(await stored(bytes, payload("text/csv"))).toEqual(["text/csv", "a,b"]);
    expect(await stored(new Blob([bytes]).stream(), payload())).toEqual(["application/octet-stream", "a,b"]);
  });

  it("is nothing else where the task declares bytes", async () => {
    const { result } = await runTask(
      task(() => "a,b", payload()),
      taskInput(),
    );
    expect(result?.errorMessage).toMatch(/^invalid_output: its output is a payload; return a Uint8Array/);
  });
});

const cycle: Record<string, unknown> = {};
cycle.self = cycle;
const count = z.object({ count: z.number(), list: z.array(z.string()) });

describe("a task that fails", () => {
  it.each<[string, string, (input: unknown) => unknown, z.ZodType?]>([
    [
      "throws",
      "error: no luck",
      () => {
        throw new Error("no luck");
      },
    ],
    ["rejects", "error: no luck", () => Promise.reject(new Error("no luck"))],
    [
      "throws an error of the language",
      "error: TypeError: not a function",
      () => {
        throw new TypeError("not a function");
      },
    ],
    [
      "throws what is no error",
      "error: the node threw a number",
      () => {
        throw 7;
      },
    ],
    [
      "throws a terminal error",
      "terminal: never again",
      () => {
        throw new TerminalError("never again");
      },
    ],
    [
      "throws an error with a code",
      "rate_limited: later",
      () => {
        throw new NodeError("rate_limited", "later");
      },
    ],
    [
      "names a code that is none",
      `error: TypeError: "rate limited" is no error code; use letters, digits, _ and ., such as rate_limited`,
      () => {
        throw new NodeError("rate limited", "later");
      },
    ],
    [
      "returns another shape",
      "invalid_output: count: expected number, received string; list: expected array, received undefined",
      () => ({ count: "1" }),
      count,
    ],
    [
      "returns a wrong member",
      "invalid_output: list[1]: expected string, received number",
      () => ({ count: 1, list: ["a", 1] }),
      count,
    ],
    ["returns a function", "invalid_output: the value is a function", () => () => 1],
    [
      "returns a BigInt",
      "invalid_output: a.b is a BigInt; return a number or text",
      () => ({ a: { b: 1n } }),
    ],
    ["returns NaN", "invalid_output: [1] is NaN, for which JSON has no number", () => [1, Number.NaN]],
    [
      "returns a date",
      "invalid_output: at is a Date; return a plain object or text",
      () => ({ at: new Date(0) }),
    ],
    [
      "returns half a character",
      "invalid_output: the value is text with half a surrogate pair",
      () => "\ud800",
    ],
    [
      "reports usage that is no amount",
      "error: TypeError: usage: tokensIn is -1; report a number that is 0 or more",
      () => undefined,
    ],
  ])("because it %s says so", async (what, message, run, output) => {
    const usage = what.startsWith("reports");
    const node = task((input, ctx) => (usage ? ctx.usage({ tokensIn: -1 }) : run(input)), output);
    const { header, result } = await runTask(node, taskInput());
    expect(header?.status).toBe(ExecutionStatus.FAILED);
    const [first] = (result?.errorMessage ?? "").split("; the bound is");
    expect(first).toBe(message);
    expect(result?.data.case).toBeUndefined();
  });

  it("because it returns a cycle says so", async () => {
    const { result } = await runTask(
      task(() => cycle),
      taskInput(),
    );
    expect(result?.errorMessage).toMatch(
      /^invalid_output: self\.self.* nests too deep, or contains itself; the bound is 100/,
    );
  });

  it("because its input has another shape is not run", async () => {
    let ran = false;
    const node = defineTask("task", {
      input: z.object({ n: z.number() }),
      output: z.unknown(),
      run: () => {
        ran = true;
      },
    });
    const { header, result } = await runTask(node, taskInput([{ value: { n: "1" } }]));
    expect(header?.status).toBe(ExecutionStatus.FAILED);
    expect(result?.errorMessage).toBe("invalid_input: n: expected number, received string");
    expect(ran).toBe(false);
  });

  it("keeps what it used before it did", async () => {
    const node = task((_, { usage }) => {
      usage({ tokensIn: 9 });
      throw new Error("late");
    });
    expect((await runTask(node, taskInput())).header?.usage?.tokensIn).toBe(9n);
  });

  it("with a message that breaks off inside a character still answers", async () => {
    const { result } = await runTask(
      task(() => {
        throw new Error("\ud83d".repeat(5000));
      }),
      taskInput(),
    );
    expect(result?.errorMessage.startsWith("error: ")).toBe(true);
  });
});
