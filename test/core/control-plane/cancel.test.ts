// Without this, a canceled lifetime would go on working, or leave attempts without an outcome.
import { expect, test } from "vitest";
import { isTerminal, LIFETIME_STATUSES, MOVES, mayMove } from "../../../src/control-plane/status.ts";
import { ExecutionStatus } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { graphOf } from "../../fixtures/graphs.ts";
import { Play } from "../../fixtures/play.ts";

const running = () =>
  Play.start(graphOf("A -> x y z", { x: { retry: { attempts: 2 } } }))
    .answer("A")
    .answer("x", { error: "no" });

test("a cancel records every open attempt as canceled, withdraws them together and raises the epoch", () => {
  const play = running().reduce({ type: "cancel_requested", detail: "no longer wanted" });
  expect(play.head).toMatchObject({
    status: "CANCELED",
    epoch: 1,
    outstanding: 0,
    reason: { code: "canceled", detail: "no longer wanted" },
  });
  expect(play.asked).toEqual(["withdraw 3 4", "announce end"]);
  const canceled = play.executions().filter(({ header }) => header.status === ExecutionStatus.CANCELED);
  expect(canceled.map(({ header }) => header.name)).toEqual(["y", "z"]);
  for (const { execution } of canceled)
    expect(execution.result?.errorMessage).toBe("canceled: no longer wanted");
});

test("an answer after a cancel is set aside as late and changes nothing", () => {
  const play = running();
  const answer = play.execution(3);
  play.reduce({ type: "cancel_requested", detail: "" });
  const before = play.state;
  expect(play.arrive(3, answer).asked).toEqual(["set aside late"]);
  expect(play.state).toEqual(before);
});

test("an event on which reducing threw fails the lifetime and keeps the reason", () => {
  const play = running().reduce({ type: "reduce_failed", detail: "graph g has no node q" });
  expect(play.head.status).toBe("FAILED");
  expect(play.head.reason).toEqual({ code: "internal", detail: "graph g has no node q" });
});

test("the states of a lifetime move as the table says", () => {
  const legal = LIFETIME_STATUSES.flatMap((from) =>
    LIFETIME_STATUSES.filter((to) => mayMove(from, to)).map((to) => `${from} ${to}`),
  );
  expect(legal).toEqual(Object.entries(MOVES).flatMap(([from, to]) => to.map((each) => `${from} ${each}`)));
  expect(LIFETIME_STATUSES.filter(isTerminal)).toEqual(["SUCCEEDED", "FAILED", "CANCELED"]);
  for (const status of LIFETIME_STATUSES) {
    expect(mayMove(status, status)).toBe(false);
    if (!isTerminal(status)) {
      expect(mayMove(status, "CANCELED")).toBe(true);
      expect(mayMove(status, "FAILED")).toBe(true);
    }
  }
});
