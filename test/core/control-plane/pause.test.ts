// Without this, a pause could drop what was to follow, let through what it holds, or let a deadline pass meanwhile.
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import type { Hold } from "../../../src/control-plane/lifetime.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { encodeExecution } from "../../../src/wire/codec.ts";
import { TaskExecutionSchema } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { graphOf, TIMEOUT_MS } from "../../fixtures/graphs.ts";
import { Play, START } from "../../fixtures/play.ts";

const pause = (play: Play, detail = "look at it") => play.reduce({ type: "pause_requested", detail });
const resume = (play: Play) => play.reduce({ type: "resume_requested" });

const TENANT: Hold = { scope: "tenant", detail: "an incident", since: START };
const GRAPH: Hold = { scope: "graph", detail: "a bad release", since: START };

const hold = (play: Play, ...holds: readonly Hold[]) => {
  play.holds = holds.length > 0 ? holds : undefined;
  return play.reduce({ type: "holds_changed" });
};

const startHeld = (graph: Graph, ...holds: readonly Hold[]) => {
  const play = new Play(graph);
  play.holds = holds;
  return play.begin();
};

/** With an input that lies in Kafka. */
const startAdopted = (graph: Graph, ...holds: readonly Hold[]) => {
  const play = new Play(graph);
  play.holds = holds;
  const message = encodeExecution(create(TaskExecutionSchema, { header: { name: "sensor", execId: "e-1" } }));
  return play.begin(2, "l1", { node: "A", executions: [{ execId: "e-1", name: "sensor", message }] });
};

const statuses = (play: Play) =>
  play.log.flatMap((record) =>
    record.type === "lifetime_status" ? [`${record.status} ${record.reason?.code ?? ""}`.trim()] : [],
  );

describe("a lifetime that is paused", () => {
  test("lets what is issued run on, and holds the tasks that would follow until it is resumed", () => {
    const play = pause(Play.start(graphOf("A -> x y; x y -> B"))).answer("A");
    expect(play.asked).toEqual([]);
    expect(play.issued).toEqual([]);
    expect(play.open("held").map(([n, { node }]) => `${n} ${node}`)).toEqual(["2 x", "3 y"]);
    expect(play.head).toMatchObject({ status: "PAUSED", outstanding: 2 });
    expect(resume(play).asked).toEqual(["dispatch 2 x 1", "dispatch 3 y 1"]);
    expect(play.head.status).toBe("RUNNING");
    expect(play.answer("x").answer("y").answer("B").head.status).toBe("SUCCEEDED");
  });

  test("holds the plan after a join, with all that the join collected", () => {
    const play = Play.start(graphOf("A -> x y; x y -> B")).answer("A").answer("x");
    pause(play).answer("y");
    expect(play.asked).toEqual([]);
    expect(resume(play).issued).toEqual(["4 B"]);
    expect(play.member(4).parents.map(({ name }) => name)).toEqual(["x", "y"]);
  });

  test("holds the next attempt when its backoff falls due, as that attempt", () => {
    const graph = graphOf("A -> x", { A: { retry: { attempts: 3, backoffMs: 0 } } });
    const play = pause(Play.start(graph).answer("A", { error: "no" })).pass(1_000);
    expect(play.asked).toEqual([]);
    expect(play.member(1)).toMatchObject({ phase: "held", attempt: 2 });
    expect(resume(play).asked).toEqual(["dispatch 1 A 2"]);
  });

  test("holds the next attempt also of an input that its producer has written", () => {
    const graph = graphOf("A -> x", { A: { executor: "kafka", retry: { attempts: 3, backoffMs: 0 } } });
    const play = startAdopted(graph, TENANT);
    expect(play.issued).toEqual(["1 A"]);
    play.answer("A", { error: "no" }).pass(1_000);
    expect(play.issued).toEqual([]);
    expect(play.member(1)).toMatchObject({ phase: "held", attempt: 2 });
    expect(hold(play).issued).toEqual(["1 A"]);
  });

  test("releases in the order in which it was held", () => {
    const retry = { attempts: 2, backoffMs: 900, backoffMsMax: 900 };
    const play = Play.start(graphOf("A -> x y; y -> B", { x: { retry } })).answer("A");
    play.answer("x", { error: "no" });
    pause(play).answer("y").pass(900);
    expect(play.open("held").map(([n]) => n)).toEqual([2, 4]);
    expect(resume(play).asked).toEqual(["dispatch 4 B 1", "dispatch 2 x 2"]);
  });

  test("takes the answer to a held attempt for none of ours, and to the one before it for what it is", () => {
    const graph = graphOf("A -> x", { x: { retry: { attempts: 2, backoffMs: 0 } } });
    const play = Play.start(graph);
    pause(play).answer("A");
    expect(play.answerInput(2).asked).toEqual(["set aside unknown"]);
    const first = resume(play).execution(2, { error: "no" });
    pause(play.arrive(2, first)).pass(1);
    expect(play.arrive(2, first).asked).toEqual(["set aside duplicate"]);
  });

  test("ends when its last answer leaves nothing to follow", () => {
    const play = pause(Play.start(graphOf("A -> x")).answer("A")).answer("x");
    expect(play.head.status).toBe("SUCCEEDED");
  });

  test("can be canceled, and what is held then has no outcome, for it was never issued", () => {
    const play = pause(Play.start(graphOf("A -> x y"))).answer("A");
    play.reduce({ type: "cancel_requested", detail: "enough" });
    expect(play.head).toMatchObject({ status: "CANCELED", outstanding: 0 });
    expect(play.head.holds).toBeUndefined();
    expect(play.executions()).toHaveLength(1);
    expect(play.asked).toEqual(["announce end"]);
  });

  test("counts what is held against its bounds", () => {
    const graph = graphOf("A -> x y; x -> B; y -> C", { B: { join: "each" } }, { outstandingMax: 1 });
    expect(pause(Play.start(graph)).answer("A").head.reason?.code).toBe("outstanding_exceeded");
  });

  test("sends what was lost again, for it was issued before", () => {
    expect(pause(Play.start(graphOf("A -> x"))).reduce({ type: "restarted" }).asked).toEqual([
      "dispatch 1 A 1",
    ]);
  });

  test("tells each move once, with its reason", () => {
    const play = resume(resume(pause(pause(Play.start(graphOf("A -> x")), "first"), "second")));
    expect(statuses(play)).toEqual(["PAUSED lifetime_paused", "RUNNING"]);
    const [record] = play.log.filter(({ type }) => type === "lifetime_status");
    expect(record).toMatchObject({ reason: { detail: "first" } });
  });
});

describe("the deadline of a lifetime", () => {
  const graph = graphOf("A -> x", {}, { timeoutMs: 5_000 });

  test("stops while it is paused, and has as much left when it goes on", () => {
    const play = pause(Play.start(graph).pass(2_000)).answer("A").pass(1_000_000);
    expect(play.head.status).toBe("PAUSED");
    expect(resume(play).head).toMatchObject({ deadline: play.at + 3_000, due: play.at + 3_000 });
    expect(play.pass(2_999).head.status).toBe("RUNNING");
    expect(play.pass(1).head.reason?.code).toBe("lifetime_timed_out");
  });

  test("runs on where its graph says so", () => {
    const runsOn = graphOf("A -> x", {}, { timeoutMs: 5_000, timeoutWhilePaused: true });
    expect(pause(Play.start(runsOn)).pass(5_000).head.reason?.code).toBe("lifetime_timed_out");
  });

  test("stopped when the pause was asked for, though the lifetime learns of it after it would have passed", () => {
    const play = Play.start(graph);
    play.at += 6_000;
    hold(play, { ...TENANT, since: START + 4_000 });
    expect(play.pass(0).head.status).toBe("PAUSED");
    expect(hold(play).pass(999).head.status).toBe("RUNNING");
    expect(play.pass(1).head.status).toBe("FAILED");
  });

  test("has its whole time before it where it started paused", () => {
    const play = hold(startHeld(graph, { ...TENANT, since: START - 60_000 }));
    expect(play.head.deadline).toBe(START + 5_000);
  });

  test("stops once, however many pauses follow one another without a gap", () => {
    const play = pause(Play.start(graph).pass(2_000));
    play.at += 1_000;
    hold(play, { ...GRAPH, since: play.at });
    play.at += 1_000;
    expect(hold(resume(play)).head.deadline).toBe(play.at + 3_000);
  });

  test("of an attempt runs on", () => {
    const retried = graphOf("A -> x", { A: { retry: { attempts: 2, backoffMs: 0 } } });
    const play = pause(Play.start(retried)).pass(2 * TIMEOUT_MS);
    expect(play.asked).toEqual(["withdraw 1"]);
    expect(play.pass(0).member(1)).toMatchObject({ phase: "held", attempt: 2 });
  });
});

describe("a tenant or a graph that is paused", () => {
  test("holds the first plans of a lifetime that starts meanwhile", () => {
    const play = startHeld(graphOf("A -> x"), TENANT);
    expect(play.head.status).toBe("PAUSED");
    expect(play.asked).toEqual([]);
    expect(hold(play).asked).toEqual(["dispatch 1 A 1"]);
    expect(statuses(play)).toEqual(["PAUSED tenant_paused", "RUNNING"]);
  });

  test("holds a lifetime from whatever happens to it next", () => {
    const play = Play.start(graphOf("A -> x"));
    play.holds = [GRAPH];
    expect(play.answer("A").asked).toEqual([]);
    expect(play.head.status).toBe("PAUSED");
  });

  test("lets a lifetime go on with whatever happens to it next, held inputs first", () => {
    const play = startHeld(graphOf("A -> x y; x -> B; y -> C"), GRAPH);
    play.holds = undefined;
    play.reduce({ type: "holds_changed" }).answer("A");
    play.holds = [GRAPH];
    play.answer("x");
    play.holds = undefined;
    expect(play.answer("y").asked).toEqual(["dispatch 4 B 1", "dispatch 5 C 1"]);
  });

  test("anew is why a lifetime is held, though it never learned that it was resumed between", () => {
    const play = startHeld(graphOf("A -> x"), TENANT);
    const again = { ...TENANT, detail: "another incident", since: START + 1 };
    expect(hold(play, again).head.holds).toEqual([again]);
    expect(play.log.at(-1)).toMatchObject({
      type: "lifetime_status",
      reason: { detail: "another incident" },
    });
  });

  test("and a lifetime of its own pause go on only when the last of the pauses is lifted", () => {
    const play = pause(hold(Play.start(graphOf("A -> x")), GRAPH, TENANT)).answer("A");
    expect(hold(play, TENANT).head.status).toBe("PAUSED");
    expect(resume(play).head.status).toBe("PAUSED");
    expect(hold(play).asked).toEqual(["dispatch 2 x 1"]);
    const reasons = ["graph_paused", "lifetime_paused", "tenant_paused"].map((code) => `PAUSED ${code}`);
    expect(statuses(play)).toEqual([...reasons, "RUNNING"]);
  });
});

test("a lifetime waits while every outstanding input does, and says for which", () => {
  const play = Play.start(graphOf("A -> x y"));
  play.answer("A").head.waiting = 1;
  expect(play.pass(1).head.status).toBe("RUNNING");
  play.head.waiting = 2;
  expect(play.pass(1).head).toMatchObject({ status: "WAITING", since: play.at });
  expect(pause(play).head.status).toBe("PAUSED");
  expect(resume(play).head.status).toBe("WAITING");
  delete play.head.waiting;
  expect(play.pass(1).head.status).toBe("RUNNING");
  expect(statuses(play)).toEqual(["WAITING waiting", "PAUSED lifetime_paused", "WAITING waiting", "RUNNING"]);
});
