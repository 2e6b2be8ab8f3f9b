// Without this the plans and tasks that every graph relies on could route elsewhere than they say.
import { describe, expect, it } from "vitest";
import { conditional } from "../../../src/executor/plans/conditional.ts";
import { parallel } from "../../../src/executor/plans/parallel.ts";
import { sequential } from "../../../src/executor/plans/sequential.ts";
import { parseSettings } from "../../../src/executor/settings.ts";
import { transform } from "../../../src/executor/tasks/transform.ts";
import { instantOf, valueAt, wait } from "../../../src/executor/tasks/wait.ts";
import { readResult } from "../../../src/wire/payload.ts";
import { planInput, runPlan, runTask, taskInput, type Upstream } from "./inputs.ts";

const NEXT = [{ name: "a" }, { name: "b" }, { name: "c" }];

it("parallel launches every task, in the order of the edges", async () => {
  const { result } = await runPlan(parallel, planInput(), { next: NEXT });
  expect(result?.nextTaskNames).toEqual(["a", "b", "c"]);
});

describe("sequential", () => {
  const passes = (laps: number | undefined, next: typeof NEXT, count: number) =>
    Promise.all(
      Array.from({ length: count }, async (_, iterationIdx) => {
        const settings = laps === undefined ? {} : { laps };
        const { result } = await runPlan(sequential, planInput([], { iterationIdx }), { next, settings });
        return result?.nextTaskNames;
      }),
    );

  it("launches one task a pass, and after the last none", async () => {
    expect(await passes(undefined, NEXT, 5)).toEqual([["a"], ["b"], ["c"], [], []]);
  });

  it("goes round as many laps as it is told", async () => {
    expect(await passes(2, NEXT.slice(0, 2), 6)).toEqual([["a"], ["b"], ["a"], ["b"], [], []]);
  });

  it("launches nothing where nothing follows", async () => {
    expect(await passes(3, [], 2)).toEqual([[], []]);
  });
});

describe("conditional", () => {
  const choose = async (upstream: Upstream, whens: Record<string, string | undefined>, iterationIdx = 0) => {
    const next = Object.entries(whens).map(([name, when]) => ({ name, ...(when !== undefined && { when }) }));
    const { result } = await runPlan(conditional, planInput(upstream, { iterationIdx }), { next });
    return result?.errorMessage || result?.nextTaskNames;
  };

  it.each<[string, Upstream, Record<string, string | undefined>, unknown]>([
    [
      "takes the edges whose condition is true",
      [{ value: { n: 5 } }],
      { a: "result.n > 3", b: "result.n > 9", c: "true" },
      ["a", "c"],
    ],
    [
      "takes an edge without a condition when no other is",
      [{ value: { n: 1 } }],
      { a: "result.n > 3", b: undefined },
      ["b"],
    ],
    ["leaves it when another is", [{ value: { n: 5 } }], { a: "result.n > 3", b: undefined }, ["a"]],
    ["takes none when none is true", [{ value: { n: 1 } }], { a: "result.n > 3" }, []],
    [
      "reads all results",
      [{ value: 1 }, { value: 2 }],
      { a: "results.all(r, r > 0)", b: "size(results) == 1" },
      ["a"],
    ],
    [
      "has null for a result that is not there",
      [{ error: "error: no" }],
      { a: "result == null", b: undefined },
      ["a"],
    ],
    [
      "fails where an expression errs, with its place",
      [{ value: {} }],
      { a: "true &&\n  result.n > 3" },
      "terminal: when of the edge to a: 2:9: field not found: n",
    ],
    [
      "fails where a condition is none",
      [{ value: { n: 1 } }],
      { a: "result.n" },
      "terminal: when of the edge to a: it is 1; write a condition that is true or false",
    ],
  ])("%s", async (_, upstream, whens, expected) => {
    expect(await choose(upstream, whens)).toEqual(expected);
  });

  it("knows how often it was passed", async () => {
    const whens = { again: "iteration < 2", done: undefined };
    expect(await choose([], whens, 1)).toEqual(["again"]);
    expect(await choose([], whens, 2)).toEqual(["done"]);
  });
});

describe("transform", () => {
  const settingsOf = (expression: string) => ({ settings: { expression } });

  it("reads the input, the parameters and the results", async () => {
    const expression = "{'sum': input.n + 1, 'first': results[0].n, 'count': size(parameters)}";
    const { result } = await runTask(transform, taskInput([{ value: { n: 1 } }]), settingsOf(expression));
    expect(readResult(result)).toEqual({ sum: 2, first: 1, count: 0 });
    const given = await runTask(transform, taskInput([], { n: 4 }), settingsOf("input.n * parameters.n"));
    expect(readResult(given.result)).toBe(16);
  });

  it.each([
    ["input.missing", "terminal: 1:6: field not found: missing"],
    ["1 / 0", "terminal: int divide by zero"],
    [
      "1.0 / 0.0",
      "invalid_output: the value is Infinity, for which JSON has no number; the bound is 100 levels of JSON",
    ],
    ["9007199254740993", "terminal: 9007199254740993 is past what a JSON number holds; write string(…)"],
  ])("fails on %s with a reason", async (expression, message) => {
    const { result } = await runTask(transform, taskInput([{ value: {} }]), settingsOf(expression));
    expect(result?.errorMessage).toBe(message);
  });

  it("refuses settings that hold no expression, whoever gives them", async () => {
    const { result } = await runTask(transform, taskInput(), settingsOf("1 +"));
    expect(result?.errorMessage).toMatch(/^invalid_settings: .*expression: is no CEL expression: 1:3/);
  });
});

describe("wait", () => {
  const settle = (raw: Record<string, string | number>) => parseSettings(wait.settings, raw);

  it.each([
    [{ signal: "approve" }, { signal: "approve" }],
    [{ for: "10s" }, { for: 10_000 }],
    [{ for: 10_000 }, { for: 10_000 }],
    [{ until: "2026-01-31T12:00:00Z" }, { until: "2026-01-31T12:00:00Z" }],
    [{ until: "results[0].due" }, { until: "results[0].due" }],
  ])("takes %j", (raw, settings) => {
    expect(settle(raw)).toEqual({ ok: true, value: settings });
  });

  it.each([
    [{}, /one of signal, for and until/],
    [{ signal: "a", for: "1s" }, /one of signal, for and until/],
    [{ for: "31d" }, /a duration from 1ms to 30d/],
    [{ for: "soon" }, /a duration/],
    [{ until: "tomorrow" }, /RFC 3339/],
    [{ until: "input.size() > 3" }, /RFC 3339/],
    [{ signal: "" }, /signal/],
  ])("refuses %j", (raw, fault) => {
    const settled = settle(raw);
    expect(settled.ok ? "" : settled.error.join()).toMatch(fault);
  });

  it("says what it is to whoever runs it", async () => {
    const { result } = await runTask(wait, taskInput(), { settings: { signal: "go" } });
    expect(result?.errorMessage).toMatch(/^terminal: a wait is ended by the control plane/);
  });

  it.each([
    ["input", { due: "x" }],
    ["input.due", "x"],
    ["results[1].a", 2],
    ["input.constructor", undefined],
    ["results[2].a", undefined],
    ["results.length.a", undefined],
  ])("finds what %s leads to", (path, found) => {
    expect(valueAt(path, { input: { due: "x" }, results: [{ a: 1 }, { a: 2 }] })).toEqual(found);
  });

  it.each([
    ["2026-01-31T12:00:00Z", Date.UTC(2026, 0, 31, 12)],
    ["2026-01-31T12:00:00.250+01:00", Date.UTC(2026, 0, 31, 11, 0, 0, 250)],
    ["2026-02-30T12:00:00Z", undefined],
    ["2026-01-31", undefined],
    [1_769_860_800, undefined],
  ])("reads %j as an instant or not", (value, instant) => {
    expect(instantOf(value)).toBe(instant);
  });
});
