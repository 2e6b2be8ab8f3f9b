// Without this, an answer that does not count could take effect, or one that counts could be lost.
import { describe, expect, test } from "vitest";
import { LEASE_MARGIN_MS } from "../../../src/limits.ts";
import { ExecutionStatus } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { graphOf, TIMEOUT_MS } from "../../fixtures/graphs.ts";
import { type Answer, executionOf, Play } from "../../fixtures/play.ts";

const retry = { attempts: 3, backoffMs: 1_000 };
const graph = graphOf("A -> x y; x y -> B", { x: { retry } });
const LEASE_MS = TIMEOUT_MS + LEASE_MARGIN_MS;

const running = () => Play.start(graph).answer("A");
const ofTask = (play: Play, n: number, header: Answer["header"]) =>
  play.execution(n, { header: header ?? {} });

type Case = readonly [sentence: string, reason: string, play: () => Play];

const CASES: readonly Case[] = [
  [
    "names an input that was never issued",
    "unknown",
    () => {
      const play = running();
      return play.arrive(99, play.execution(2));
    },
  ],
  [
    "names the synthetic root",
    "unknown",
    () => {
      const play = running();
      return play.arrive(0, play.execution(2));
    },
  ],
  [
    "names another node than its input",
    "unknown",
    () => {
      const play = running();
      return play.arrive(2, ofTask(play, 2, { name: "y" }));
    },
  ],
  [
    "is of the other kind than its input",
    "unknown",
    () => {
      const play = running();
      return play.arrive(2, executionOf("plan", play.execution(2).header ?? {}, {}));
    },
  ],
  [
    "is of an attempt that has not begun",
    "unknown",
    () => {
      const play = running();
      return play.arrive(2, ofTask(play, 2, { attempt: 2 }));
    },
  ],
  [
    "comes twice",
    "duplicate",
    () => {
      const play = running();
      const answer = play.execution(2);
      return play.arrive(2, answer).arrive(2, answer);
    },
  ],
  [
    "comes twice, the second time with another answer",
    "duplicate",
    () => {
      const play = running();
      const other = play.execution(2, { error: "changed my mind" });
      return play.answerInput(2).arrive(2, other);
    },
  ],
  [
    "comes again after its wave has closed",
    "duplicate",
    () => {
      const play = running();
      const answer = play.execution(2);
      return play.answerInput(2).answerInput(3).arrive(2, answer);
    },
  ],
  [
    "of a plan comes twice",
    "duplicate",
    () => {
      const play = Play.start(graph);
      const answer = play.execution(1, { tasks: ["x"] });
      return play.arrive(1, answer).arrive(1, answer);
    },
  ],
  [
    "fails twice, during the backoff",
    "duplicate",
    () => {
      const play = running();
      const answer = play.execution(2, { error: "no" });
      return play.arrive(2, answer).arrive(2, answer);
    },
  ],
  [
    "says itself that it timed out, twice, during the backoff",
    "duplicate",
    () => {
      const play = running();
      const answer = play.execution(2, { status: ExecutionStatus.TIMED_OUT });
      return play.arrive(2, answer).arrive(2, answer);
    },
  ],
  [
    "fails twice, the second time in the next attempt",
    "duplicate",
    () => {
      const play = running();
      const answer = play.execution(2, { error: "no" });
      return play.arrive(2, answer).pass(1_000).arrive(2, answer);
    },
  ],
  [
    "comes after its lease, during the backoff",
    "late",
    () => {
      const play = running();
      play.reduce({ type: "heartbeat_received", n: 3, attempt: 1 });
      const answer = play.execution(2);
      play.at += 1;
      play.reduce({ type: "heartbeat_received", n: 3, attempt: 1 });
      return play.pass(LEASE_MS - 1).arrive(2, answer);
    },
  ],
  [
    "comes after its lease, during the next attempt",
    "late",
    () => {
      const play = running();
      const answer = play.execution(2);
      play.at += 5_000;
      play.reduce({ type: "heartbeat_received", n: 3, attempt: 1 });
      return play
        .pass(LEASE_MS - 5_000)
        .pass(1_000)
        .arrive(2, answer);
    },
  ],
  [
    "comes after its lease had ended its lifetime, once that was retried",
    "late",
    () => {
      const play = running();
      const answer = play.execution(3);
      play.at += 5_000;
      play.reduce({ type: "heartbeat_received", n: 2, attempt: 1 });
      play.pass(LEASE_MS - 5_000);
      return play.reduce({ type: "retry_requested", detail: "" }).arrive(3, answer);
    },
  ],
  [
    "fails twice, the second time once its lifetime was retried",
    "duplicate",
    () => {
      const play = running();
      const answer = play.execution(3, { error: "no" });
      return play.arrive(3, answer).reduce({ type: "retry_requested", detail: "" }).arrive(3, answer);
    },
  ],
  [
    "comes after the end",
    "late",
    () => {
      const play = running();
      const answer = play.execution(2);
      return play.reduce({ type: "cancel_requested", detail: "" }).arrive(2, answer);
    },
  ],
  ...[ExecutionStatus.UNSPECIFIED, ExecutionStatus.PENDING, ExecutionStatus.RUNNING].map(
    (status): Case => [
      `has status ${status}`,
      "unfinished",
      () => running().answerInput(2, { header: { status } }),
    ],
  ),
];

describe("an execution that", () => {
  test.each(CASES)("%s is set aside as %s, and nothing else happens", (_, reason, played) => {
    const play = played();
    expect(play.asked).toEqual([`set aside ${reason}`]);
    expect(play.effects).toHaveLength(1);
  });
});

test("after an unfinished execution the finished one still counts", () => {
  const play = running()
    .answerInput(2, { header: { status: ExecutionStatus.RUNNING } })
    .answerInput(2);
  expect(play.executions()).toHaveLength(2);
});
