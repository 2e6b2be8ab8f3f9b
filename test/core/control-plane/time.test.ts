// Without this, an executor that never answers would hold its lifetime for ever, or a timer would fire early.
import { describe, expect, test } from "vitest";
import { LEASE_MARGIN_MS, REDISPATCHES_MAX } from "../../../src/limits.ts";
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

  test("without inputs means all that are issued, none that back off", () => {
    const graph = graphOf("A -> x y z", { x: { retry: { attempts: 2 } } });
    const play = Play.start(graph).answer("A").answer("x", { error: "no" });
    expect(play.reduce({ type: "dispatch_lost" }).asked).toEqual(["dispatch 3 y 1", "dispatch 4 z 1"]);
  });
});
