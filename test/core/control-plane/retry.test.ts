// Without this, a retry could lose what succeeded, do it again, or bring back what it should not.
import { describe, expect, test } from "vitest";
import { draw } from "../../../src/control-plane/ids.ts";
import { settleLifetime } from "../../../src/control-plane/lifetime.ts";
import { retryRefusal } from "../../../src/control-plane/retry.ts";
import { loadStored, storedWrite } from "../../../src/control-plane/stored.ts";
import type { Bounds } from "../../../src/graph/graph.ts";
import { ATTEMPTS_MAX } from "../../../src/limits.ts";
import { ExecutionStatus } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { graphOf } from "../../fixtures/graphs.ts";
import { Play, START } from "../../fixtures/play.ts";

const retry = (play: Play) => play.reduce({ type: "retry_requested", detail: "mended" });

const refusal = (play: Play) => play.state && retryRefusal(play.state, play.index);

/** x has succeeded, y has failed, and z was at work. */
const failed = (bounds: Partial<Bounds> = {}) =>
  Play.start(graphOf("A -> x y z; x y z -> B", {}, bounds))
    .answer("A")
    .answer("x")
    .answer("y", { error: "no" });

describe("a retry", () => {
  test("attempts again what failed and what the end canceled, and keeps what succeeded", () => {
    const play = retry(failed());
    expect(play.asked).toEqual(["dispatch 3 y 2", "dispatch 4 z 2"]);
    expect(play.head).toMatchObject({ status: "RUNNING", outstanding: 2 });
    expect(play.head.reason).toBeUndefined();
    expect(play.answer("z").answer("y").issued).toEqual(["5 B"]);
    expect(play.member(5).parents.map(({ name }) => name)).toEqual(["x", "y", "z"]);
    expect(play.answer("B", { tasks: [] }).head.status).toBe("SUCCEEDED");
    const ids = play.executions().map(({ header }) => header.execId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("is recorded, and so is the end that follows it", () => {
    const play = retry(failed()).answer("y", { error: "no" });
    expect(play.log.filter(({ type }) => type.startsWith("lifetime_")).map(({ type }) => type)).toEqual([
      "lifetime_started",
      "lifetime_ended",
      "lifetime_retried",
      "lifetime_ended",
    ]);
    expect(play.head.status).toBe("FAILED");
    expect(retry(play).issued).toEqual(["3 y", "4 z"]);
  });

  test("takes answers of earlier attempts for what they are", () => {
    const play = failed();
    const [late, duplicate] = [4, 3].map((n) => play.execution(n));
    retry(play);
    expect(late && play.arrive(4, late).asked).toEqual(["set aside late"]);
    expect(duplicate && play.arrive(3, duplicate).asked).toEqual(["set aside duplicate"]);
  });

  test("gives the lifetime its whole time again", () => {
    const play = failed({ timeoutMs: 15_000 });
    play.at += 60_000;
    expect(retry(play).head.deadline).toBe(START + 75_000);
    play.pass(10_999);
    expect(play.head.status).toBe("RUNNING");
  });

  test("after the deadline goes on with all that was open", () => {
    const graph = graphOf("A -> x y", { x: { retry: { attempts: 2, backoffMs: 1e9 } } }, { timeoutMs: 500 });
    const play = Play.start(graph).answer("A").answer("x", { error: "no" }).pass(500);
    expect(play.head.reason?.code).toBe("lifetime_timed_out");
    expect(retry(play).asked).toEqual(["dispatch 2 x 2", "dispatch 3 y 2"]);
  });

  test("begins the node's own retries anew, from the first backoff", () => {
    const graph = graphOf("A -> x", { x: { retry: { attempts: 2, backoffMs: 100 } } });
    const play = Play.start(graph).answer("A");
    play.answer("x", { error: "no" }).pass(100).answer("x", { error: "no" });
    retry(play).answer("x", { error: "no" });
    expect(play.member(2)).toMatchObject({ phase: "backoff", attempt: 3 });
    expect(play.member(2).due - play.at).toBe(Math.floor(draw(play.head.seed, 2, 3) * 100));
    expect(play.pass(100).answer("x", { error: "no" }).head.status).toBe("FAILED");
    expect(play.executions().map(({ header }) => header.attempt)).toEqual([1, 1, 2, 3, 4]);
  });

  test("lets a wait wait again, and take what it had not", () => {
    const graph = graphOf("A -> x y", { x: { kind: "wait", settings: { signal: "go" } } });
    const play = Play.start(graph).answer("A").answer("y", { error: "no" });
    expect(play.executions().at(-1)?.header).toMatchObject({ name: "x", status: ExecutionStatus.CANCELED });
    retry(play);
    expect(play.member(2)).toMatchObject({ phase: "waiting", attempt: 2 });
    expect(play.signal("go").answer("y").head.status).toBe("SUCCEEDED");
  });

  test("of a lifetime whose tenant is paused holds what it would attempt, for as long as it is", () => {
    const play = failed({ timeoutMs: 15_000 });
    play.holds = [{ scope: "tenant", detail: "closed", since: START + 1 }];
    play.at += 60_000;
    expect(retry(play).issued).toEqual([]);
    expect(play.head.status).toBe("PAUSED");
    play.holds = undefined;
    expect(play.reduce({ type: "holds_changed" }).issued).toEqual(["3 y", "4 z"]);
    expect(play.head).toMatchObject({ status: "RUNNING", deadline: play.at + 15_000 });
  });

  test("attempts first what was held when it failed, as the attempt that it was", () => {
    const play = Play.start(graphOf("A -> x y; x -> B")).answer("A");
    play.reduce({ type: "pause_requested", detail: "" }).answer("x").answer("y", { error: "no" });
    expect(play.head.status).toBe("FAILED");
    expect(retry(play).issued).toEqual(["3 y", "4 B"]);
    expect(play.member(4).attempt).toBe(1);
    expect(play.answer("B").answer("y").head.status).toBe("SUCCEEDED");
  });

  test("goes on from a state that was stored, small or large", () => {
    for (const width of [3, 60]) {
      const tasks = Array.from({ length: width }, (_, i) => `t${i}`).join(" ");
      const play = Play.start(graphOf(`A -> ${tasks}; ${tasks} -> B`)).answer("A");
      for (let i = 1; i < width; i++) play.answer(`t${i}`);
      play.answer("t0", { error: "no" });
      if (play.state === undefined) throw new Error("not started");
      const { state, cells, spilled } = storedWrite(play.state, false);
      expect(spilled).toBe(width > 3);
      settleLifetime(play.state);
      play.state = loadStored(state, () => cells).lifetime;
      expect(retry(play).issued).toEqual(["2 t0"]);
      expect(play.answer("t0").answer("B").head.status).toBe("SUCCEEDED");
    }
  });
});

describe("what cannot be retried", () => {
  const once = graphOf("A -> x");

  test.each<[string, () => Play, RegExp]>([
    ["what runs", () => Play.start(once), /it is RUNNING/],
    ["what has succeeded", () => Play.start(once).answer("A").answer("x"), /it is SUCCEEDED/],
    [
      "what was canceled",
      () => Play.start(once).reduce({ type: "cancel_requested", detail: "" }),
      /CANCELED/,
    ],
    [
      "what met a bound, which it would meet again",
      () =>
        Play.start(graphOf("A -> x; x -> A", { A: { entry: true } }, { iterationsMax: 1 }))
          .answer("A")
          .answer("x"),
      /iterations_max/,
    ],
    ["what would take more steps than its graph allows", () => failed({ stepsMax: 4 }), /steps_max/],
  ])("is %s", (_, play, reason) => {
    const played = play();
    expect(refusal(played)).toMatch(reason);
    expect(retry(played).effects).toEqual([]);
  });

  test("keeps nothing where its end was for a bound", () => {
    const play = Play.start(graphOf("A -> x y; x -> A", { A: { entry: true } }, { iterationsMax: 1 }));
    play.answer("A").answer("x");
    expect([...(play.state?.members.entries() ?? [])]).toEqual([]);
  });

  test("is what has no attempt left that would have an id of its own", () => {
    const play = Play.start(graphOf("A -> x", { x: { retry: { attempts: 20, backoffMs: 0 } } })).answer("A");
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      if (play.head.endedAt !== undefined) retry(play);
      play.pass(0).answer("x", { error: "no" });
    }
    expect(play.executions().at(-1)?.header.attempt).toBe(ATTEMPTS_MAX);
    expect(refusal(play)).toMatch(/x has been attempted 63 times/);
  });
});
