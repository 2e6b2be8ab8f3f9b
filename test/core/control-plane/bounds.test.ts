// Without this, a lifetime that makes no progress would run, and cost, for ever.
import { describe, expect, test } from "vitest";
import type { Bounds } from "../../../src/graph/graph.ts";
import { INPUT_BYTES_MAX, OUTCOMES_MAX } from "../../../src/limits.ts";
import { graphOf } from "../../fixtures/graphs.ts";
import { Play } from "../../fixtures/play.ts";

const loop = (bounds: Partial<Bounds>) => graphOf("A -> x; x -> A", { A: { entry: true } }, bounds);
const wide = (bounds: Partial<Bounds>) => graphOf("A -> x y z", {}, bounds);

const around = (play: Play, steps: number): Play => {
  for (let i = 0; i < steps; i++) play.answer(i % 2 === 0 ? "A" : "x");
  return play;
};

describe("within its bounds a lifetime runs on; the first step over one ends it", () => {
  test.each<[string, () => Play, () => Play]>([
    [
      "iterations_exceeded",
      () => around(Play.start(loop({ iterationsMax: 3 })), 5),
      () => around(Play.start(loop({ iterationsMax: 3 })), 6),
    ],
    [
      "steps_exceeded",
      () => around(Play.start(loop({ stepsMax: 5 })), 4),
      () => around(Play.start(loop({ stepsMax: 5 })), 5),
    ],
    [
      "fan_out_exceeded",
      () => Play.start(wide({ fanOutMax: 3 })).answer("A"),
      () => Play.start(wide({ fanOutMax: 2 })).answer("A"),
    ],
    [
      "outstanding_exceeded",
      () => Play.start(wide({ outstandingMax: 3 })).answer("A"),
      () => Play.start(wide({ outstandingMax: 2 })).answer("A"),
    ],
    [
      "input_too_large",
      () => Play.start(wide({})).answer("A", { bytes: INPUT_BYTES_MAX - 300 }),
      () => Play.start(wide({})).answer("A", { bytes: INPUT_BYTES_MAX }),
    ],
    [
      "input_too_large",
      () => Play.start(wide({}), INPUT_BYTES_MAX),
      () => Play.start(wide({}), INPUT_BYTES_MAX + 1),
    ],
    [
      "outstanding_exceeded",
      () => Play.start(graphOf("A -> x; B -> y", {}, { outstandingMax: 2 })),
      () => Play.start(graphOf("A -> x; B -> y", {}, { outstandingMax: 1 })),
    ],
    [
      "steps_exceeded",
      () => Play.start(graphOf("A -> x; B -> y", {}, { stepsMax: 2 })),
      () => Play.start(graphOf("A -> x; B -> y", {}, { stepsMax: 1 })),
    ],
  ])("%s", (code, within, over) => {
    expect(within().head.status).toBe("RUNNING");
    const play = over();
    expect(play.head.status).toBe("FAILED");
    expect(play.head.reason?.code).toBe(code);
    expect(play.log.at(-1)).toMatchObject({ type: "lifetime_ended", reason: { code } });
    expect(play.issued).toEqual([]);
  });
});

test("a wave over a bound is not issued in part", () => {
  const play = Play.start(wide({ fanOutMax: 2 })).answer("A");
  expect(play.inputs()).toHaveLength(1);
  expect(play.asked).toEqual(["announce end"]);
});

test("of results that join only what cannot be referred to is counted, and nothing of what is ignored", () => {
  const bytes = INPUT_BYTES_MAX / 2 + 1;
  const join = () => Play.start(graphOf("A -> x y; x y -> B")).answer("A");
  expect(join().answer("x", { bytes }).answer("y", { bytes }).issued).toEqual(["4 B"]);
  const error = "e".repeat(bytes);
  const routed = graphOf("A -> x y; x y -> B", { x: { onFailure: "route" }, y: { onFailure: "route" } });
  const over = Play.start(routed).answer("A").answer("x", { error }).answer("y", { error });
  expect(over.head.reason?.code).toBe("input_too_large");
  const graph = graphOf("A -> x y; x y -> B", { x: { onFailure: "ignore" }, y: { onFailure: "route" } });
  expect(Play.start(graph).answer("A").answer("x", { error }).answer("y", { error }).issued).toEqual(["4 B"]);
});

test("a bound that is met by one plan of several withdraws what the same task had launched", () => {
  const graph = graphOf("A -> x; x -> B C; C -> y; y -> C", {}, { outstandingMax: 1 });
  const play = Play.start(graph).answer("A").answer("x");
  expect(play.head.reason?.code).toBe("outstanding_exceeded");
  expect(play.asked).toEqual(["dispatch 3 B 1", "withdraw 3", "announce end"]);
  expect(play.executions().at(-1)?.header.name).toBe("B");
});

test("attempts are steps: retries do not go over the bound either", () => {
  const graph = graphOf("A -> x", { x: { retry: { attempts: 20, backoffMs: 0 } } }, { stepsMax: 5 });
  const play = Play.start(graph).answer("A");
  for (let i = 0; i < 4; i++) play.answer("x", { error: "no" }).pass(0);
  expect(play.head.reason?.code).toBe("steps_exceeded");
  expect(play.head.steps).toBe(5);
});

test("of very many branches that end the first are kept", () => {
  const loop = graphOf("A -> x y; x -> A", { A: { entry: true } }, { iterationsMax: OUTCOMES_MAX + 10 });
  const play = Play.start(loop);
  for (let i = 0; i < OUTCOMES_MAX + 5; i++) play.answer("A").answer("y").answer("x");
  play.answer("A", { tasks: [] });
  expect(play.head.status).toBe("SUCCEEDED");
  const ended = play.log.at(-1);
  expect(ended?.type === "lifetime_ended" && ended.outcomes).toHaveLength(OUTCOMES_MAX);
});
