// Without this, a join could fire twice, too early or never, and a cycle could count its passes wrongly.
import { describe, expect, test } from "vitest";
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
  ] as const)("with join %s fires %i times", (join, times) => {
    const nodes = Object.fromEntries([[name, { type: "plan" as const, join, entry: false }]]);
    const play = Play.start(graphOf(`A -> x y; x y -> ${name}`, nodes))
      .answer("A")
      .answer("x");
    expect(play.issued.filter((each) => each.endsWith(name))).toHaveLength(times - 1);
    play.answer("y");
    expect(play.issued.filter((each) => each.endsWith(name))).toHaveLength(times);
  });
});
