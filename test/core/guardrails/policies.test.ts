// Without this, what no policy allows might be issued, or what a policy says might not follow.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { VerdictRecord } from "../../../src/topics/record.ts";
import { ExecutionStatus } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { graphOf } from "../../fixtures/graphs.ts";
import { Play } from "../../fixtures/play.ts";
import { anyWalk, walk } from "../control-plane/walk.ts";
import { policiesOf, type Written } from "./policies.ts";

const play = (text: string, nodes: Parameters<typeof graphOf>[1], ...written: readonly Written[]): Play => {
  const played = new Play(graphOf(text, nodes));
  played.guard = { policies: policiesOf(...written) };
  return played.begin();
};

const verdicts = ({ log }: Play): VerdictRecord[] => log.filter((record) => record.type === "verdict");

const usage = (tokens: number) => ({
  header: { usage: { tokensIn: BigInt(tokens), tokensOut: 0n, costUsdMicros: 5n, latencyMs: 0n } as never },
});

describe("a wave of which one task is rejected", () => {
  const FORK = "A -> b c d; b c d -> E";
  const rejectC = { scope: { node: "c" } };

  test("goes on without it where its node routes or ignores failure, and waits for nobody", () => {
    const played = play(FORK, { c: { onFailure: "ignore" } }, rejectC).answer("A");
    expect(played.issued).toEqual(["2 b", "4 d"]);
    expect(played.executions().map(({ header }) => [header.name, header.status])).toEqual([
      ["A", ExecutionStatus.SUCCEEDED],
      ["c", ExecutionStatus.REJECTED],
    ]);
    played.answer("b").answer("d");
    expect(played.inputs().at(-1)).toMatchObject({
      header: { name: "E" },
      withoutResult: [expect.any(Number)],
    });
  });

  test("ends its lifetime where its node fails, and nothing of it is issued", () => {
    const played = play(FORK, {}, rejectC).answer("A");
    expect(played.head).toMatchObject({ status: "FAILED", reason: { code: "node_failed" } });
    expect(played.inputs().map(({ header }) => header.name)).toEqual(["A"]);
    expect(played.asked).toEqual(["announce end"]);
  });

  test("of which all are rejected comes to its join all the same", () => {
    const all = { b: { onFailure: "route" }, c: { onFailure: "route" }, d: { onFailure: "route" } } as const;
    const played = play(FORK, all, {}).answer("A");
    expect(played.issued).toEqual(["5 E"]);
  });

  test("is not taken up by an earlier winner", () => {
    const played = play(
      "A -> b c; b c -> E",
      { b: { onFailure: "route" }, E: { join: { first: 1 } } },
      { scope: { node: "b" } },
    );
    played.answer("A");
    expect(played.issued).toEqual(["4 E"]);
    expect(played.inputs().map(({ header }) => header.name)).toEqual(["A", "E"]);
  });
});

describe("the strictest counts, and all that match are recorded", () => {
  test.each([
    [["WARN", "PAUSE_LIFETIME"], "PAUSED"],
    [["PAUSE_LIFETIME", "REJECT_EXECUTION"], "FAILED"],
    [["REJECT_EXECUTION", "ABORT_LIFETIME", "WARN"], "FAILED"],
    [["WARN"], "RUNNING"],
  ])("%s", (actions, status) => {
    const written = actions.map((action, i) => ({ name: `p${i}`, action }));
    const played = play("A -> b", {}, ...written).answer("A");
    expect(played.head.status).toBe(status);
    expect(verdicts(played).map(({ action }) => action)).toEqual(actions);
    if (actions.includes("ABORT_LIFETIME")) expect(played.head.reason?.code).toBe("policy_aborted");
  });
});

test("what holds a lifetime is asked again of each policy when it is resumed", () => {
  const played = play("A -> b", {}, { action: "PAUSE_LIFETIME" }).answer("A");
  played.reduce({ type: "resume_requested" });
  expect(played.head.status).toBe("PAUSED");
  expect(verdicts(played).length).toBe(2);
  played.guard = undefined;
  played.reduce({ type: "resume_requested" });
  expect(played.issued).toEqual(["2 b"]);
});

test("an attempt after a failure is asked about like the first", () => {
  const played = play("A -> b", { b: { retry: { attempts: 3 } } }, { when: "input.attempt > 1" });
  played.answer("A").answer("b", { error: "flaky: no" });
  while (played.head.endedAt === undefined) played.pass(1_000);
  expect(played.executions().map(({ header }) => [header.name, header.attempt, header.status])).toEqual([
    ["A", 1, ExecutionStatus.SUCCEEDED],
    ["b", 1, ExecutionStatus.FAILED],
    ["b", 2, ExecutionStatus.REJECTED],
  ]);
});

test("a policy sends a plan elsewhere, to a task that its graph allows", () => {
  const route = { on: "plan_execution", action: "ROUTE_TO", route_to: "c" };
  const played = play("A -> b c", {}, route).answer("A", { tasks: ["b"] });
  expect(played.issued).toEqual(["2 c"]);
  const none = play("A -> b", {}, { ...route, on_error: "open" }).answer("A");
  expect(none.issued).toEqual(["2 b"]);
  expect(verdicts(none)[0]?.error).toBe("c is no task after A");
});

test("an execution that is rejected keeps its usage and its result", () => {
  const played = play("A -> b", {}, { on: "task_execution", when: "execution.header.usage.tokens_in > 9" });
  played.answer("A").answer("b", usage(10));
  const [, rejected] = played.executions();
  expect(rejected?.header).toMatchObject({ status: ExecutionStatus.REJECTED, usage: { tokensIn: 10n } });
});

test("what a lifetime has spent counts for what comes next", () => {
  const loop = "A -> b; b -> C; C -> d";
  const played = play(loop, {}, { on: ["plan_input", "task_input"], when: "lifetime.spent.tokens > 15" });
  played.answer("A", usage(5)).answer("b", usage(10)).answer("C", usage(1));
  expect(played.head).toMatchObject({ status: "FAILED", tally: { spent: { tokens_in: 16, calls: 4 } } });
  expect(verdicts(played)[0]).toMatchObject({ node: "d", read: { "lifetime.spent.tokens": 16 } });
});

test("a node that runs with the same input again and again is found out", () => {
  const played = play(
    "A -> b; b -> A",
    { A: { entry: true } },
    { on: "task_input", when: "cycle.repeats >= 2" },
  );
  for (let pass = 0; pass < 3 && played.head.endedAt === undefined; pass++) {
    played.answer("A");
    if (played.head.endedAt === undefined) played.answer("b");
  }
  expect(played.head.status).toBe("FAILED");
  expect(verdicts(played).map(({ read }) => read)).toEqual([{ "cycle.repeats": 2 }]);
});

test("a lifetime is judged as it starts, with its input, once", () => {
  const played = play(
    "A -> b; C -> d",
    {},
    { on: "lifetime_start", when: "lifetime.steps == 0", action: "WARN" },
  );
  expect(played.issued).toEqual(["1 A", "2 C"]);
  expect(verdicts(played).length).toBe(1);
});

test("nothing is counted, and nothing written, that no policy reads", () => {
  const played = play("A -> b", {}, { when: "input.attempt > 5" })
    .answer("A", usage(5))
    .answer("b", usage(5));
  expect(played.head.tally).toBeUndefined();
  expect(play("A -> b", {}).log.some((record) => record.type === "input" && record.policies === 7)).toBe(
    true,
  );
  const free = new Play(graphOf("A -> b")).begin();
  expect(free.log.every((record) => record.type !== "input" || !("policies" in record))).toBe(true);
});

test("every input names the policies that allowed it in its own step, whatever happens to its lifetime", () => {
  const written: Written[] = [
    { name: "some", on: ["task_input", "plan_input"], when: "lifetime.steps % 7 == 3 && lifetime.open < 3" },
    { name: "late", on: "task_input", when: "lifetime.age_ms > 3000", action: "WARN" },
    { name: "loops", on: "task_input", when: "input.iteration > 4", action: "ABORT_LIFETIME" },
    { name: "ends", on: "task_execution", when: "lifetime.steps % 11 == 5", action: "REJECT_EXECUTION" },
  ];
  fc.assert(
    fc.property(anyWalk, ([graph, moves]) => {
      const sets = [policiesOf(...written), policiesOf(...written.slice(1))] as const;
      let step = 0;
      walk(
        graph,
        moves.filter(({ what }) => what !== "guard" && what !== "unguard"),
        ({ play: played, effects, event }) => {
          const { policies } = event.guard ?? {};
          for (const effect of effects)
            if (effect.type === "append" && effect.record.type === "input")
              expect(effect.record.policies).toBe(policies?.version);
          // From now on others hold, or none.
          const next = [{ policies: sets[0] }, { policies: sets[1] }, undefined][++step % 3];
          played.guard = next;
        },
      );
    }),
    { numRuns: 1_000 },
  );
});
