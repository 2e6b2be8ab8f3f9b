// Without this, what a policy decides could break the routing of a lifetime, or be got round by it.
import { describe, expect, test } from "vitest";
import { draftOf } from "../../../src/control-plane/draft.ts";
import { loadStored, storedWrite } from "../../../src/control-plane/stored.ts";
import { judgeInputs } from "../../../src/control-plane/verdicts.ts";
import { forkGuard } from "../../../src/guardrails/guard.ts";
import { inputValue } from "../../../src/guardrails/payload.ts";
import { STARTERS } from "../../../src/guardrails/starters.ts";
import { type Execution, encodeExecution } from "../../../src/wire/codec.ts";
import { ExecutionStatus } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { graphOf } from "../../fixtures/graphs.ts";
import { executionOf, Play } from "../../fixtures/play.ts";
import { policies } from "../../fixtures/policies.ts";

const policy = (name: string, fields: Record<string, string>): string =>
  Object.entries({ name, message: "so it is", ...fields })
    .map(([key, value]) => `${key}: ${value}`)
    .join("\n");

const guarded = (graph: Parameters<typeof graphOf>, ...documents: string[]): Play => {
  const play = new Play(graphOf(...graph));
  play.guard = policies(...documents);
  return play;
};

const verdictsOf = ({ log }: Play) => log.flatMap((record) => (record.type === "verdict" ? [record] : []));

describe("ROUTE_TO", () => {
  const route = (to: string, more: Record<string, string> = {}) =>
    guarded(
      ["A -> x y; x y -> B; B -> z"],
      policy("route", {
        on: "plan_execution",
        scope: "{ node: A }",
        action: "ROUTE_TO",
        route_to: to,
        ...more,
      }),
    )
      .begin()
      .answer("A", { tasks: ["x"] });

  test("launches the task that the policy names instead of what the plan chose", () => {
    expect(route("y").issued).toEqual(["2 y"]);
  });

  test.each([
    ["nowhere", "1 == 1"],
    ["z", "1 == 1"],
    ["B", "1 == 1"],
    ["nowhere", "input.value.missing > 1"],
  ])("to %s, which is no task of the plan, rejects its execution where %s", (to, when) => {
    const play = route(to, { when });
    expect(play.head).toMatchObject({
      status: "FAILED",
      reason: { code: "node_failed", detail: expect.stringContaining(`${to} is no task after A`) },
    });
    expect(play.executions().at(-1)?.header).toMatchObject({ name: "A", status: ExecutionStatus.REJECTED });
    const error = expect.stringContaining(`${to} is no task after A`);
    expect(verdictsOf(play)).toMatchObject([{ error, on_error: "closed" }]);
  });

  test("to no task of the plan changes nothing where it fails open", () => {
    const play = route("nowhere", { on_error: "open" });
    expect(play.issued).toEqual(["2 x"]);
    expect(verdictsOf(play)).toMatchObject([{ error: "nowhere is no task after A", on_error: "open" }]);
  });

  test("holds where its expression fails, if its task is one of the plan", () => {
    const play = route("y", { when: "input.value.missing > 1" });
    expect(verdictsOf(play)).toMatchObject([{ error: expect.stringContaining("missing") }]);
    expect(play.issued).toEqual(["2 y"]);
  });
});

test("lifetime.open counts the tasks of a wave that were allowed before", () => {
  const play = guarded(
    [
      "A -> a b c d; a b c d -> B",
      Object.fromEntries(["a", "b", "c", "d"].map((name) => [name, { onFailure: "ignore" }])),
    ],
    policy("few", { on: "task_input", when: "lifetime.open >= 2", action: "REJECT_EXECUTION" }),
    policy("not-a", { on: "task_input", scope: "{ node: a }", action: "REJECT_EXECUTION" }),
  )
    .begin()
    .answer("A");
  expect(play.issued).toEqual(["3 b", "4 c"]);
});

test("lifetime.iterations are those up to each task of a wave, also of one that was held", () => {
  const play = guarded(
    ["A -> a b c; a b c -> B; B -> A", { A: { entry: true } }],
    policy("see", { on: "task_input", when: "size(lifetime.iterations) > 2", action: "WARN" }),
    policy("hold", { on: "plan_execution", action: "PAUSE_LIFETIME" }),
  )
    .begin()
    .answer("A");
  expect(play.issued).toEqual([]);
  play.reduce({ type: "resume_requested" });
  expect(verdictsOf(play).filter(({ policy }) => policy === "see")).toMatchObject([
    { input: "l1:3", read: { "lifetime.iterations": { A: 1, a: 1, b: 1 } } },
    { input: "l1:4", read: { "lifetime.iterations": { A: 1, a: 1, b: 1, c: 1 } } },
  ]);
});

test("judging a thousand inputs looks at each of them a few times, not at all of them for each", () => {
  const names = Array.from({ length: 1_000 }, (_, i) => `t${i}`);
  const play = new Play(graphOf(`A -> ${names.join(" ")}`)).begin().answer("A");
  const elsewhere = policies(policy("no", { on: "task_input", scope: "{ graph: other }", action: "WARN" }));
  if (play.state === undefined) throw new Error("not started");
  const draft = draftOf(play.state, play.index, {
    at: play.at,
    tail: play.log.length + 1,
    guard: forkGuard(elsewhere, () => undefined),
  });
  let looked = 0;
  const attempts = play.open("issued").map(([n, member]) => {
    const get = (of: typeof member, key: string | symbol) => {
      looked++;
      return Reflect.get(of, key);
    };
    const seen = new Proxy(member, { get });
    return [n, seen] as const;
  });
  expect(judgeInputs(draft, attempts)).toHaveLength(1_000);
  expect(looked).toBeLessThan(20_000);
});

test("a thousand inputs of one wave are each judged by the passes up to it, and by what was reserved before all", () => {
  const names = Array.from({ length: 1_000 }, (_, i) => `t${i}`);
  const play = new Play(graphOf(`A -> ${names.join(" ")}`)).begin().answer("A");
  const when = `"lifetime.reserved.calls == 2000 && node.name in lifetime.iterations
    && size(lifetime.iterations) in [2, 500, 1001]"`;
  if (play.state === undefined) throw new Error("not started");
  const draft = draftOf(play.state, play.index, {
    at: play.at,
    tail: play.log.length + 1,
    guard: forkGuard(policies(policy("see", { on: "task_input", when, action: "WARN" })), () => undefined),
  });
  const attempts = play.open("issued");
  for (const [n, member] of attempts)
    draft.lifetime.members.set(n, { ...member, reserved: { at: play.at, amounts: { calls: 2 }, on: [] } });
  judgeInputs(draft, attempts);
  const verdicts = draft.effects.flatMap((effect) =>
    effect.type === "append" && effect.record.type === "verdict" ? [effect.record] : [],
  );
  expect(verdicts.map(({ node, error }) => [node, error])).toEqual([
    ["t0", undefined],
    ["t498", undefined],
    ["t999", undefined],
  ]);
});

test.each(["fail", "route"] as const)(
  "a plan whose execution is rejected launches none of the tasks that it chose, with on_failure: %s",
  (onFailure) => {
    const play = guarded(
      ["A -> x y", { A: { onFailure } }],
      policy("no", { on: "plan_execution", action: "REJECT_EXECUTION" }),
    )
      .begin()
      .answer("A");
    expect(play.issued).toEqual([]);
    expect(play.head.status).toBe(onFailure === "fail" ? "FAILED" : "SUCCEEDED");
  },
);

describe("what comes from outside is judged before it is recorded:", () => {
  const NO_SECRETS = (action: string) =>
    policy("no-secrets", { on: "task_execution", when: "result == 'secret'", action });
  const rejected = { status: ExecutionStatus.REJECTED, name: "x" };

  const waiting = (action: string) =>
    guarded(["A -> x; x -> B", { x: { kind: "wait", settings: { signal: "go" } } }], NO_SECRETS(action))
      .begin()
      .answer("A");

  test("the value of a signal", () => {
    const play = waiting("REJECT_EXECUTION").signal("go", "secret");
    expect(play.executions().at(-1)?.header).toMatchObject(rejected);
    expect(play.head).toMatchObject({ status: "FAILED", reason: { code: "node_failed" } });
    expect(waiting("REJECT_EXECUTION").signal("go", "fine").issued).toEqual(["3 B"]);
  });

  test("the value of a signal that was kept, and of one that ends or holds the lifetime", () => {
    const kept = guarded(
      ["A -> x; x -> B", { x: { kind: "wait", settings: { signal: "go" } } }],
      NO_SECRETS("REJECT_EXECUTION"),
    ).begin();
    kept.signal("go", "secret").answer("A");
    expect(kept.executions().at(-1)?.header).toMatchObject(rejected);
    const aborted = waiting("ABORT_LIFETIME").signal("go", "secret");
    expect(aborted.head).toMatchObject({ status: "FAILED", reason: { code: "policy_aborted" } });
    expect(aborted.executions()).toHaveLength(2);
    const paused = waiting("PAUSE_LIFETIME").signal("go", "secret");
    expect(paused.head.status).toBe("PAUSED");
    expect(paused.open("held").map(([, { node }]) => node)).toEqual(["B"]);
  });

  test("the answer of a person", () => {
    const settings = { title: "Publish?", who: ["ada"], quorum: 1 };
    const play = guarded(
      ["A -> x; x -> B", { x: { kind: "human", settings } }],
      NO_SECRETS("REJECT_EXECUTION"),
    )
      .begin()
      .answer("A");
    const opened = play.log.find((record) => record.type === "approval_opened")?.offset ?? 0;
    const voter = { name: "ada", roles: [] };
    play.reduce({
      type: "approval_answered",
      n: 2,
      opened,
      voter,
      ballot: { type: "approve", edit: "secret" },
    });
    expect(play.executions().at(-1)?.header).toMatchObject(rejected);
    expect(verdictsOf(play)).toMatchObject([{ on: "task_execution", read: { result: "secret" } }]);
  });
});

describe("cycle.repeats", () => {
  test("is written with a step only of the node that was issued, and is there after a restart", () => {
    const play = guarded(
      ["A -> x y; x y -> A", { A: { entry: true, join: "each" } }],
      policy("again", { on: "task_input", when: "cycle.repeats >= 2", action: "PAUSE_LIFETIME" }),
    ).begin();
    for (let pass = 0; pass < 2; pass++) play.answer("A", { tasks: ["x"] }).answer("x");
    if (play.state === undefined) throw new Error("not started");
    const { state, cells } = storedWrite(play.state, false);
    play.state = loadStored(state, () => cells).lifetime;
    play.answer("A", { tasks: ["y"] });
    expect([...play.state.repeats.changes().keys()]).toEqual(["y"]);
    expect(JSON.parse(state).head.tally).toBeUndefined();
    play.answer("y").answer("A", { tasks: ["x"] });
    expect(play.head.status).toBe("PAUSED");
  });

  const loop = (on_error: string) =>
    guarded(
      ["A -> x; x -> A", { A: { entry: true } }],
      policy("again", { on: "plan_input", when: "cycle.repeats >= 9", action: "PAUSE_LIFETIME", on_error }),
    ).begin();

  test.each([
    ["is too large to be read", { bytes: 70_000 }, "bytes"],
    ["lies outside its message", { outside: true }, "outside its message"],
  ])("of an input that %s is an evaluation error, and no repeat that is not seen", (_, answer, error) => {
    const play = loop("closed").answer("A").answer("x", answer);
    expect(play.head.status).toBe("PAUSED");
    expect(verdictsOf(play).at(-1)?.error).toContain(error);
    expect(loop("open").answer("A").answer("x", answer).head.status).toBe("RUNNING");
  });
});

test("what the inputs of a wave carry is decoded once", () => {
  const message = encodeExecution(executionOf("plan", { name: "A" }, { tasks: ["x", "y"] }));
  let decoded = 0;
  class Counting extends Map<number, Execution> {
    override set(offset: number, execution: Execution): this {
      decoded++;
      return super.set(offset, execution);
    }
  }
  const carried = {
    kind: "task" as const,
    carries: [7],
    withoutResult: [],
    messageAt: () => message,
    executions: new Counting(),
  };
  const values = ["x", "y"].map((node) => inputValue({ ...carried, node }));
  expect(values).toEqual([inputValue({ ...carried, node: "x", executions: undefined }), values[0]]);
  expect(decoded).toBe(1);
});

describe("of the starters", () => {
  const starter = (name: string) => JSON.stringify(STARTERS.find((each) => each.name === name));

  test("execution-time tells of an attempt that took long, whatever its executor says of it", () => {
    const play = guarded(["A -> x"], starter("execution-time")).begin();
    play.at += 300_001;
    play.answer("A");
    expect(verdictsOf(play)).toMatchObject([{ action: "WARN", read: { "input.elapsed_ms": 300_001 } }]);
    expect(verdictsOf(play.answer("x"))).toHaveLength(1);
  });

  test.each(["my password", { to: { whom: ["a secret key"] } }, ["password"]])(
    "blocked-words finds them wherever they are: %j",
    (value) => {
      const play = guarded(
        ["A -> x; x -> B", { x: { kind: "wait", settings: { signal: "go" } } }],
        starter("blocked-words"),
      )
        .begin()
        .answer("A")
        .signal("go", value);
      expect(play.head).toMatchObject({ status: "FAILED", reason: { code: "node_failed" } });
    },
  );
});
