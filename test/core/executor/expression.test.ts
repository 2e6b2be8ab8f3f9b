// Without this a number out of JSON could mean something else in a condition than a person expects.
import { expect, it } from "vitest";
import { checkExpression, evaluate } from "../../../src/executor/expression.ts";
import { COMPILED_EXPRESSIONS_MAX } from "../../../src/limits.ts";

const INPUT = {
  n: 5,
  price: 2.5,
  text: "abc",
  list: [1, 2, 3],
  none: null,
  big: 9007199254740991,
  far: 1e300,
  ["__proto__"]: { n: 1 },
  constructor: "plain",
};

it.each<[string, unknown]>([
  ["input.n > 3", true],
  ["input.n > 4.5", true],
  ["input.n == 5.0", true],
  ["input.n + 1", 6],
  ["input.n + 0.5", 5.5],
  ["input.n - 0.5", 4.5],
  ["input.price * 2", 5],
  ["2 * input.price", 5],
  ["input.price / 2", 1.25],
  ["input.n / 2", 2],
  ["input.n / 2.0", 2.5],
  ["input.n % 2", 1],
  ["input.big + 0", 9007199254740991],
  ["input.far > 1", true],
  ["input.list[input.n - 3]", 3],
  ["input.list.map(x, x * 2)", [2, 4, 6]],
  ["input.list + [4]", [1, 2, 3, 4]],
  ["input.none == null", true],
  ["has(input.text)", true],
  ["has(input.nothing)", false],
  ["input.constructor", "plain"],
  ["input['__proto__'].n", 1],
  ["input.text.startsWith('a') ? {'yes': [1, 2.0, 3u]} : {}", { yes: [1, 2, 3] }],
  ["{1: 'a', true: 'b'}", { 1: "a", true: "b" }],
  ["b'abc'", "YWJj"],
  ["timestamp('2026-01-01T00:00:00Z')", "2026-01-01T00:00:00Z"],
  ["duration('90s')", "90s"],
  ["type(input.n)", "int"],
])("%s is %j", (text, value) => {
  expect(evaluate(text, { input: INPUT })).toEqual({ ok: true, value });
});

it.each<[string, RegExp]>([
  ["1 + 'a'", /^1:\d+: found no matching overload for '_\+_' applied to '\(int, string\)'$/],
  ["true &&\n  nobody", /^2:3: unresolved attribute$/],
  ["input.list[7]", /^1:\d+: index 7 out of bounds/],
  ["nothing(1)", /^1:1: unbound function: nothing$/],
])("%s has no value, and says where", (text, error) => {
  expect(evaluate(text, { input: INPUT })).toEqual({ ok: false, error: expect.stringMatching(error) });
});

it("a syntax error is found before anything runs, with its line and column", () => {
  expect(checkExpression("input.n > 3")).toBeUndefined();
  expect(checkExpression("input.n >\n")).toBe("1:9: found >");
  expect(checkExpression("")).toBe("1:1: found end of input");
});

it("nesting without end is an error and not a crash", () => {
  const deep = "(".repeat(100_000);
  expect(checkExpression(deep)).toBeDefined();
  expect(evaluate(`${"[".repeat(50_000)}1${"]".repeat(50_000)}`, {}).ok).toBe(false);
  let json: unknown[] = [];
  for (let depth = 0; depth < 100_000; depth++) json = [json];
  expect(evaluate("input", { input: json as [] }).ok).toBe(false);
});

it("expressions that fell out of the cache still work", () => {
  for (let n = 0; n <= COMPILED_EXPRESSIONS_MAX; n++) evaluate(`${n}`, {});
  expect(evaluate("0", {})).toEqual({ ok: true, value: 0 });
});
