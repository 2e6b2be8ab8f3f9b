// Without this, a lifetime could run tasks that its graph does not have, lose a branch, or never end.
import { describe, expect, test } from "vitest";
import { NAME_CHARS_MAX, WARNINGS_MAX } from "../../../src/limits.ts";
import { ExecutionStatus } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { graphOf } from "../../fixtures/graphs.ts";
import { Play } from "../../fixtures/play.ts";

describe("a start", () => {
  test.each([
    ["the plan that nothing leads to", graphOf("A -> b; b -> C"), ["1 A"]],
    ["every entry, in the order of the graph", graphOf("B -> x; A -> y; C -> z"), ["1 B", "2 A", "3 C"]],
    [
      "a plan that is marked, in the middle of a cycle",
      graphOf("A -> b; b -> A", { A: { entry: true } }),
      ["1 A"],
    ],
  ])("issues %s", (_, graph, issued) => {
    expect(Play.start(graph).issued).toEqual(issued);
  });

  test("records itself first, then the inputs, and dispatches each", () => {
    const play = Play.start(graphOf("A -> x; B -> y"));
    expect(play.log.map((record) => record.type)).toEqual(["lifetime_started", "input", "input"]);
    expect(play.asked).toEqual(["dispatch 1 A 1", "dispatch 2 B 1"]);
    expect(play.head.status).toBe("RUNNING");
  });

  test("gives entry plans one synthetic parent, which carries the input", () => {
    const play = Play.start(graphOf("A -> x"));
    expect(play.member(1).parents).toEqual([{ execId: expect.any(String), name: "$input", offset: 1 }]);
    expect(play.inputs()[0]?.carries).toEqual([1]);
  });

  test("of a plan alone ends with its answer", () => {
    const graph = { ...graphOf("A -> x"), edges: [] };
    const play = Play.start(graph).answer("A");
    expect(play.head.status).toBe("SUCCEEDED");
    expect(play.endings()).toEqual(["A"]);
  });
});

describe("a plan", () => {
  const graph = graphOf("A -> x y z; x y z -> B");

  test.each<[string, readonly string[], readonly string[]]>([
    ["what it names", ["y"], ["2 y"]],
    ["in the order that it names", ["z", "x"], ["2 z", "3 x"]],
    ["each once", ["y", "y", "x", "y"], ["2 y", "3 x"]],
    ["nothing of what the graph does not have", ["nope", "x"], ["2 x"]],
    ["no node that is not its own task", ["B", "A", "x"], ["2 x"]],
  ])("launches %s", (_, tasks, issued) => {
    expect(Play.start(graph).answer("A", { tasks }).issued).toEqual(issued);
  });

  test("that names unknown tasks is recorded with a warning for each", () => {
    const [recorded] = Play.start(graph)
      .answer("A", { tasks: ["no", "x", "B", "no"] })
      .executions();
    expect(recorded?.warnings).toEqual([
      "A named no, which is no task of it; left out",
      "A named B, which is no task of it; left out",
    ]);
  });

  test("that names known tasks only has no warnings", () => {
    const play = Play.start(graph).answer("A", { tasks: ["x"] });
    expect(play.log.at(-2)).not.toHaveProperty("warnings");
  });

  test("that names very many, very long unknown tasks gets few, short warnings", () => {
    const tasks = Array.from({ length: 3_000 }, (_, i) => `${i}${"n".repeat(300)}`);
    const [recorded] = Play.start(graph).answer("A", { tasks }).executions();
    expect(recorded?.warnings).toHaveLength(WARNINGS_MAX + 1);
    expect(recorded?.warnings.at(-1)).toContain(`${3_000 - WARNINGS_MAX} more`);
    for (const warning of recorded?.warnings ?? []) expect(warning.length).toBeLessThan(NAME_CHARS_MAX + 100);
  });

  test.each<[string, readonly string[]]>([
    ["no tasks", []],
    ["unknown tasks only", ["no"]],
  ])("that names %s ends its branch, and the lifetime if it is the last", (_, tasks) => {
    const play = Play.start(graph).answer("A", { tasks });
    expect(play.head.status).toBe("SUCCEEDED");
    expect(play.endings()).toEqual(["A"]);
    expect(play.asked).toEqual(["announce end"]);
  });

  test("that was skipped is done, like one that succeeded", () => {
    const play = Play.start(graph).answer("A", { status: ExecutionStatus.SKIPPED, tasks: ["x"] });
    expect(play.issued).toEqual(["2 x"]);
  });
});

describe("a task", () => {
  const graph = graphOf("A -> x; x -> B C D", { C: { join: "each" } });

  test("goes to all its plans, in the order of the edges", () => {
    expect(Play.start(graph).answer("A").answer("x").issued).toEqual(["3 B", "4 C", "5 D"]);
  });

  test.each(["B", "C", "D"])("that takes the edge to %s goes there only", (edge) => {
    expect(Play.start(graph).answer("A").answer("x", { edge }).issued).toEqual([`3 ${edge}`]);
  });

  test.each(["A", "x", "nope"])("that names %s as its edge, which is none, goes to all its plans", (edge) => {
    const play = Play.start(graph).answer("A").answer("x", { edge });
    expect(play.issued).toEqual(["3 B", "4 C", "5 D"]);
    const warning = `x took the edge to ${edge}, which is no plan after it; taken for all its edges`;
    expect(play.executions().at(-1)?.warnings).toEqual([warning]);
  });

  test("that names a very long edge, which is none, gets a short warning", () => {
    const edge = "n".repeat(10_000);
    const [, task] = Play.start(graph).answer("A").answer("x", { edge }).executions();
    expect(task?.warnings[0]?.length).toBeLessThan(NAME_CHARS_MAX + 100);
  });

  test.each([{}, { edge: "B" }])("that answers with %j has no warnings", (answer) => {
    const [, task] = Play.start(graph).answer("A").answer("x", answer).executions();
    expect(task?.warnings).toEqual([]);
  });

  test("without a plan ends its branch; the others run on", () => {
    const play = Play.start(graphOf("A -> x y; y -> B")).answer("A").answer("x");
    expect(play.head.status).toBe("RUNNING");
    play.answer("y").answer("B");
    expect(play.head.status).toBe("SUCCEEDED");
    expect(play.endings()).toEqual(["x", "B"]);
  });
});

describe("parents", () => {
  test("are named by id and by name, and carried by offset", () => {
    const play = Play.start(graphOf("A -> x y; x y -> B")).answer("A");
    const plan = play.executions()[0];
    expect(play.member(2).parents).toEqual([{ execId: plan?.header.execId, name: "A", offset: 3 }]);
    expect(play.inputs()[1]?.header.parentId).toBe(plan?.header.execId);
    play.answer("y").answer("x");
    expect(play.member(4).parents.map(({ name }) => name)).toEqual(["x", "y"]);
    expect(play.inputs().at(-1)?.header.parentId).toBe("");
    const carried = play
      .inputs()
      .at(-1)
      ?.carries.map((offset) => play.log[offset - 1]?.type);
    expect(carried).toEqual(["execution", "execution"]);
  });
});

describe("an end", () => {
  test("names where every branch ended, and is announced once", () => {
    const play = Play.start(graphOf("A -> x y")).answer("A").answer("y").answer("x");
    const ended = play.log.at(-1);
    expect(ended).toMatchObject({ type: "lifetime_ended", status: "SUCCEEDED", steps: 3 });
    expect(ended).not.toHaveProperty("reason");
    expect(play.endings()).toEqual(["y", "x"]);
    expect(play.asked).toEqual(["announce end"]);
    expect(play.reduce({ type: "cancel_requested", detail: "late" }).effects).toEqual([]);
    expect(play.pass(1e12).effects).toEqual([]);
    expect(play.reduce({ type: "restarted" }).effects).toEqual([]);
  });

  test("leaves no open entries in the state", () => {
    const { state } = Play.start(graphOf("A -> x; x -> A", { A: { entry: true } }))
      .answer("A")
      .reduce({ type: "cancel_requested", detail: "" });
    expect([state?.members.size, state?.waves.size, state?.iterations.size]).toEqual([0, 0, 0]);
  });
});
