// Without this, looking back would tell of another policy than the one that is evaluated live.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Replay } from "../../../src/guardrails/replay.ts";
import type { Flip } from "../../../src/guardrails/replayed-life.ts";
import { type LogRecord, messageOf, type VerdictRecord } from "../../../src/topics/record.ts";
import { graphOf } from "../../fixtures/graphs.ts";
import { Play, TENANT } from "../../fixtures/play.ts";
import { stored } from "../control-plane/record.ts";
import { anyWalk, walk } from "../control-plane/walk.ts";
import { policiesOf, ruleOf, type Written } from "./policies.ts";

const flipsOf = (log: readonly LogRecord[], written: Written, index: Play["index"], within = {}): Flip[] => {
  const replay = new Replay(ruleOf(written), {
    tenant: TENANT,
    node: (_graph, _version, name) => index.node(name),
    messageAt: (offset) => messageOf(log[offset - 1]) ?? new Uint8Array(),
    from: 0,
    until: Number.MAX_SAFE_INTEGER,
    ...within,
  });
  const flips = log.flatMap((record) => replay.take(stored(record)) ?? []);
  return [...flips, ...replay.rest()];
};

const POLICIES: readonly Written[] = [
  { on: ["task_input", "plan_input"], when: "lifetime.steps > 4" },
  { on: ["plan_execution", "task_execution"], when: "execution.header.status == ExecutionStatus.FAILED" },
  {
    on: ["plan_execution", "task_execution"],
    when: "lifetime.spent.calls >= 3 && execution.header.attempt >= 1",
  },
  { on: "task_input", when: "lifetime.open >= 2" },
  { on: ["task_input", "plan_input"], when: "input.iteration >= 2 || input.attempt >= 2" },
  { on: "task_input", when: "cycle.repeats >= 1" },
  { on: "plan_input", when: "size(input.from) > 1 || tenant.spent.hour.calls > 6" },
  { on: "lifetime_start", when: "lifetime.steps == 0 && tenant.running == 1" },
  { on: "task_execution", when: "result == null || lifetime.age_ms > 2000" },
];

test("the first flip of a recorded lifetime is the first decision of a live run of the same work", () => {
  fc.assert(
    fc.property(anyWalk, fc.constantFrom(...POLICIES), ([graph, moves], written) => {
      const still = moves.filter(
        ({ what }) => !["pause", "hold graph", "hold tenant", "retry", "guard", "unguard"].includes(what),
      );
      const recorded = walk(graph, still, () => {});
      const [flip] = flipsOf(recorded.log, written, recorded.index);
      const live = walk(graph, still, () => {}, { policies: policiesOf(written) });
      const first = live.log.find((record): record is VerdictRecord => record.type === "verdict");
      expect(flip && { on: flip.on, input: flip.input_id, attempt: flip.attempt, read: flip.read }).toEqual(
        first && { on: first.on, input: first.input, attempt: first.attempt, read: first.read },
      );
    }),
    { numRuns: 200 },
  );
});

const LOOP = graphOf("A -> b; b -> A", { A: { entry: true } }, { iterationsMax: 5 });
const tokens = (many: number) => ({
  header: { usage: { tokensIn: BigInt(many), tokensOut: 0n, costUsdMicros: 7n, latencyMs: 0n } as never },
});

const looped = (guard?: Play["guard"]): Play => {
  const play = new Play(LOOP);
  play.guard = guard;
  play.begin();
  while (play.head.endedAt === undefined) {
    play.answer("A", tokens(0));
    if (play.head.endedAt === undefined) play.answer("b", tokens(10));
  }
  return play;
};

test("what was recorded after a flip is saved", () => {
  const { log, index } = looped();
  const flips = flipsOf(log, { when: "lifetime.spent.tokens >= 20", action: "ABORT_LIFETIME" }, index);
  expect(flips).toMatchObject([
    {
      on: "task_input",
      node: "b",
      decision: "ABORT_LIFETIME",
      recorded: "NONE",
      saved: { tokens_in: 30, cost_usd_micros: 35 },
    },
  ]);
});

test("a policy that has decided the same flips nothing, and one that would decide no more flips what it had", () => {
  const written = { when: "lifetime.spent.tokens >= 20" };
  const { log, index } = looped({ policies: policiesOf(written) });
  expect(flipsOf(log, written, index)).toEqual([]);
  expect(flipsOf(log, { when: "lifetime.spent.tokens >= 1000" }, index)).toMatchObject([
    { decision: "NONE", recorded: "REJECT_EXECUTION" },
  ]);
});

test("of a wave that was allowed in part, each task is judged beside those that were allowed before it", () => {
  const ignored = Object.fromEntries(
    ["b", "c", "d", "e"].map((name) => [name, { onFailure: "ignore" }] as const),
  );
  const play = new Play(graphOf("A -> b c d e; b c d e -> F", ignored));
  const written = { on: "task_input", when: "lifetime.open >= 2" } as const;
  play.guard = { policies: policiesOf(written) };
  play.begin().answer("A").answer("b").answer("c");
  expect(play.inputs().map(({ header }) => header.name)).toEqual(["A", "b", "c", "F"]);
  expect(flipsOf(play.log, written, play.index)).toEqual([]);
});

test("what lies outside of the range is counted, and not judged", () => {
  const { log, index, at } = looped();
  const written = { when: "lifetime.spent.tokens >= 20" };
  expect(flipsOf(log, written, index, { until: at })).toEqual([]);
  expect(flipsOf(log, written, index, { from: at + 1 })).toEqual([]);
  expect(flipsOf(log, written, index, { from: at, until: at + 1 }).length).toBe(1);
});
