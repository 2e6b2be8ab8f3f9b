// Without this answers could get lost, or wait for slow ones, between an executor and who called it.
import { exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { Answers, Dispatch, Executor, Running } from "../../../src/executor/dispatch.ts";
import { DISPATCH_INPUTS_MAX } from "../../../src/limits.ts";
import type { Kind } from "../../../src/topics/topics.ts";
import { decodeExecution, encode } from "../../../src/wire/codec.ts";
import { ExecutionStatus } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { PlanInputSchema, TaskInputSchema } from "../../../src/wire/gen/escapement/v1/input_pb.ts";
import { planInput, specOf, taskInput, textsOf } from "../../core/executor/inputs.ts";

const HOUR_MS = 3_600_000;
const plans: Executor = exports.PlanInputs;
const tasks: Executor = exports.TaskInputs;

const DOCUMENT = { documents: [{ title: "a", text: "One. Two." }] };
const QUICK = specOf({ type: "task", name: "quick", kind: "transform", settings: { expression: "1 + 1" } });
/** Reads for as long as it is told, or until it is aborted. */
const reader = (pageMs: number) =>
  specOf({ type: "task", name: "slow", kind: "read", settings: { page_ms: pageMs } });

const item = (node: number, inputId: string, remainingMs = HOUR_MS) => ({
  node,
  input: encode(TaskInputSchema, taskInput([{ value: DOCUMENT }], undefined, { inputId })),
  remainingMs,
});

const read = (kind: Kind, { executions }: Pick<Answers, "executions">) =>
  executions.map((bytes) => {
    const decoded = decodeExecution(kind, bytes);
    if (!decoded.ok) throw new Error(decoded.error);
    const { header } = decoded.value;
    return `${header?.inputId} ${Object.entries(ExecutionStatus).find(([, number]) => number === header?.status)?.[0]}`;
  });

const running = ({ running }: Answers): Running & Disposable => {
  if (!running) throw new Error("nothing is at work any more");
  return running as Running & Disposable;
};

/** Everything that comes until the last answer. */
const rest = async (run: Running & Disposable) => {
  const all: string[] = [];
  for (;;) {
    const news = await run.next();
    all.push(...read("task", news));
    if (news.done) break;
  }
  run[Symbol.dispose]();
  return all;
};

describe("a call of an executor", () => {
  it("answers a full call of quick tasks in one go", async () => {
    const ids = Array.from({ length: DISPATCH_INPUTS_MAX }, (_, n) => `input-${n}`);
    const answers = await tasks.run({
      generation: 1,
      nodes: textsOf(QUICK),
      items: ids.map((id) => item(0, id)),
    });
    expect(answers.running).toBeUndefined();
    expect(read("task", answers)).toEqual(ids.map((id) => `${id} SUCCEEDED`));
  });

  it("answers plans as well", async () => {
    const dispatch: Dispatch = {
      generation: 1,
      nodes: textsOf(specOf({ type: "plan", kind: "parallel", next: [{ name: "a" }] })),
      items: [{ node: 0, input: encode(PlanInputSchema, planInput([{ value: 1 }])), remainingMs: HOUR_MS }],
    };
    expect(read("plan", await plans.run(dispatch))).toEqual(["input SUCCEEDED"]);
  });

  it("answers what is quick while something slow is at work, and that when it is done", async () => {
    const answers = await tasks.run({
      generation: 1,
      nodes: textsOf(reader(200), QUICK),
      items: [item(0, "slow"), item(1, "quick")],
    });
    expect(read("task", answers)).toEqual(["quick SUCCEEDED"]);
    expect(await rest(running(answers))).toEqual(["slow SUCCEEDED"]);
  });

  it("answers for what is out of time", async () => {
    const answers = await tasks.run({
      generation: 1,
      nodes: textsOf(reader(HOUR_MS)),
      items: [item(0, "slow", 50)],
    });
    expect(read("task", answers)).toEqual([]);
    expect(await rest(running(answers))).toEqual(["slow TIMED_OUT"]);
  });

  it("drops what is cancelled, tells who waits, and goes on with the rest", async () => {
    const answers = await tasks.run({
      generation: 1,
      nodes: textsOf(reader(HOUR_MS), reader(100)),
      items: [item(0, "unwanted"), item(1, "wanted")],
    });
    const run = running(answers);
    run.cancel(["unwanted"]);
    expect(await rest(run)).toEqual(["wanted SUCCEEDED"]);
  });

  it("ends when all of it is cancelled", async () => {
    const run = running(
      await tasks.run({
        generation: 1,
        nodes: textsOf(reader(HOUR_MS)),
        items: [item(0, "a"), item(0, "b")],
      }),
    );
    const waiting = run.next();
    run.cancel(["a", "b"]);
    expect(await waiting).toEqual({ executions: [], heartbeats: [], done: true });
    run[Symbol.dispose]();
  });

  it("says which nodes are not deployed, and runs the others", async () => {
    const answers = await tasks.run({
      generation: 1,
      nodes: textsOf(specOf({ type: "task", kind: "gone" }), QUICK),
      items: [item(0, "gone"), item(1, "quick")],
    });
    expect(answers.missing).toEqual([0]);
    expect(answers.running).toBeUndefined();
    expect(read("task", answers)).toEqual(["quick SUCCEEDED"]);
  });

  it("names the version of its code", async () => {
    expect((await tasks.run({ generation: 1, nodes: [], items: [] })).version).toBe("under-test");
  });
});
