// Without this, a step could run that nobody had agreed to, twice, or after its answer was taken back.
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { messageOf } from "../../../src/topics/record.ts";
import { decodeTaskInput, encodeExecution } from "../../../src/wire/codec.ts";
import { composeInput } from "../../../src/wire/compose.ts";
import { ExecutionStatus, TaskExecutionSchema } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { graphOf } from "../../fixtures/graphs.ts";
import { Play } from "../../fixtures/play.ts";
import { policies } from "../../fixtures/policies.ts";
import { ADA, answer, approve, BOB, closedOf, HOUR, openedOf, REJECT } from "./voices.ts";

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

  test("goes out once it is approved, although its producer has written it in Kafka", () => {
    const play = new Play(graphOf("A -> x", { A: { executor: "kafka" } }));
    play.guard = policies(APPROVE_X.replace("task_input", "plan_input").replace("node: x", "node: A"));
    const message = encodeExecution(
      create(TaskExecutionSchema, { header: { name: "sensor", execId: "e-1" } }),
    );
    play.begin(2, "l1", { node: "A", executions: [{ execId: "e-1", name: "sensor", message }] });
    const inputs = () => play.log.flatMap((record) => (record.type === "input" ? [record.kafka] : []));
    expect(inputs()).toEqual([]);
    expect(answer(play, ADA, approve())).toBeUndefined();
    expect([play.issued, inputs()]).toEqual([["1 A"], ["out"]]);
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
