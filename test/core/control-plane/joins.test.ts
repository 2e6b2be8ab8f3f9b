// Without this, a join could fire twice, too early or never, and a cycle could count its passes wrongly.
import { describe, expect, test } from "vitest";
import { REDISPATCHES_MAX, WITHDRAWN_RANGES_MAX } from "../../../src/limits.ts";
import { ExecutionStatus } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { graphOf } from "../../fixtures/graphs.ts";
import { Play } from "../../fixtures/play.ts";

const carriedBy = (play: Play, n: number): string[] => play.member(n).parents.map(({ name }) => name);

describe("join all", () => {
  const graph = graphOf("A -> x y z; x y z -> B; x -> C");

  test.each([
    ["x", "y", "z"],
    ["z", "y", "x"],
    ["y", "z", "x"],
  ])("fires once, with the last of %s, %s, %s, and carries them in the order of launch", (...order) => {
    const play = Play.start(graph).answer("A");
    for (const [i, task] of order.entries()) {
      expect(play.inputs().filter(({ header }) => header.name === "B")).toHaveLength(0);
      play.answer(task, {});
      if (i === 2) expect(play.inputs().filter(({ header }) => header.name === "B")).toHaveLength(1);
    }
    const [n] = play.open("issued").find(([, member]) => member.node === "B") ?? [0];
    expect(carriedBy(play, n)).toEqual(["x", "y", "z"]);
  });

  test("waits only for the tasks that were launched", () => {
    const play = Play.start(graph)
      .answer("A", { tasks: ["z", "y"] })
      .answer("y")
      .answer("z");
    expect(play.issued).toEqual(["4 B"]);
    expect(carriedBy(play, 4)).toEqual(["z", "y"]);
  });

  test("does not wait for launched tasks that have no edge to it", () => {
    const play = Play.start(graphOf("A -> x y; x -> B; y -> C")).answer("A").answer("x");
    expect(play.issued).toEqual(["3 y", "4 B"]);
  });

  test("does not wait for a task that departed by another edge, and leaves it out", () => {
    const play = Play.start(graph).answer("A").answer("x", { edge: "C" }).answer("z").answer("y");
    expect(play.issued).toEqual(["5 C", "6 B"]);
    expect(carriedBy(play, 6)).toEqual(["y", "z"]);
  });

  test("fires with those that came before when the last departs", () => {
    const play = Play.start(graph).answer("A").answer("z").answer("y").answer("x", { edge: "C" });
    expect(play.issued).toEqual(["5 B", "6 C"]);
    expect(carriedBy(play, 5)).toEqual(["y", "z"]);
  });

  test("does not fire at all when every task departed", () => {
    const play = Play.start(graphOf("A -> x y; x y -> B C")).answer("A");
    play.answer("x", { edge: "C" }).answer("y", { edge: "C" });
    expect(play.issued).toEqual(["4 C"]);
    expect(play.answer("C").head.status).toBe("SUCCEEDED");
  });

  test("is of one wave: two waves of the same plan fire it twice, each with its own", () => {
    const loop = graphOf("A -> x; x -> B; B -> y z; y z -> C; C -> w; w -> B", { B: { join: "each" } });
    const play = Play.start(loop).answer("A").answer("x").answer("B").answer("y").answer("z").answer("C");
    play.answer("w").answer("B").answer("y").answer("z");
    const joins = play.inputs().filter(({ header }) => header.name === "C");
    expect(joins.map(({ header }) => header.iterationIdx)).toEqual([0, 1]);
    expect(new Set(joins.flatMap(({ carries }) => carries)).size).toBe(4);
  });

  test("of waves that are open at once keeps them apart", () => {
    const play = Play.start(graphOf("A -> x; B -> y; x y -> C; C -> z w; z w -> D")).answer("A").answer("B");
    play.answer("y").answer("x");
    expect(play.issued).toEqual(["5 C", "6 C"]);
    play.answer("C").answer("C");
    expect(play.issued).toEqual(["7 z", "8 w", "9 z", "10 w"]);
    play.answerInput(7).answerInput(10);
    expect(play.issued).toEqual(["8 w", "9 z"]);
    play.answerInput(8);
    expect(play.issued).toEqual(["9 z", "11 D"]);
    play.answerInput(9);
    expect(play.issued).toEqual(["11 D", "12 D"]);
  });
});

describe("join each", () => {
  const graph = graphOf("A -> x y z; x y z -> B", { B: { join: "each" } });

  test("fires once for each task, as it is done", () => {
    const play = Play.start(graph).answer("A").answer("y");
    expect(play.issued).toEqual(["2 x", "4 z", "5 B"]);
    expect(carriedBy(play, 5)).toEqual(["y"]);
    play.answer("z");
    expect(carriedBy(play, 6)).toEqual(["z"]);
  });

  test("does not fire for a task that departed", () => {
    const play = Play.start(graphOf("A -> x; x -> B C", { B: { join: "each" } })).answer("A");
    expect(play.answer("x", { edge: "C" }).issued).toEqual(["3 C"]);
  });

  test("counts a pass for each firing", () => {
    const play = Play.start(graph).answer("A").answer("x").answer("y").answer("z");
    const fired = play.inputs().filter(({ header }) => header.name === "B");
    expect(fired.map(({ header }) => header.iterationIdx)).toEqual([0, 1, 2]);
  });
});

describe("join first", () => {
  const FIRST_2 = { join: { first: 2 } };
  const graph = graphOf("A -> w x y z; w x y z -> B", { B: FIRST_2 });
  const words = new Map<number, string>(
    Object.entries(ExecutionStatus).map(([word, status]) => [status, word]),
  );
  const statuses = (play: Play) =>
    play.executions().map(({ header }) => `${header.name} ${words.get(header.status)}`);

  test("fires with the first that came, in the order of launch, and withdraws the others", () => {
    const play = Play.start(graph).answer("A").answer("y");
    expect(play.issued).toEqual(["2 w", "3 x", "5 z"]);
    play.answer("w");
    expect(play.issued).toEqual(["6 B"]);
    expect(carriedBy(play, 6)).toEqual(["w", "y"]);
    expect(play.asked).toEqual(["withdraw 3 5", "dispatch 6 B 1"]);
    expect(statuses(play).slice(3)).toEqual(["x CANCELED", "z CANCELED"]);
    expect(play.answer("B").head.status).toBe("SUCCEEDED");
    expect(play.head.steps).toBe(6);
  });

  test("sets a late answer of a withdrawn task aside, also when its wave is over, for long enough", () => {
    const loop = graphOf("A -> x y z; x y z -> A", { A: { join: { first: 1 }, entry: true } });
    const play = Play.start(loop).answer("A");
    const answers = [3, 4].map((n) => [n, play.execution(n)] as const);
    for (let lap = 0; lap < WITHDRAWN_RANGES_MAX; lap++) {
      play.answer("x");
      for (const [n, execution] of answers)
        expect(play.arrive(n, execution).asked).toEqual(["set aside late"]);
      play.answer("A");
    }
    play.answer("x");
    expect(play.head.withdrawn).toHaveLength(WITHDRAWN_RANGES_MAX);
    for (const [n, execution] of answers)
      expect(play.arrive(n, execution).asked).toEqual(["set aside duplicate"]);
  });

  test("withdraws a task that backs off, which has its outcome already", () => {
    const retried = graphOf("A -> x y; x y -> B", {
      B: { join: { first: 1 } },
      y: { retry: { attempts: 3 } },
    });
    const play = Play.start(retried).answer("A").answer("y", { error: "flaky" }).answer("x");
    expect(play.asked).toEqual(["dispatch 4 B 1"]);
    expect(play.pass(5_000).issued).toEqual(["4 B"]);
    expect(play.answer("B").head.steps).toBe(4);
  });

  test("withdraws nothing that an open join waits for, or that has a plan of its own to go to", () => {
    const shared = graphOf("A -> v w x y z; v w x y z -> B; w -> C; x -> D; y v -> E; z -> F", {
      B: { join: { first: 1 } },
      D: { join: "each" },
      E: { join: { first: 2 } },
      F: { join: "merge" },
    });
    const play = Play.start(shared).answer("A").answer("v");
    expect(play.issued).toEqual(["3 w", "4 x", "5 y", "6 z", "7 B"]);
    play.answer("B").answer("w").answer("x").answer("y").answer("z");
    expect(play.issued.map((each) => each.slice(-1))).toEqual(["C", "D", "E", "F"]);
    expect(play.inputs().filter(({ header }) => header.name === "B")).toHaveLength(1);
  });

  test("withdraws what two of them shared when the second has fired", () => {
    const both = graphOf("A -> x y z; x z -> B; y z -> C", {
      B: { join: { first: 1 } },
      C: { join: { first: 1 } },
    });
    const play = Play.start(both).answer("A").answer("x");
    expect(play.issued).toEqual(["3 y", "4 z", "5 B"]);
    expect(play.answer("y").issued).toEqual(["5 B", "6 C"]);
  });

  test("counts a failure that routes, and none that is ignored", () => {
    const failing = graphOf("A -> w x y z; w x y z -> B", {
      B: FIRST_2,
      w: { onFailure: "ignore" },
      x: { onFailure: "route" },
    });
    const play = Play.start(failing).answer("A").answer("w", { error: "no" }).answer("x", { error: "no" });
    expect(play.issued).toEqual(["4 y", "5 z"]);
    expect(carriedBy(play.answer("z"), 6)).toEqual(["x", "z"]);
  });

  test("fails its lifetime when departures leave too few, as soon as one has come", () => {
    const departing = graphOf("A -> x y; x y -> B; x -> C", { B: FIRST_2 });
    const play = Play.start(departing).answer("A").answer("x", { edge: "C" });
    expect(play.head.endedAt).toBeUndefined();
    expect(play.answer("y").head).toMatchObject({
      status: "FAILED",
      reason: {
        code: "join_unreachable",
        detail: "B waits for the first 2 tasks of a wave, and only 1 can still come",
      },
    });
  });

  test("fails its lifetime when ignored failures leave too few", () => {
    const failing = graphOf("A -> x y; x y -> B", { B: FIRST_2, x: { onFailure: "ignore" } });
    const play = Play.start(failing).answer("A").answer("x", { error: "no" });
    expect(play.head.reason?.code).toBe("join_unreachable");
    expect(statuses(play)).toEqual(["A SUCCEEDED", "x FAILED", "y CANCELED"]);
  });

  test("fails its lifetime when too few were launched, as soon as one comes", () => {
    const play = Play.start(graph).answer("A", { tasks: ["x"] });
    expect(play.head.endedAt).toBeUndefined();
    expect(play.answer("x").head.reason?.code).toBe("join_unreachable");
  });

  test("does not fire, and fails nothing, where every task departs", () => {
    const play = Play.start(graphOf("A -> x y; x y -> B C", { B: FIRST_2 })).answer("A");
    play.answer("x", { edge: "C" }).answer("y", { edge: "C" });
    expect(play.issued).toEqual(["4 C"]);
  });

  test("takes each input back once, when what it races with ends in the same moment", () => {
    const racing = graphOf("A -> x y; x y -> B", {
      B: { join: { first: 1 } },
      x: { onFailure: "route" },
      y: { onFailure: "route" },
    });
    const expired = Play.start(racing).answer("A").pass(60_000);
    expect(statuses(expired)).toEqual(["A SUCCEEDED", "x TIMED_OUT", "y CANCELED"]);
    const vanished = Play.start(racing).answer("A");
    for (let i = 0; i <= REDISPATCHES_MAX; i++) {
      const inputs = vanished.open("issued").map(([n, { attempt }]) => ({ n, attempt }));
      vanished.reduce({ type: "dispatch_lost", inputs });
    }
    expect(statuses(vanished)).toEqual(["A SUCCEEDED", "x FAILED", "y CANCELED"]);
  });

  test("asks the bounds without those that it withdraws", () => {
    const narrow = graphOf(
      "A -> w x; w x -> B C",
      { B: { join: { first: 1 } }, C: { join: { first: 1 } } },
      {
        outstandingMax: 2,
      },
    );
    expect(Play.start(narrow).answer("A").answer("x").head.endedAt).toBeUndefined();
  });
});

describe("a cycle", () => {
  test("counts passes through each node from 0, in the state and on the wire", () => {
    const play = Play.start(graphOf("A -> x; x -> A", { A: { entry: true } }));
    for (let i = 0; i < 3; i++) play.answer("A").answer("x");
    play.answer("A", { tasks: [] });
    const passes = play.executions().map(({ header }) => `${header.name} ${header.iterationIdx}`);
    expect(passes).toEqual(["A 0", "x 0", "A 1", "x 1", "A 2", "x 2", "A 3"]);
    expect(play.head.status).toBe("SUCCEEDED");
  });

  test("keeps nothing of the passes that are over", () => {
    const play = Play.start(graphOf("A -> x; x -> A", { A: { entry: true } }));
    for (let i = 0; i < 20; i++) play.answer("A").answer("x");
    const { state } = play;
    expect([state?.members.size, state?.waves.size, state?.endings.size]).toEqual([1, 0, 0]);
  });
});

// Names that every object has: state kept in plain records would confuse them with entries of its own.
describe.each(["constructor", "__proto__", "toString", "hasOwnProperty"])("a plan named %s", (name) => {
  test.each([
    ["all", 1],
    ["each", 2],
    ["merge", 1],
    [{ first: 2 }, 1],
  ] as const)("with join %j fires %i times", (join, times) => {
    const nodes = Object.fromEntries([[name, { type: "plan" as const, join, entry: false }]]);
    const play = Play.start(graphOf(`A -> x y; x y -> ${name}`, nodes))
      .answer("A")
      .answer("x");
    expect(play.issued.filter((each) => each.endsWith(name))).toHaveLength(times - 1);
    play.answer("y");
    expect(play.issued.filter((each) => each.endsWith(name))).toHaveLength(times);
  });
});
