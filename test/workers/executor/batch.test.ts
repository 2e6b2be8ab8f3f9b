// Without this one node could hold up, stop or answer for another, or an attempt could be answered twice or never.
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { builtIns } from "../../../src/executor/built-ins.ts";
import { defineTask, type TaskContext } from "../../../src/executor/node.ts";
import { registry } from "../../../src/executor/registry.ts";
import { PROGRESS_BYTES_MAX } from "../../../src/limits.ts";
import { decodeExecution, encode } from "../../../src/wire/codec.ts";
import { ExecutionStatus } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { TaskInputSchema } from "../../../src/wire/gen/escapement/v1/input_pb.ts";
import { Batch } from "../../../workers/executor/batch.ts";
import { Payloads } from "../../../workers/executor/payloads.ts";
import { specOf, taskInput, textsOf } from "../../core/executor/inputs.ts";

const HOUR_MS = 3_600_000;

/** Runs each of these as the task of one input, whose id is its name. */
const batchOf = (
  runs: Record<string, (ctx: TaskContext<unknown>) => unknown>,
  { remainingMs = HOUR_MS, timeoutMs = HOUR_MS } = {},
) => {
  const names = Object.keys(runs);
  const tasks = Object.entries(runs).map(([name, run]) =>
    defineTask(name, { input: z.unknown(), output: z.unknown(), run: (_, ctx) => run(ctx) }),
  );
  const batch = new Batch(
    registry({ plans: builtIns.plans, tasks }),
    {
      generation: 1,
      nodes: textsOf(...names.map((name) => specOf({ type: "task", name, kind: name, timeoutMs }))),
      items: names.map((name, node) => ({
        node,
        input: encode(TaskInputSchema, taskInput([], undefined, { name, inputId: name })),
        remainingMs,
      })),
    },
    {},
    new Payloads(env, 1),
  );
  open.push(batch);
  return batch;
};

const open: Batch[] = [];
afterEach(() => {
  for (const batch of open.splice(0)) batch.cancel();
});

const never = () => new Promise(() => {});

/** Name of the node and status of what is ready, in order. */
const ready = (batch: Batch) =>
  batch.take().executions.map((bytes) => {
    const decoded = decodeExecution("task", bytes);
    if (!decoded.ok) throw new Error(decoded.error);
    const { header, result } = decoded.value;
    const status = header?.status ?? 0;
    return status === ExecutionStatus.SUCCEEDED
      ? header?.name
      : `${header?.name} ${status} ${result?.errorMessage}`;
  });

const settled = async (batch: Batch) => {
  while (!batch.done) await batch.changed();
  return ready(batch);
};

describe("a batch", () => {
  it("has the answers of nodes that wait for nothing at once", () => {
    const batch = batchOf({ a: () => 1, b: () => 2 });
    expect(batch.done).toBe(true);
    expect(ready(batch)).toEqual(["a", "b"]);
  });

  it("has the answers of async nodes that wait for nothing without any timer", async () => {
    const batch = batchOf({ a: async () => 1, b: async () => await (async () => 2)() });
    expect((await settled(batch)).sort()).toEqual(["a", "b"]);
  });

  it("answers for a node that throws, and the others go on", async () => {
    const batch = batchOf({
      a: () => {
        throw new Error("no");
      },
      b: async () => {
        throw new Error("later");
      },
      c: () => 3,
      d: never,
    });
    const answered: unknown[] = [];
    while (answered.length < 3) {
      answered.push(...ready(batch));
      if (answered.length < 3) await batch.changed();
    }
    expect(answered.sort()).toEqual([
      `a ${ExecutionStatus.FAILED} error: no`,
      `b ${ExecutionStatus.FAILED} error: later`,
      "c",
    ]);
    expect(batch.done).toBe(false);
    batch.cancel(["d"]);
    expect(batch.done).toBe(true);
  });

  it("answers for a node that never settles when its time is up, and aborts its signal", async () => {
    let signal: AbortSignal | undefined;
    const batch = batchOf(
      {
        a: (ctx) => {
          signal = ctx.signal;
          return never();
        },
      },
      { remainingMs: 1, timeoutMs: 7 },
    );
    batch.watch();
    expect(await settled(batch)).toEqual([`a ${ExecutionStatus.TIMED_OUT} timed_out: no answer within 7 ms`]);
    await Promise.resolve();
    expect(signal?.reason).toMatchObject({ name: "TimeoutError" });
  });

  it("drops what a node says after its time is up", async () => {
    const late = Promise.withResolvers<unknown>();
    const batch = batchOf({ a: () => late.promise }, { remainingMs: 1 });
    batch.watch();
    expect(await settled(batch)).toHaveLength(1);
    late.resolve("late");
    await late.promise;
    await Promise.resolve();
    expect(ready(batch)).toEqual([]);
  });

  it("tells a node whose signal it asks for too late that it is over", async () => {
    let ctx: TaskContext<unknown> | undefined;
    const batch = batchOf({
      a: (given) => {
        ctx = given;
        return never();
      },
    });
    batch.cancel(["a"]);
    expect(ctx?.signal.aborted).toBe(true);
    expect(ctx?.signal.reason).toMatchObject({ name: "AbortError" });
  });

  it("drops the answer of a cancelled input, and of no other", async () => {
    const work = Promise.withResolvers<unknown>();
    const batch = batchOf({ a: () => work.promise, b: () => work.promise });
    batch.cancel(["a", "of another call"]);
    work.resolve(1);
    expect(await settled(batch)).toEqual(["b"]);
  });

  it("passes a heartbeat on, once, and starts the time anew", async () => {
    const work = Promise.withResolvers<unknown>();
    const batch = batchOf(
      {
        a: ({ heartbeat }) => {
          heartbeat();
          heartbeat();
          return work.promise;
        },
      },
      // Without the heartbeat its time would be up before the answer.
      { remainingMs: 0, timeoutMs: HOUR_MS },
    );
    batch.watch();
    await scheduler.wait(5);
    work.resolve(1);
    expect(batch.take().heartbeats).toEqual(["a"]);
    expect(await settled(batch)).toEqual(["a"]);
    expect(batch.take().heartbeats).toEqual([]);
  });

  it("passes few heartbeats of many on, but always the last", async () => {
    let heartbeat = () => {};
    const nodes = {
      a: (ctx: TaskContext<unknown>) => {
        heartbeat = ctx.heartbeat;
        return never();
      },
    };
    // Not watched, so nothing is held to this time.
    const batch = batchOf(nodes, { timeoutMs: 8 });
    for (let n = 0; n < 1_000; n++) heartbeat();
    expect(batch.take().heartbeats).toEqual(["a"]);
    heartbeat();
    expect(batch.hasNews).toBe(false);
    await batch.changed();
    expect(batch.take().heartbeats).toEqual(["a"]);
  });

  it("passes on the first progress at once, and then no heartbeat of its own but the newest progress", async () => {
    let heartbeat: TaskContext["heartbeat"] = () => {};
    const batch = batchOf({
      a: (ctx) => {
        heartbeat = ctx.heartbeat;
        return never();
      },
    });
    heartbeat({ pages: 0 });
    expect(batch.take()).toEqual({ executions: [], heartbeats: ["a"], progress: { a: '{"pages":0}' } });
    for (let pages = 1; pages <= 3; pages++) heartbeat({ pages });
    await batch.changed();
    expect(batch.take()).toEqual({ executions: [], heartbeats: [], progress: { a: '{"pages":3}' } });
  });

  it.each([
    ["what is no JSON", { n: 1n }, "heartbeat: of the progress, n is a BigInt; return a number or text"],
    [
      "too much",
      "x".repeat(PROGRESS_BYTES_MAX),
      `heartbeat: the progress may have ${PROGRESS_BYTES_MAX} bytes`,
    ],
  ])("fails a node that says %s of its progress", async (_, progress, why) => {
    const batch = batchOf({ a: ({ heartbeat }) => heartbeat(progress as never) });
    const [said] = await settled(batch);
    expect(said).toContain(why);
  });

  it("takes no heartbeat of what is over", () => {
    let heartbeat = () => {};
    const batch = batchOf({
      a: (ctx) => {
        heartbeat = ctx.heartbeat;
        return 1;
      },
    });
    heartbeat();
    expect(batch.take().heartbeats).toEqual([]);
  });

  it("leaves what does not decode unanswered, and answers the rest", () => {
    const spec = specOf({ type: "plan", kind: "parallel" });
    const input = encode(TaskInputSchema, taskInput());
    const known = registry({
      plans: builtIns.plans,
      tasks: [defineTask("a", { input: z.unknown(), output: z.unknown(), run: () => 1 })],
    });
    const batch = new Batch(
      known,
      {
        generation: 1,
        nodes: textsOf(spec, specOf({ type: "task", name: "a", kind: "a" })),
        items: [
          { node: 1, input: Uint8Array.of(0xff), remainingMs: HOUR_MS },
          { node: 7, input, remainingMs: HOUR_MS },
          { node: 1, input, remainingMs: HOUR_MS },
        ],
      },
      {},
      new Payloads(env, 1),
    );
    expect(batch.done).toBe(true);
    expect(batch.take().executions).toHaveLength(1);
  });
});
