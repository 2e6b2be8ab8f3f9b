// Without this, an executor that never answers would hold its lifetime for ever, or a timer would fire early.
import { describe, expect, test } from "vitest";
import {
  LEASE_MARGIN_MS,
  MISSING_WAIT_MS_MAX,
  MISSING_WAIT_MS_MIN,
  REDISPATCHES_MAX,
  RESTARTS_MAX,
} from "../../../src/limits.ts";
import { errorCode } from "../../../src/wire/error-message.ts";
import { ExecutionStatus } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { graphOf, TIMEOUT_MS } from "../../fixtures/graphs.ts";
import { Play, START } from "../../fixtures/play.ts";

const LEASE_MS = TIMEOUT_MS + LEASE_MARGIN_MS;

describe("a lease", () => {
  test("ends after the node's timeout and the margin, not a millisecond sooner", () => {
    const play = Play.start(graphOf("A -> x"));
    expect(play.head.due).toBe(START + LEASE_MS);
    expect(play.pass(LEASE_MS - 1).effects).toEqual([]);
    expect(play.pass(1).head.status).toBe("FAILED");
  });

  test("that ends is recorded as TIMED_OUT with our own id, and withdraws the attempt", () => {
    const play = Play.start(graphOf("A -> x")).pass(LEASE_MS);
    const [recorded] = play.executions();
    expect(recorded?.header.status).toBe(ExecutionStatus.TIMED_OUT);
    expect(recorded?.header.execId).toBe(play.inputs()[0]?.header.execId);
    expect(errorCode(recorded?.execution.result?.errorMessage ?? "")).toBe("timed_out");
    expect(play.asked).toEqual(["withdraw 1", "announce end"]);
  });

  test("that ends is retried where the node allows it", () => {
    const graph = graphOf("A -> x", { A: { retry: { attempts: 2, backoffMs: 0 } } });
    const play = Play.start(graph).pass(LEASE_MS);
    expect(play.member(1)).toMatchObject({ phase: "backoff", expired: true });
    expect(play.pass(0).asked).toEqual(["dispatch 1 A 2"]);
    expect(play.answer("A").issued).toEqual(["2 x"]);
  });

  test("that ends goes on where the node routes failures, and carries our record", () => {
    const graph = graphOf("A -> x y; x y -> B", { x: { onFailure: "route", timeoutMs: 1 } });
    const play = Play.start(graph)
      .answer("A")
      .answer("y")
      .pass(LEASE_MARGIN_MS + 1);
    expect(play.issued).toEqual(["4 B"]);
    expect(play.member(4).parents.map(({ name }) => name)).toEqual(["x", "y"]);
  });

  test("of one input leaves the others alone", () => {
    const graph = graphOf("A -> x y", { x: { timeoutMs: 1, onFailure: "ignore" } });
    const play = Play.start(graph)
      .answer("A")
      .pass(LEASE_MARGIN_MS + 1);
    expect(play.issued).toEqual(["3 y"]);
    expect(play.head.due).toBe(START + LEASE_MS);
  });

  test("of several inputs that end together are all recorded, in order", () => {
    const ignore = { onFailure: "ignore" as const };
    const play = Play.start(graphOf("A -> x y", { x: ignore, y: ignore }))
      .answer("A")
      .pass(LEASE_MS);
    expect(play.executions().map(({ header }) => header.name)).toEqual(["A", "x", "y"]);
    expect(play.head.status).toBe("SUCCEEDED");
  });
});

describe("a heartbeat", () => {
  test("extends the lease of the attempt by its whole length", () => {
    const play = Play.start(graphOf("A -> x"));
    play.at += LEASE_MS - 1;
    play.reduce({ type: "heartbeat_received", n: 1, attempt: 1 });
    expect(play.pass(1).head.status).toBe("RUNNING");
    expect(play.head.due).toBe(START + 2 * LEASE_MS - 1);
    expect(play.pass(LEASE_MS - 1).head.status).toBe("FAILED");
  });

  test.each([
    ["another attempt", 1, 2],
    ["an input that never was", 9, 1],
  ])("of %s extends nothing", (_, n, attempt) => {
    const play = Play.start(graphOf("A -> x"));
    play.at += 1;
    expect(play.reduce({ type: "heartbeat_received", n, attempt }).member(1).due).toBe(START + LEASE_MS);
  });
});

describe("the deadline of a lifetime", () => {
  test("ends it with its own reason, whatever is outstanding", () => {
    const graph = graphOf(
      "A -> x y",
      { x: { retry: { attempts: 9, backoffMs: 1e9, backoffMsMax: 1e9 } } },
      { timeoutMs: 500 },
    );
    const play = Play.start(graph).answer("A").answer("x", { error: "no" });
    expect(play.pass(499).head.status).toBe("RUNNING");
    expect(play.pass(1).head.reason?.code).toBe("lifetime_timed_out");
    expect(play.asked).toEqual(["withdraw 3", "announce end"]);
    expect(play.executions().at(-1)?.header).toMatchObject({ name: "y", status: ExecutionStatus.CANCELED });
  });

  test("is what is due where every lease is longer", () => {
    expect(Play.start(graphOf("A -> x", {}, { timeoutMs: 500 })).head.due).toBe(START + 500);
  });
});

describe("a lost dispatch", () => {
  const lose = (play: Play, attempt = 1) =>
    play.reduce({ type: "dispatch_lost", inputs: [{ n: 1, attempt }] });

  test("is sent again as the same attempt under a new lease, without a record", () => {
    const play = Play.start(graphOf("A -> x"));
    play.at += 5_000;
    expect(lose(play).effects).toEqual([
      { type: "dispatch", n: 1, attempt: 1, node: "A", epoch: 0, offset: 2, due: START + 5_000 + LEASE_MS },
    ]);
  });

  test("is sent again only so often; then it has failed, and is retried as any failure", () => {
    const play = Play.start(graphOf("A -> x", { A: { retry: { attempts: 2, backoffMs: 0 } } }));
    for (let i = 0; i < REDISPATCHES_MAX; i++) expect(lose(play).asked).toEqual(["dispatch 1 A 1"]);
    expect(lose(play).asked).toEqual([]);
    const message = play.executions()[0]?.execution.result?.errorMessage ?? "";
    expect(errorCode(message)).toBe("executor_unavailable");
    expect(play.pass(0).asked).toEqual(["dispatch 1 A 2"]);
    expect(play.member(1).resent).toBe(0);
    for (let i = 0; i <= REDISPATCHES_MAX; i++) lose(play, 2);
    expect(play.head.reason?.code).toBe("node_failed");
  });

  test("of another attempt, or of an input that is done, is nothing", () => {
    const play = Play.start(graphOf("A -> x"));
    expect(lose(play, 2).effects).toEqual([]);
    expect(lose(play.answer("A")).effects).toEqual([]);
  });
});

describe("an object that is started anew", () => {
  test("sends all that is issued again, as the same attempts, and nothing that backs off or runs elsewhere", () => {
    const graph = graphOf("A -> x y z", { x: { retry: { attempts: 2 } }, z: { executor: "external" } });
    const play = Play.start(graph).answer("A").answer("x", { error: "no" });
    expect(play.reduce({ type: "restarted" }).asked).toEqual(["dispatch 3 y 1"]);
  });

  test("often, as by many deploys, fails nothing that a vanishing executor would", () => {
    const play = Play.start(graphOf("A -> x"));
    for (let i = 0; i < RESTARTS_MAX; i++)
      expect(play.reduce({ type: "restarted" }).asked).toEqual(["dispatch 1 A 1"]);
    expect(play.member(1)).toMatchObject({ attempt: 1, resent: 0 });
    play.reduce({ type: "restarted" });
    expect(errorCode(play.executions()[0]?.execution.result?.errorMessage ?? "")).toBe(
      "executor_unavailable",
    );
  });

  test("counts anew for the next attempt", () => {
    const play = Play.start(graphOf("A -> x", { A: { retry: { attempts: 2, backoffMs: 0 } } }));
    play.reduce({ type: "restarted" }).answer("A", { error: "no" }).pass(0);
    expect(play.member(1)).toMatchObject({ attempt: 2 });
    expect(play.member(1).restarts).toBeUndefined();
  });
});

describe("an input whose node is not deployed", () => {
  const miss = (play: Play) => play.reduce({ type: "executor_missing", inputs: [{ n: 1, attempt: 1 }] });

  test("waits longer each time, is sent again each time, and runs once the node is there", () => {
    const play = miss(Play.start(graphOf("A -> x")));
    expect(play.effects).toEqual([]);
    expect(play.member(1).missing).toEqual({ since: START, asleep: true });
    const waits: number[] = [];
    while (play.at < START + 10 * MISSING_WAIT_MS_MAX) {
      const wait = play.member(1).due - play.at;
      waits.push(wait);
      expect(play.pass(wait - 1).asked).toEqual([]);
      expect(play.pass(1).asked).toEqual(["dispatch 1 A 1"]);
      miss(play);
    }
    expect(waits.slice(0, 4)).toEqual([1, 1, 2, 4].map((n) => n * MISSING_WAIT_MS_MIN));
    expect(waits.at(-1)).toBe(MISSING_WAIT_MS_MAX);
    expect(play.pass(MISSING_WAIT_MS_MAX).answer("A").issued).toEqual(["2 x"]);
    expect(play.executions()).toHaveLength(1);
  });

  test("is sent at once when the object is started anew", () => {
    expect(miss(Play.start(graphOf("A -> x"))).reduce({ type: "restarted" }).asked).toEqual([
      "dispatch 1 A 1",
    ]);
  });

  test("that was sent again is under a lease as any other", () => {
    const play = miss(Play.start(graphOf("A -> x"))).pass(MISSING_WAIT_MS_MIN);
    expect(play.pass(LEASE_MS).head.reason?.code).toBe("node_failed");
  });

  test("waits no longer than its lifetime may last", () => {
    const play = miss(Play.start(graphOf("A -> x", {}, { timeoutMs: 500 })));
    expect(play.pass(500).head.reason?.code).toBe("lifetime_timed_out");
    expect(play.executions().at(-1)?.header.status).toBe(ExecutionStatus.CANCELED);
  });
});

describe("a node that is run elsewhere", () => {
  const external = { A: { executor: "external" as const } };

  test("is put on its topic and under a lease, and is not dispatched", () => {
    const play = Play.start(graphOf("A -> x", external));
    expect(play.asked).toEqual([]);
    expect(play.inputs()).toHaveLength(1);
    expect(play.answer("A").asked).toEqual(["dispatch 2 x 1"]);
  });

  test("whose lease ends is timed out, and its retry waits on the topic too", () => {
    const retry = { attempts: 2, backoffMs: 0 };
    const play = Play.start(graphOf("A -> x", { A: { ...external.A, retry } })).pass(LEASE_MS);
    expect(play.executions()[0]?.header.status).toBe(ExecutionStatus.TIMED_OUT);
    expect(play.pass(0).asked).toEqual([]);
    expect(play.inputs().map(({ header }) => header.attempt)).toEqual([1, 2]);
    expect(play.answer("A").issued).toEqual(["2 x"]);
  });
});
