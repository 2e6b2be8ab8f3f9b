// Without this, people could be asked what nobody wants to know, or a step go on that they had not agreed to.
import { describe, expect, test } from "vitest";
import { isPlan } from "../../../src/wire/codec.ts";
import { ExecutionStatus } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { readResult } from "../../../src/wire/payload.ts";
import { graphOf } from "../../fixtures/graphs.ts";
import { Play, START } from "../../fixtures/play.ts";
import { ADA, answer, approve, BOB, closedOf, HOUR, openedOf, REJECT } from "./voices.ts";

const asks = (settings: object = {}, node: object = {}) =>
  Play.start(
    graphOf("A -> x; x -> B", {
      x: {
        kind: "human",
        settings: { title: "Publish?", who: ["ada", "bob"], quorum: 1, ...settings },
        timeoutMs: 100 * HOUR,
        ...node,
      },
    }),
  ).answer("A");

const resultOf = (play: Play) => {
  const found = play.executions().findLast(({ header }) => header.name === "x");
  return found && !isPlan(found.execution) ? readResult(found.execution.result) : undefined;
};

describe("a task that asks people", () => {
  test("is on its topic and dispatched to nobody, and its lifetime is WAITING with who may answer", () => {
    const play = asks();
    expect(play.inputs().map(({ header }) => header.name)).toEqual(["A", "x"]);
    expect(play.asked).toEqual([]);
    expect(play.head.status).toBe("WAITING");
    expect(openedOf(play)).toMatchObject({
      approval: `l1:2:${openedOf(play)?.offset}`,
      node: "x",
      title: "Publish?",
      who: ["ada", "bob"],
      quorum: 1,
      onExpiry: "reject",
    });
    expect(play.log.at(-1)).toMatchObject({
      type: "lifetime_status",
      reason: { detail: "x waits for an answer of ada or bob" },
    });
  });

  test("ends with what was answered, and leaves nothing of the approval in the state", () => {
    const play = asks();
    expect(answer(play, ADA, approve({ title: "Better" }), "fine")).toBeUndefined();
    expect(resultOf(play)).toEqual({ title: "Better" });
    expect(play.log.find(({ type }) => type === "approval_closed")).toMatchObject({
      outcome: "approved",
      by: "ada",
      comment: "fine",
      votes: [{ by: "ada", at: START, comment: "fine" }],
      edit: { title: "Better" },
    });
    expect(play.issued).toEqual(["3 B"]);
    expect(JSON.stringify([play.head, [...(play.state?.members.entries() ?? [])]])).not.toMatch(/approval/);
  });

  test("takes the first answer: a second one, a late one and one after a cancel are refused", () => {
    const play = asks();
    answer(play, ADA, approve(1));
    expect(answer(play, BOB, REJECT)).toBe("approval_closed");
    expect(resultOf(play)).toBe(1);
    const late = asks({ due: HOUR }).pass(HOUR);
    expect(answer(late, ADA, approve())).toBe("approval_closed");
    const canceled = asks().reduce({ type: "cancel_requested", detail: "" });
    expect(closedOf(canceled)).toEqual(["withdrawn"]);
    expect(answer(canceled, ADA, approve())).toBe("approval_closed");
    expect(canceled.head.status).toBe("CANCELED");
  });

  test("is answered by those who may, by name or by role, and by nobody whose name looks like a role", () => {
    const operators = () => asks({ who: ["role:operator"] });
    expect(answer(operators(), BOB, approve())).toBe("forbidden");
    expect(answer(operators(), ADA, approve())).toBeUndefined();
    expect(answer(operators(), { name: "role:operator", roles: [] }, approve())).toBe("forbidden");
    expect(answer(asks({ who: ["eve"] }), ADA, approve())).toBe("forbidden");
  });

  test("needs its quorum, each voice once, and all agree to what the first has said", () => {
    const play = asks({ quorum: 2 });
    expect(answer(play, ADA, approve("a"))).toBeUndefined();
    expect(answer(play, ADA, approve("a"))).toBe("approval_conflict");
    expect(answer(play, BOB, approve("b"))).toBe("approval_conflict");
    expect(play.head.status).toBe("WAITING");
    expect(answer(play, BOB, approve())).toBeUndefined();
    expect(resultOf(play)).toBe("a");
  });

  test("that one rejects is recorded as REJECTED, whatever the others said, and its node decides", () => {
    const play = asks({ quorum: 2 });
    answer(play, ADA, approve());
    answer(play, BOB, REJECT, "not yet");
    expect(play.executions().at(-1)).toMatchObject({
      header: { status: ExecutionStatus.REJECTED },
      execution: { result: { errorMessage: "rejected: rejected by bob: not yet" } },
    });
    expect(play.head).toMatchObject({ status: "FAILED", reason: { code: "node_failed" } });
    const routed = asks({}, { onFailure: "route" });
    answer(routed, ADA, REJECT);
    expect(routed.issued).toEqual(["3 B"]);
  });

  test("may be passed on, and then whoever passed it on has no voice any more", () => {
    const play = asks({ quorum: 2, who: ["ada", "bob"] });
    expect(answer(play, ADA, { type: "delegate", to: "cleo" })).toBeUndefined();
    expect(answer(play, ADA, approve())).toBe("approval_conflict");
    expect(answer(play, BOB, { type: "delegate", to: "cleo" })).toBe("approval_conflict");
    expect(answer(play, BOB, { type: "delegate", to: "role:admin" })).toBe("invalid_request");
    expect(answer(play, { name: "cleo", roles: [] }, approve())).toBeUndefined();
    expect(answer(play, BOB, approve())).toBeUndefined();
    expect(play.issued).toEqual(["3 B"]);
  });

  test("takes only an answer that its schema accepts, and says what is wrong with another", () => {
    const schema = {
      type: "object",
      properties: { stars: { type: "integer", minimum: 1 } },
      required: ["stars"],
    };
    const play = asks({ schema });
    expect(answer(play, ADA, approve())).toBe("answer_invalid");
    expect(answer(play, ADA, approve({ stars: 0 }))).toBe("answer_invalid");
    expect(answer(play, ADA, approve({ stars: 4 }))).toBeUndefined();
    expect(resultOf(play)).toEqual({ stars: 4 });
  });

  test.each([
    ["reject", "FAILED", ["rejected"]],
    ["abort", "FAILED", ["aborted"]],
    ["approve", "RUNNING", ["approved"]],
  ] as const)(
    "that nobody answers in time meets on_expiry %s then, not a millisecond sooner",
    (onExpiry, status, closed) => {
      const play = asks({ due: HOUR, on_expiry: onExpiry, expiry_answer: "as it is" });
      expect(play.member(2).due).toBe(START + HOUR);
      expect(closedOf(play.pass(HOUR - 1))).toEqual([]);
      expect(closedOf(play.pass(1))).toEqual(closed);
      expect(play.head.status).toBe(status);
      if (onExpiry === "approve") expect(resultOf(play)).toBe("as it is");
      if (onExpiry === "abort") expect(play.head.reason?.code).toBe("approval_aborted");
    },
  );

  test("that too few have agreed to in time goes on as if nobody had, without what they changed", () => {
    const play = asks({ quorum: 2, due: HOUR, on_expiry: "approve", expiry_answer: "as it is" });
    answer(play, ADA, approve("hers"));
    play.pass(HOUR);
    expect(resultOf(play)).toBe("as it is");
  });

  test("is escalated first, to people who have the same time again", () => {
    const play = asks({ who: ["ada"], due: HOUR, escalate_to: ["role:admin"] }).pass(HOUR);
    expect(play.log.at(-1)).toMatchObject({
      type: "approval_changed",
      act: "escalated",
      who: ["ada", "role:admin"],
      due: START + 2 * HOUR,
    });
    expect(play.head.status).toBe("WAITING");
    expect(play.member(2).due).toBe(START + 2 * HOUR);
    expect(answer(play, { name: "root", roles: ["admin"] }, approve())).toBeUndefined();
    const again = asks({ who: ["ada"], due: HOUR, escalate_to: ["bob"] }, { timeoutMs: 1.5 * HOUR }).pass(
      HOUR,
    );
    expect(
      again
        .pass(HOUR / 2)
        .executions()
        .at(-1)?.header.status,
    ).toBe(ExecutionStatus.TIMED_OUT);
    expect(closedOf(again)).toEqual(["timed_out"]);
  });

  test("that was answered while its lifetime is paused holds what follows until it is resumed", () => {
    const play = asks().reduce({ type: "pause_requested", detail: "" });
    expect(answer(play, ADA, approve())).toBeUndefined();
    expect([play.head.status, play.issued]).toEqual(["PAUSED", []]);
    expect(play.reduce({ type: "resume_requested" }).issued).toEqual(["3 B"]);
  });

  test("is asked anew by a retry of its lifetime, under another id", () => {
    const play = asks();
    answer(play, ADA, REJECT);
    const before = openedOf(play)?.approval;
    play.reduce({ type: "retry_requested", detail: "" });
    expect(openedOf(play)?.approval).not.toBe(before);
    expect(answer(play, ADA, approve())).toBeUndefined();
    expect(play.executions().filter(({ header }) => header.name === "A")).toHaveLength(1);
  });

  test("that lost its race is withdrawn, and nobody can answer it any more", () => {
    const play = Play.start(
      graphOf("A -> x y; x y -> B", {
        x: { kind: "human", settings: { title: "?", who: ["ada"], quorum: 1 } },
        B: { join: { first: 1 } },
      }),
    ).answer("A");
    play.answer("y");
    expect(closedOf(play)).toEqual(["withdrawn"]);
    expect(answer(play, ADA, approve())).toBe("approval_closed");
    expect(play.issued).toEqual(["4 B"]);
  });

  test("whose question needs what is not there fails with why", () => {
    const play = asks({ title: "Publish ${input.nothing}?" });
    expect(play.executions().at(-1)?.execution.result?.errorMessage).toMatch(/^invalid_input: .*nothing/);
    expect(openedOf(play)).toBeUndefined();
  });
});
