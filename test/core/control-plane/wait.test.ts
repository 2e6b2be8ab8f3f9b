// Without this, a wait could be missed by its signal, end early, or hold a lifetime for ever.
import { describe, expect, test } from "vitest";
import { reduce } from "../../../src/control-plane/reduce.ts";
import { encodeExecution, isPlan } from "../../../src/wire/codec.ts";
import { ExecutionStatus } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { readResult } from "../../../src/wire/payload.ts";
import { graphOf } from "../../fixtures/graphs.ts";
import { Play, START } from "../../fixtures/play.ts";

const forSignal = (signal: string) => ({ kind: "wait", settings: { signal } });
const TIMEOUT_MS = 10_000;

const resultOf = (play: Play, node: string) => {
  const found = play.executions().findLast(({ header }) => header.name === node);
  return found && !isPlan(found.execution) ? readResult(found.execution.result) : undefined;
};

describe("a wait for a signal", () => {
  const graph = graphOf("A -> x; x -> B", { x: forSignal("approve") });

  test("is on its topic, and dispatched to nobody", () => {
    const play = Play.start(graph).answer("A");
    expect(play.inputs().map(({ header }) => header.name)).toEqual(["A", "x"]);
    expect(play.asked).toEqual([]);
    expect(play.member(2)).toMatchObject({ phase: "waiting", waits: { signal: "approve" } });
    expect(play.head.due).toBe(START + TIMEOUT_MS);
  });

  test("ends with the value of the signal, under the id that an executor would have used", () => {
    const play = Play.start(graph).answer("A").signal("approve", { by: "ada" });
    expect(resultOf(play, "x")).toEqual({ by: "ada" });
    expect(play.executions()[1]?.header).toMatchObject({
      status: ExecutionStatus.SUCCEEDED,
      execId: play.inputs()[1]?.header.execId,
      attempt: 1,
    });
    expect(play.issued).toEqual(["3 B"]);
    expect(play.head.signals).toBeUndefined();
  });

  test("takes a signal that came before it, and the oldest first", () => {
    const play = Play.start(graph).signal("approve", 1).signal("other", 2).signal("approve", 3);
    expect(play.head.signals?.map(({ name }) => name)).toEqual(["approve", "other", "approve"]);
    play.answer("A");
    expect(resultOf(play, "x")).toBe(1);
    expect(play.head.signals?.map(({ name }) => name)).toEqual(["other", "approve"]);
  });

  test("is recorded with the signal, which says whose wait it ended", () => {
    const play = Play.start(graph).signal("approve", 1, "k1").answer("A").signal("approve", 2);
    const signals = play.log.filter((record) => record.type === "signal_received");
    expect(signals).toMatchObject([{ name: "approve", by: "test", key: "k1" }, { name: "approve" }]);
    expect(signals.map(({ input }) => input)).toEqual([undefined, undefined]);
    expect(play.log.filter(({ type }) => type === "lifetime_status")).toEqual([]);
    const waited = Play.start(graph).answer("A").signal("approve");
    expect(waited.log.at(-4)).toMatchObject({ type: "signal_received", input: "l1:2" });
  });

  test("that takes the last but one leaves the last", () => {
    const play = Play.start(graph).signal("approve", 1).signal("other", 2).answer("A");
    expect(play.head.signals?.map(({ name }) => name)).toEqual(["other"]);
  });

  test("is a task: a plan of that kind is a plan", () => {
    expect(Play.start(graphOf("A -> x", { A: { kind: "wait" } })).issued).toEqual(["1 A"]);
  });

  test("leaves other names alone", () => {
    expect(Play.start(graph).answer("A").signal("reject").member(2).phase).toBe("waiting");
  });

  test("of several with the same name ends the one that was issued first", () => {
    const both = graphOf("A -> x y", { x: forSignal("go"), y: forSignal("go") });
    const play = Play.start(both).answer("A", { tasks: ["y", "x"] });
    play.signal("go", 1);
    expect([resultOf(play, "y"), resultOf(play, "x")]).toEqual([1, undefined]);
    expect(play.signal("go", 2).head.status).toBe("SUCCEEDED");
    expect(resultOf(play, "x")).toBe(2);
  });

  test("times out with the node's timeout, not a millisecond sooner, and may be retried", () => {
    const twice = graphOf("A -> x; x -> B", {
      x: { ...forSignal("approve"), retry: { attempts: 2, backoffMs: 0 } },
    });
    const play = Play.start(twice).answer("A");
    expect(play.pass(TIMEOUT_MS - 1).executions()).toHaveLength(1);
    play.pass(1);
    expect(play.executions()[1]?.execution.result?.errorMessage).toBe(
      `timed_out: no signal "approve" within ${TIMEOUT_MS} ms`,
    );
    expect(play.signal("approve", "late").pass(0).issued).toEqual(["3 B"]);
    expect(resultOf(play, "x")).toBe("late");
  });

  test("that timed out goes on where the node routes failures", () => {
    const routed = graphOf("A -> x; x -> B", { x: { ...forSignal("approve"), onFailure: "route" } });
    expect(Play.start(routed).answer("A").pass(TIMEOUT_MS).issued).toEqual(["3 B"]);
  });

  test("is answered by no executor: such an answer is a stray of something unknown", () => {
    const play = Play.start(graph).answer("A");
    expect(play.answerInput(2).asked).toEqual(["set aside unknown"]);
    expect(play.signal("approve").issued).toEqual(["3 B"]);
  });

  test("is not sent again when its object is, and no heartbeat extends it", () => {
    const play = Play.start(graph).answer("A");
    expect(play.reduce({ type: "restarted" }).effects).toEqual([]);
    play.at += 5_000;
    play.reduce({ type: "heartbeat_received", n: 2, attempt: 1 });
    expect(play.member(2).due).toBe(START + TIMEOUT_MS);
  });

  test("is closed as canceled with its lifetime, and withdrawn from nobody", () => {
    const play = Play.start(graph).answer("A").reduce({ type: "cancel_requested", detail: "" });
    expect(play.executions().at(-1)?.header).toMatchObject({ name: "x", status: ExecutionStatus.CANCELED });
    expect(play.asked).toEqual(["announce end"]);
  });
});

describe("a wait for time", () => {
  const iso = (at: number) => new Date(at).toISOString();
  const waits = (settings: Record<string, string | number>, timeoutMs = 60_000) =>
    Play.start(graphOf("A -> x; x -> B", { x: { kind: "wait", settings, timeoutMs } }));

  test.each([
    ["a duration", { for: 5_000 }, START + 5_000],
    ["an instant", { until: iso(START + 7_000) }, START + 7_000],
    ["an instant with an offset", { until: "1970-01-01T01:16:45+01:00" }, START + 5_000],
  ])("for %s ends then, not a millisecond sooner, with the instant", (_, settings, ends) => {
    const play = waits(settings).answer("A");
    expect(play.head.due).toBe(ends);
    expect(play.pass(ends - START - 1).issued).toEqual([]);
    expect(play.pass(1).issued).toEqual(["3 B"]);
    expect(resultOf(play, "x")).toBe(iso(ends));
  });

  test("until an instant of its input ends then, or at its timeout; what is told of an earlier attempt is nothing", () => {
    const play = waits({ until: "input.at" }, 4_000);
    const execution = play.execution(1);
    const message = encodeExecution(execution);
    const moment = { at: START, tail: play.log.length + 1 };
    const arrived = { type: "execution_arrived" as const, kind: "plan" as const, n: 1, execution, message };
    const { state, effects } = reduce(play.state, { ...arrived, ...moment }, play.index);
    expect(effects.at(-1)).toEqual({ type: "recall", n: 2, attempt: 1, offset: moment.tail });
    const told = (attempt: number, until: number) => {
      const recalled = { type: "recalled" as const, n: 2, attempt, found: { until } };
      const { due, waits } = reduce(state, { ...recalled, ...moment }, play.index).state.members.get(2) ?? {};
      return [due, waits];
    };
    expect(told(1, START + 1_000)).toEqual([START + 1_000, { until: START + 1_000 }]);
    expect(told(1, START + 9_000)).toEqual([START + 4_000, { until: START + 9_000 }]);
    expect(told(2, START + 1_000)).toEqual([START + 4_000, {}]);
  });

  test("that is over already ends as soon as time passes", () => {
    const play = waits({ until: iso(START - 1) }).answer("A");
    expect(play.head.due).toBeLessThanOrEqual(START);
    expect(play.pass(0).issued).toEqual(["3 B"]);
  });

  test("longer than its timeout times out", () => {
    const play = waits({ for: 5_000 }, 4_000).answer("A").pass(4_000);
    expect(play.executions()[1]?.execution.result?.errorMessage).toBe(
      "timed_out: it was not over within 4000 ms",
    );
  });
});
