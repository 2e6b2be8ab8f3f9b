// Without this, a step could run that nobody had agreed to, twice, or after its answer was taken back.
import { describe, expect, test } from "vitest";
import { decideAnswer } from "../../../src/control-plane/approvals.ts";
import type { Ballot, Voter } from "../../../src/guardrails/approval.ts";
import { messageOf } from "../../../src/topics/record.ts";
import { decodeTaskInput, isPlan } from "../../../src/wire/codec.ts";
import { composeInput } from "../../../src/wire/compose.ts";
import { ExecutionStatus } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { readResult } from "../../../src/wire/payload.ts";
import { graphOf } from "../../fixtures/graphs.ts";
import { Play, START } from "../../fixtures/play.ts";
import { policies } from "../../fixtures/policies.ts";

const HOUR = 3_600_000;
const ADA: Voter = { name: "ada", roles: ["reader", "operator"] };
const BOB: Voter = { name: "bob", roles: ["reader"] };

const APPROVE_X = `
name: two-eyes
on: task_input
scope: { node: x }
action: REQUIRE_APPROVAL
message: look at it first
approval: { who: [ada, bob], due: 1h, on_expiry: abort }
`;

/** `A -> x y; x y -> B`, whose x a policy wants approved. */
const guarded = (nodes: Parameters<typeof graphOf>[1] = {}, guard = policies(APPROVE_X)): Play => {
  const play = new Play(graphOf("A -> x y; x y -> B", nodes));
  play.guard = guard;
  return play.begin().answer("A");
};

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

const openedOf = (play: Play) => play.log.findLast((record) => record.type === "approval_opened");

/** What the answer is told: nothing where it counts, else the code of its refusal. */
const answer = (play: Play, voter: Voter, ballot: Ballot, comment?: string): string | undefined => {
  const opened = openedOf(play);
  const n = Number(opened?.input.split(":").at(-1));
  const what = { n, opened: opened?.offset ?? 0, voter, ballot, ...(comment !== undefined && { comment }) };
  if (!play.state) throw new Error("not started");
  const decided = decideAnswer(play.state, play.index, what, play.at);
  play.reduce({ type: "approval_answered", ...what });
  return decided.ok ? undefined : decided.error.code;
};
const approve = (edit?: Extract<Ballot, { type: "approve" }>["edit"]): Ballot => ({
  type: "approve",
  ...(edit !== undefined && { edit }),
});
const REJECT: Ballot = { type: "reject" };

const closedOf = (play: Play) =>
  play.log.flatMap((record) => (record.type === "approval_closed" ? [record.outcome] : []));

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

describe("an input that a policy wants approved", () => {
  test("is held without a record, while the rest of its wave goes on", () => {
    const play = guarded();
    expect(play.issued).toEqual(["3 y"]);
    expect(play.member(2)).toMatchObject({ phase: "held", input: 0, held: { cause: "approval" } });
    expect(openedOf(play)).toMatchObject({
      input: "l1:2",
      node: "x",
      policies: ["two-eyes"],
      title: "two-eyes: look at it first",
      who: ["ada", "bob"],
      onExpiry: "abort",
    });
    expect(play.head.status).toBe("RUNNING");
    expect(play.answer("y").head.status).toBe("WAITING");
  });

  test("is issued once it is approved, and is not asked about again, nor are its retries", () => {
    const play = guarded({ x: { retry: { attempts: 2, backoffMs: 0 } } }).answer("y");
    expect(answer(play, ADA, approve())).toBeUndefined();
    expect([play.asked, play.head.status]).toEqual([["dispatch 2 x 1"], "RUNNING"]);
    play.answer("x", { error: "busy: again" }).pass(0);
    expect(play.issued).toEqual(["2 x"]);
    play.answer("x").answer("B");
    expect(play.head).toMatchObject({ status: "SUCCEEDED" });
    expect(play.log.filter(({ type }) => type === "approval_opened")).toHaveLength(1);
    expect(play.executions().map(({ header }) => header.name)).toEqual(["A", "y", "x", "x", "B"]);
  });

  test("is asked about by each policy that wants it, one after the other", () => {
    const second = APPROVE_X.replace("two-eyes", "wallet").replace("[ada, bob]", "[cleo]");
    const play = guarded({}, policies(APPROVE_X, second)).answer("y");
    const first = openedOf(play);
    answer(play, first?.who.includes("ada") ? ADA : { name: "cleo", roles: [] }, approve());
    const next = openedOf(play);
    expect(next?.approval).not.toBe(first?.approval);
    expect(play.head.status).toBe("WAITING");
    expect(answer(play, { name: "cleo", roles: [] }, approve())).toBeUndefined();
    expect(play.issued).toEqual(["2 x"]);
  });

  test("that policies abort or reject by the time it is approved goes no further, and is closed once", () => {
    const stop = (action: string) =>
      policies(APPROVE_X.replace(/action: .*\n/, `action: ${action}\n`).replace(/approval: .*\n/, ""));
    const aborted = guarded().answer("y");
    aborted.guard = stop("ABORT_LIFETIME");
    expect(answer(aborted, ADA, approve())).toBeUndefined();
    expect(aborted.head).toMatchObject({ status: "FAILED", reason: { code: "policy_aborted" } });
    expect(closedOf(aborted)).toEqual(["approved"]);
    const rejected = guarded({ x: { onFailure: "route" } }).answer("y");
    rejected.guard = stop("REJECT_EXECUTION");
    answer(rejected, ADA, approve());
    expect([closedOf(rejected), rejected.issued]).toEqual([["approved"], ["4 B"]]);
    const unguarded = guarded().answer("y");
    unguarded.guard = undefined;
    expect(unguarded.head.status).toBe("WAITING");
    answer(unguarded, ADA, approve());
    expect(unguarded.issued).toEqual(["2 x"]);
  });

  test("that is rejected is recorded as REJECTED without ever having been at work, and its node decides", () => {
    const play = guarded({ x: { onFailure: "ignore" } }).answer("y");
    expect(answer(play, BOB, REJECT, "no")).toBeUndefined();
    expect(play.executions().at(-1)?.header).toMatchObject({ name: "x", status: ExecutionStatus.REJECTED });
    expect(play.inputs().map(({ header }) => header.name)).toEqual(["A", "y", "B"]);
    expect(play.head.waiting).toBeUndefined();
  });

  test("that nobody answers in time does what the policy says then", () => {
    const play = guarded()
      .answer("y")
      .pass(HOUR - 1);
    expect(play.head.status).toBe("WAITING");
    expect(play.pass(1).head).toMatchObject({ status: "FAILED", reason: { code: "approval_aborted" } });
    expect(play.executions().map(({ header }) => header.name)).toEqual(["A", "y"]);
    expect(closedOf(play)).toEqual(["aborted"]);
  });

  test("may be changed when it is approved: its record has what was agreed to, its approval what was asked", () => {
    const play = guarded();
    expect(answer(play, ADA, approve("no object"))).toBe("answer_invalid");
    const deep = JSON.parse(`${'{"a":'.repeat(40)}1${"}".repeat(40)}`);
    expect(answer(play, ADA, approve(deep))).toBe("answer_invalid");
    expect(answer(play, ADA, approve({ amount: 5 }))).toBeUndefined();
    const record = play.log.findLast(({ type }) => type === "input");
    if (record?.type !== "input") throw new Error("no input");
    expect(record.parameters).toEqual({ amount: 5 });
    const message = composeInput(record, (offset) => messageOf(play.log[offset - 1]) ?? new Uint8Array());
    const decoded = decodeTaskInput(message);
    expect(decoded.ok && decoded.value.parameters).toEqual({ amount: 5 });
    expect(play.log.find(({ type }) => type === "approval_closed")).toMatchObject({ edit: { amount: 5 } });
  });

  test("of a plan is approved as it is", () => {
    const plan = APPROVE_X.replace("task_input", "plan_input").replace("node: x", "node: A");
    const play = new Play(graphOf("A -> x"));
    play.guard = policies(plan);
    play.begin();
    expect([play.head.status, play.issued]).toEqual(["WAITING", []]);
    expect(answer(play, ADA, approve({ other: 1 }))).toBe("answer_invalid");
    expect(answer(play, ADA, approve())).toBeUndefined();
    expect(play.issued).toEqual(["1 A"]);
  });

  test("that is approved during a pause is held by that, and issued when it is over without being asked again", () => {
    const play = guarded().answer("y").reduce({ type: "pause_requested", detail: "" });
    expect(answer(play, ADA, approve())).toBeUndefined();
    expect(play.member(2)).toMatchObject({ phase: "held", held: { cause: "paused" } });
    expect(play.reduce({ type: "resume_requested" }).issued).toEqual(["2 x"]);
  });

  test("that comes up during a pause is asked about when that is over", () => {
    const play = new Play(graphOf("A -> x y; x y -> B"));
    play.guard = policies(APPROVE_X);
    play.begin().reduce({ type: "pause_requested", detail: "" }).answer("A");
    expect(openedOf(play)).toBeUndefined();
    play.reduce({ type: "resume_requested" });
    expect([play.issued, openedOf(play)?.node]).toEqual([["3 y"], "x"]);
  });

  test("is closed by a cancel and by its lifetime's timeout, and its lost race takes it back", () => {
    const canceled = guarded().reduce({ type: "cancel_requested", detail: "" });
    expect(closedOf(canceled)).toEqual(["withdrawn"]);
    expect(answer(canceled, ADA, approve())).toBe("approval_closed");
    const raced = guarded({ B: { join: { first: 1 } } }).answer("y");
    expect([closedOf(raced), raced.issued]).toEqual([["withdrawn"], ["4 B"]]);
    expect(answer(raced, ADA, approve())).toBe("approval_closed");
    expect(raced.answer("B").head.status).toBe("SUCCEEDED");
  });

  test("is asked about anew by a retry of its lifetime while nobody has approved it", () => {
    const play = guarded().answer("y", { error: "fatal: no" });
    expect(closedOf(play)).toEqual(["withdrawn"]);
    play.reduce({ type: "retry_requested", detail: "" });
    expect(play.log.filter(({ type }) => type === "approval_opened")).toHaveLength(2);
    expect(answer(play, ADA, approve())).toBeUndefined();
    expect(play.issued).toEqual(["2 x", "3 y"]);
    expect(play.member(2).attempt).toBe(1);
  });
});
