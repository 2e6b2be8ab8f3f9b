// Without this a graph could be accepted with settings that no executor takes, or a missing node could answer nothing.
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { builtIns } from "../../../src/executor/built-ins.ts";
import { definePlan, defineTask } from "../../../src/executor/node.ts";
import { registry } from "../../../src/executor/registry.ts";
import { decodeExecution, encode } from "../../../src/wire/codec.ts";
import { TaskInputSchema } from "../../../src/wire/gen/escapement/v1/input_pb.ts";
import { answerOf, portsOf, specOf, taskInput } from "./inputs.ts";

const settings = z.object({
  count: z.int().min(1).default(3),
  flag: z.boolean().optional(),
  text: z.string().optional(),
  either: z.union([z.string(), z.number()]).optional(),
  list: z.array(z.number()).optional(),
  nested: z.object({ a: z.number() }).optional(),
});
const task = defineTask("set", { input: z.unknown(), output: z.unknown(), settings, run: () => null });
const known = registry({ plans: builtIns.plans, tasks: [task] });
const bindTo = (part: Parameters<typeof specOf>[0]) => known.bind(JSON.stringify(specOf(part)));

describe("the catalogue", () => {
  it("knows plans and tasks by name, and what they read", () => {
    expect(known.names("plan")).toEqual(["sequential", "parallel", "conditional"]);
    expect(known.find("task", "parallel")).toBeUndefined();
    expect(known.find("plan", "conditional")?.readsWhen).toBe(true);
    expect(known.find("plan", "parallel")?.readsWhen).toBe(false);
    expect(known.find("task", "set")?.settingNames).toEqual([
      "count",
      "flag",
      "text",
      "either",
      "list",
      "nested",
    ]);
  });

  it("refuses two of one name, but not a plan and a task", () => {
    const plan = definePlan("set", { input: z.unknown(), run: () => [] });
    expect(registry({ plans: [plan], tasks: [task] }).names("plan")).toEqual(["set"]);
    expect(() => registry({ plans: [], tasks: [task, task] })).toThrow('two tasks are named "set"');
  });

  it.each<[string, Record<string, string | number | boolean>, unknown]>([
    ["completes what is left out", {}, { count: 3 }],
    ["reads a number", { count: "7" }, { count: 7 }],
    ["reads a boolean", { flag: "true" }, { count: 3, flag: true }],
    ["leaves text that looks like a number", { text: "7" }, { count: 3, text: "7" }],
    ["leaves text where both are taken", { either: "7" }, { count: 3, either: "7" }],
    ["reads a list", { list: "[1, 2]" }, { count: 3, list: [1, 2] }],
    ["reads an object", { nested: '{"a": 1}' }, { count: 3, nested: { a: 1 } }],
    ["takes typed values as they are", { count: 2, flag: false }, { count: 2, flag: false }],
  ])("%s", (_, raw, value) => {
    expect(known.find("task", "set")?.parseSettings(raw)).toEqual({ ok: true, value });
  });

  it("tells every setting that is wrong", () => {
    expect(
      known.find("task", "set")?.parseSettings({ count: "0", list: "[1, true]", flag: "perhaps" }),
    ).toEqual({
      ok: false,
      error: [
        "setting count: Too small: expected number to be >=1",
        "setting flag: expected boolean, received string",
        "setting list[1]: expected number, received boolean",
      ],
    });
  });
});

it("an expression that is none is refused with its place before any graph is registered", () => {
  const transform = registry({ plans: [], tasks: builtIns.tasks }).find("task", "transform");
  expect(transform?.parseSettings({ expression: "input.n >" })).toEqual({
    ok: false,
    error: [expect.stringMatching(/^setting expression: is no CEL expression: 1:\d+: /)],
  });
  expect(transform?.parseSettings({ expression: "3" })).toEqual({ ok: true, value: { expression: "3" } });
});

it("an input whose settings do not fit any more is answered by a failed execution", async () => {
  const bytes = encode(TaskInputSchema, taskInput());
  const attempt = bindTo({ type: "task", kind: "set", settings: { count: -1 } })?.attempt(bytes);
  if (!attempt?.ok) throw new Error(attempt?.error);
  let thrown: unknown;
  try {
    attempt.value.start(portsOf());
  } catch (cause) {
    thrown = cause;
  }
  const execution = decodeExecution("task", await answerOf(attempt.value, { thrown }, "now"));
  expect(execution.ok && execution.value.result?.errorMessage).toBe(
    "invalid_settings: of the graph's version do not fit set any more: count: Too small: expected number to be >=1",
  );
});

it("a node that is not there answers nothing", () => {
  for (const type of ["plan", "task"] as const) expect(bindTo({ type, kind: "gone" })).toBeUndefined();
});

it("an input that does not decode, or says not for whom it is, is an error and nothing thrown", () => {
  const bound = bindTo({ type: "task", kind: "set" });
  expect(bound?.attempt(Uint8Array.of(0xff, 0xff))).toMatchObject({
    ok: false,
    error: expect.stringMatching(/^not a TaskInput/),
  });
  expect(bound?.attempt(new Uint8Array())).toEqual({ ok: false, error: "a TaskInput without a header" });
});
