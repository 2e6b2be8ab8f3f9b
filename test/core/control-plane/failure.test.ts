// Without this, a failure could be retried for ever, end what should run on, or let run on what should end.
import { describe, expect, test } from "vitest";
import { draw, seedOf } from "../../../src/control-plane/ids.ts";
import type { OnFailure } from "../../../src/graph/graph.ts";
import { ERROR_MESSAGE_CHARS_MAX, RETRY_ASKED_MS_MAX } from "../../../src/limits.ts";
import { NEVER_RETRIED } from "../../../src/wire/error-message.ts";
import { ExecutionStatus } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { graphOf } from "../../fixtures/graphs.ts";
import { Play, TENANT } from "../../fixtures/play.ts";

const twoTasks = (onFailure: OnFailure) => graphOf("A -> x y; x y -> B", { x: { onFailure } });

describe("a failed task", () => {
  test("fails the lifetime, cancels what is outstanding and names the node", () => {
    const play = Play.start(twoTasks("fail")).answer("A").answer("x", { error: "boom: it broke" });
    expect(play.head.status).toBe("FAILED");
    expect(play.head.reason).toEqual({ code: "node_failed", detail: "x: boom: it broke" });
    expect(play.asked).toEqual(["withdraw 3", "announce end"]);
    const outcomes = play.executions().map(({ header }) => [header.name, header.status]);
    expect(outcomes).toEqual([
      ["A", ExecutionStatus.SUCCEEDED],
      ["x", ExecutionStatus.FAILED],
      ["y", ExecutionStatus.CANCELED],
    ]);
  });

  test.each(["route", "ignore"] as const)("with on_failure %s is done and stays a parent", (onFailure) => {
    const play = Play.start(twoTasks(onFailure)).answer("A").answer("x", { error: "boom" }).answer("y");
    expect(play.issued).toEqual(["4 B"]);
    expect(play.member(4).parents.map(({ name }) => name)).toEqual(["x", "y"]);
    const input = play.inputs().at(-1);
    expect(input?.carries).toHaveLength(2);
    expect(input?.withoutResult).toEqual(onFailure === "ignore" ? [input?.carries[0]] : []);
    expect(play.answer("B").head.status).toBe("SUCCEEDED");
  });

  test.each([
    ["route", ["x"]],
    ["ignore", []],
  ] as const)("with on_failure %s and no plan after it ends in %j", (onFailure, endings) => {
    const play = Play.start(graphOf("A -> x", { x: { onFailure } }))
      .answer("A")
      .answer("x", { error: "no" });
    expect(play.head.status).toBe("SUCCEEDED");
    expect(play.endings()).toEqual(endings);
  });

  test("with on_failure route may choose its edge", () => {
    const play = Play.start(graphOf("A -> x; x -> Good Bad", { x: { onFailure: "route" } })).answer("A");
    expect(play.answer("x", { error: "no", edge: "Bad" }).issued).toEqual(["3 Bad"]);
  });
});

describe("a failed plan", () => {
  test.each([
    ["fail", "FAILED", []],
    ["ignore", "SUCCEEDED", []],
    ["route", "SUCCEEDED", ["A"]],
  ] as const)(
    "with on_failure %s that names nothing leaves the lifetime %s",
    (onFailure, status, endings) => {
      const play = Play.start(graphOf("A -> x", { A: { onFailure } })).answer("A", {
        error: "no",
        tasks: [],
      });
      expect(play.head.status).toBe(status);
      expect(play.endings()).toEqual(endings);
    },
  );

  test("with on_failure route launches what it names all the same", () => {
    const play = Play.start(graphOf("A -> x y", { A: { onFailure: "route" } }));
    expect(play.answer("A", { error: "no", tasks: ["y"] }).issued).toEqual(["2 y"]);
  });

  test("with on_failure ignore launches nothing, whatever it names", () => {
    const play = Play.start(graphOf("A -> x", { A: { onFailure: "ignore" } }));
    expect(play.answer("A", { error: "no", tasks: ["x"] }).head.status).toBe("SUCCEEDED");
  });
});

test.each([ExecutionStatus.CANCELED, ExecutionStatus.REJECTED])(
  "an answer with status %i is a failure that is not retried",
  (status) => {
    const play = Play.start(graphOf("A -> x", { A: { retry: { attempts: 5 } } })).answer("A", { status });
    expect(play.head.reason?.code).toBe("node_failed");
  },
);

test("a failure of a megabyte leaves a short reason", () => {
  const play = Play.start(graphOf("A -> x y"))
    .answer("A")
    .answer("x", { error: "e".repeat(1_000_000) });
  expect(play.head.reason?.detail).toHaveLength(ERROR_MESSAGE_CHARS_MAX);
  expect(JSON.stringify(play.log.at(-1)).length).toBeLessThan(2 * ERROR_MESSAGE_CHARS_MAX);
});

describe("a retry", () => {
  const retried = graphOf("A -> x", { x: { retry: { attempts: 4, backoffMs: 100, backoffMsMax: 250 } } });
  const failing = () => Play.start(retried).answer("A").answer("x", { error: "flaky" });

  test.each([ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT])(
    "follows status %i after a backoff, as the next attempt of the same input",
    (status) => {
      const play = Play.start(retried).answer("A").answer("x", { status, error: "flaky" });
      expect(play.asked).toEqual([]);
      expect(play.member(2)).toMatchObject({ phase: "backoff", attempt: 1 });
      expect(play.head.outstanding).toBe(1);
      play.pass(100);
      expect(play.asked).toEqual(["dispatch 2 x 2"]);
      const [first, second] = play.inputs().filter(({ header }) => header.name === "x");
      expect([first?.header.attempt, second?.header.attempt]).toEqual([1, 2]);
      expect(first?.header.execId).not.toBe(second?.header.execId);
      expect(second?.header.inputId).toBe(first?.header.inputId);
      expect(second?.header.iterationIdx).toBe(0);
      expect(second?.carries).toEqual(first?.carries);
      expect(play.answer("x").head.status).toBe("SUCCEEDED");
    },
  );

  test("does not come before its backoff is over", () => {
    const play = failing();
    const due = play.member(2).due;
    expect(play.pass(due - play.at - 1).asked).toEqual([]);
    expect(play.pass(1).asked).toEqual(["dispatch 2 x 2"]);
  });

  test("waits a time drawn below a bound that doubles up to its maximum, the same for the same log", () => {
    const play = failing();
    for (const [i, bound] of [100, 200, 250].entries()) {
      const wait = play.member(2).due - play.at;
      expect(wait).toBe(Math.floor(draw(seedOf(TENANT, "l1"), 2, i + 1) * bound));
      play.pass(bound);
      if (i < 2) play.answer("x", { error: "flaky" });
    }
    expect(play.member(2)).toMatchObject({ attempt: 4, phase: "issued" });
  });

  test.each([
    ["rate_limited: retry_after_ms=5000; slow down", 5_000],
    ["RateLimited: retry_after_ms=99999999; come tomorrow", RETRY_ASKED_MS_MAX],
  ])("comes no sooner than its failure asks, %s, within a bound", (error, wait) => {
    const play = Play.start(retried).answer("A").answer("x", { error });
    expect(play.pass(wait - 1).asked).toEqual([]);
    expect(play.pass(1).asked).toEqual(["dispatch 2 x 2"]);
  });

  test.each([
    "flaky: it says retry_after_ms=5000; and more",
    "flaky: retry_after_ms=-5;",
    "retry_after_ms=5000;",
  ])("is not held up by %s", (error) => {
    const play = Play.start(retried).answer("A").answer("x", { error });
    expect(play.pass(100).asked).toEqual(["dispatch 2 x 2"]);
  });

  test("is given up after the attempts that its node allows", () => {
    const play = failing();
    for (let i = 0; i < 3; i++) play.pass(250).answer("x", { error: `flaky ${i}` });
    expect(play.head.reason).toEqual({ code: "node_failed", detail: "x: flaky 2" });
    expect(play.executions().map(({ header }) => header.attempt)).toEqual([1, 1, 2, 3, 4]);
  });

  test("given up is routed where the node says so", () => {
    const graph = graphOf("A -> x; x -> B", {
      x: { onFailure: "route", retry: { attempts: 2, backoffMs: 0 } },
    });
    const play = Play.start(graph)
      .answer("A")
      .answer("x", { error: "no" })
      .pass(0)
      .answer("x", { error: "no" });
    expect(play.issued).toEqual(["3 B"]);
  });

  test.each([...NEVER_RETRIED, "mine", "java.lang.IllegalStateException"])(
    "never follows the code %s",
    (code) => {
      const retry = { attempts: 5, never: ["mine", "java.lang.IllegalStateException"] };
      const play = Play.start(graphOf("A -> x", { x: { retry } })).answer("A");
      expect(play.answer("x", { error: `${code}: no use` }).head.reason?.code).toBe("node_failed");
    },
  );

  test("follows a message in which such a code is not the first word", () => {
    const play = Play.start(retried).answer("A").answer("x", { error: "it was terminal: no" });
    expect(play.member(2).phase).toBe("backoff");
  });
});
