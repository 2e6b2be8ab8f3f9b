// Policies that mean nothing would be stored, and fail for the first time in the transaction of a step.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { policyOf, policySchema, readPolicy } from "../../../src/guardrails/document.ts";
import { POLICY_EVENTS, type PolicyEvent } from "../../../src/guardrails/policy.ts";
import { programOf } from "../../../src/guardrails/program.ts";
import { STARTERS } from "../../../src/guardrails/starters.ts";

const text = (yaml: string) => new TextEncoder().encode(yaml);

const policy = (when: string, on: PolicyEvent = "task_execution") =>
  text(JSON.stringify({ name: "p", on, when, action: "WARN", message: "m" }));

const faults = (document: Uint8Array): string[] => {
  const read = readPolicy(document);
  return read.ok ? [] : read.error.map(({ path, detail }) => `${path}: ${detail}`);
};

test("a document in YAML is the same as one in JSON, and gets its defaults", () => {
  const yaml = readPolicy(text("name: p\non: task_input\naction: WARN\nmessage: no # why\n"));
  const json = readPolicy(text('{"name":"p","on":"task_input","action":"WARN","message":"no"}'));
  expect(yaml).toEqual(json);
  expect(yaml.ok && policyOf(yaml.value)).toEqual({
    name: "p",
    scope: {},
    on: ["task_input"],
    when: "true",
    action: "WARN",
    message: "no",
    onError: "open",
    mode: "enforce",
    labels: {},
  });
});

test("an expression that fails counts as a match, but for WARN", () => {
  const read = readPolicy(text("name: p\non: [task_input]\naction: ABORT_LIFETIME\nmessage: no"));
  expect(read.ok && policyOf(read.value).onError).toBe("closed");
});

test("the schema is published as JSON Schema, of what people write", () => {
  const schema = policySchema();
  expect(schema.required).toEqual(["name", "on", "action", "message"]);
  expect(Object.keys(schema.properties ?? {})).toContain("effective_until");
});

describe("what is wrong is said with its place", () => {
  test.each([
    ["a text that is no YAML", text("name: p\non: [task_input\naction: WARN"), /^3:1: /],
    ["a key that comes twice", text("name: p\nname: q"), /^2:1: Map keys must be unique/],
    ["an alias, which may stand for very much", text("name: &a p\nmessage: *a"), /write out/],
    ["no mapping", text("just text"), /^: Invalid input/],
    ["a field that there is not", text("name: p\non: task_input\naction: WARN\nmessage: m\nwen: x"), /wen/],
    [
      "a name that no path could hold",
      text("name: A b\non: task_input\naction: WARN\nmessage: m"),
      /^name: /,
    ],
    ["an unknown event", text("name: p\non: task\naction: WARN\nmessage: m"), /^on: /],
    ["more than 64 KiB", new Uint8Array(65_537).fill(32), /^: 65537 bytes; a policy has 65536 at the most/],
    [
      "a route of no ROUTE_TO",
      text("name: p\non: plan_execution\naction: WARN\nmessage: m\nroute_to: a"),
      /^route_to: /,
    ],
    [
      "ROUTE_TO without a route",
      text("name: p\non: plan_execution\naction: ROUTE_TO\nmessage: m"),
      /^route_to: /,
    ],
    [
      "ROUTE_TO where no tasks are chosen",
      text("name: p\non: task_input\naction: ROUTE_TO\nroute_to: a\nmessage: m"),
      /^action: ROUTE_TO is for plan_execution/,
    ],
    [
      "an approval of what has run",
      text("name: p\non: task_execution\naction: REQUIRE_APPROVAL\nmessage: m"),
      /^action: /,
    ],
    [
      "an end before its begin",
      text(
        "name: p\non: task_input\naction: WARN\nmessage: m\neffective_from: 2026-01-02T00:00:00Z\neffective_until: 2026-01-01T00:00:00Z",
      ),
      /^effective_until: /,
    ],
    ["a syntax error", policy("lifetime.steps > > 3"), /^when: 1:16: /],
    ["a syntax error on a later line", policy("lifetime.steps > 3\n  && ("), /^when: 2:3: /],
    [
      "an unknown name",
      policy("lifetimes.steps > 3"),
      /^when: 1:1: nothing is called lifetimes; there are now, tenant, /,
    ],
    [
      "an unknown field",
      policy("1 > 2 || lifetime.step > 3"),
      /^when: 1:18: lifetime has no field step; there are id, /,
    ],
    [
      "an unknown field of a message",
      policy("execution.header.usage.tokens > 3"),
      /^when: 1:23: execution\.header\.usage has no field tokens; there are tokens_in, /,
    ],
    [
      "an unknown function",
      policy("lowercase(node.name) == 'x'"),
      /^when: 1:1: there is no function lowercase/,
    ],
    [
      "a group where a value is meant",
      policy("lifetime == null"),
      /^when: 1:1: lifetime is no value; name one of its fields: id, /,
    ],
    [
      "a comparison that can never be",
      policy("lifetime.steps == 'three'"),
      /^when: 1:16: == is not for int, string/,
    ],
    ["the wrong type", policy("node.name > 3"), /^when: 1:11: > is not for string, int/],
    [
      "the wrong type of a whole",
      policy("lifetime.steps + 1"),
      /it is of type int; it has to be true or false/,
    ],
    [
      "a field of a number",
      policy("lifetime.steps.much > 3"),
      /^when: 1:15: a value of type int has no field much/,
    ],
    [
      "a name of another event",
      policy("cycle.repeats > 3"),
      /^when: 1:1: cycle is known on plan_input, task_input, and not on task_execution/,
    ],
    ["what throws whatever is judged", policy("lifetime.steps / 0 > 1"), /^when: 1:18: a division by zero/],
    ["a constant that throws", policy("duration('soon') > duration('1s')"), /^when: 1:1: it always fails: /],
    ["a pattern that is none", policy("node.name.matches('(')"), /it always fails: /],
    [
      "three loops within each other",
      policy("[1].exists(a, [1].exists(b, [1].exists(c, a == b && b == c)))"),
      /more than 2 loops within each other/,
    ],
    [
      "too long an expression",
      policy(`node.name == '${"x".repeat(8_192)}'`),
      /^when: it has 8207 characters; the bound is 8192/,
    ],
    ["too deep an expression", policy(`${"(".repeat(4_000)}1${")".repeat(4_000)} == 1`), /^when: /],
  ])("%s", (_, document, said) => {
    expect(faults(document).join("\n")).toMatch(said);
  });
});

test.each([
  "execution.header.usage.tokens_in + execution.header.usage.tokens_out > 1000",
  "has(execution.header.usage) && execution.header.usage.custom['seconds'] > 1.5",
  "execution.header.status == ExecutionStatus.FAILED",
  "result.score < 0.5 && result.tags.exists(t, t == 'x')",
  "['a', 'b'].exists(w, string(result).contains(w))",
  "lifetime.labels['team'] == 'red' || 'x' in lifetime.labels",
  "lifetime.iterations.exists(n, lifetime.iterations[n] > 3)",
  "now > timestamp('2026-01-01T00:00:00Z') && now.getHours('UTC') < 8",
  "tenant.spent.month.cost_usd_micros > 5000000 ? node.kind == 'model' : false",
  "double(lifetime.age_ms) / 1000.0 > 2.5 && lifetime.steps * 2 > 1.5",
  "size(result) > 3 && result.size() > 3 && type(result) == map",
  "result.rows.all(r, r.cells.exists(c, c == null))",
])("%s is an expression", (when) => {
  expect(faults(policy(when))).toEqual([]);
});

test("a program knows what it reads, and nothing else", () => {
  const program = programOf("lifetime.steps > 3 && has(execution.header.usage)", "plan_execution");
  expect(program.ok && [...program.value.reads].sort()).toEqual([
    "has execution.header.usage",
    "lifetime.steps",
  ]);
});

test("every event knows the lifetime, the tenant and the graph", () => {
  for (const on of POLICY_EVENTS)
    expect(programOf("lifetime.steps > tenant.running || graph.name == 'x'", on).ok).toBe(true);
});

const examples = [...readFileSync("docs/policies.md", "utf8").matchAll(/```yaml\n(.*?)```/gs)].map(
  ([, yaml = ""]) => yaml,
);

test.each([...examples, ...STARTERS.map((starter) => JSON.stringify(starter))])(
  "what is shown and shipped is valid: %s",
  (document) => {
    expect(faults(text(document))).toEqual([]);
  },
);

test("the documents show examples", () => {
  expect(examples.length).toBeGreaterThan(3);
});

const V = "result.rows";
const list = (values: number) => `[${Array.from({ length: values }, () => 1).join(",")}]`;

test.each([
  ["two lists that are written out", `${list(1_000)}.all(a, ${list(1_000)}.all(b, a == b))`, "1000 values"],
  ["lists made in a loop", `${V}.map(x, ${list(300)}).exists(y, y.exists(z, z > 1))`, "300 values"],
  ["a list joined with itself", `(${V} + ${V} + ${V}).exists(v, v > 3)`, "joined"],
  ["lists joined in a loop", `${V}.map(x, x + x + x).exists(y, y.exists(z, z > 1))`, "joined"],
  ["a joined list in another", `[${V} + ${V}].exists(y, y.exists(z, z > 1))`, "joined"],
  ["more loops than are bounded", Array(9).fill(`${V}.exists(v, v > 3)`).join(" && "), "loops"],
])("a loop through %s is refused, with its place", (_, when, detail) => {
  const program = programOf(when, "task_execution");
  expect(program.ok ? "" : program.error).toContain(detail);
  expect(program.ok ? "" : program.error).toMatch(/^1:\d+: /);
});

test.each([
  `${V}.filter(v, v.a + v.b > 3).map(v, v.a).exists(v, v == 1)`,
  `${V}.exists(v, v.name + '!' == 'x!') && size(${V} + ${V}) < 10`,
  `${list(1_000)}.exists(a, a == 2) && [result.a + 1, 2].exists(v, v > 1)`,
])("what is bounded may be looped through: %#", (when) => {
  const program = programOf(when, "task_execution");
  expect(program.ok ? "" : program.error).toBe("");
});
