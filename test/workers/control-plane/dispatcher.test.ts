// Without this, an input could run out of time before it was sent, or be lost between two calls.
import { expect, test } from "vitest";
import type { Answers, Dispatch, NodeSpec } from "../../../src/executor/dispatch.ts";
import { HTTP } from "../../../src/executor/tasks/http.ts";
import {
  DISPATCH_INPUTS_MAX,
  HTTP_INPUTS_A_CALL_MAX,
  IN_FLIGHT_INPUTS_MAX,
  LEASE_MARGIN_MS,
} from "../../../src/limits.ts";
import { Dispatcher, type Outgoing } from "../../../workers/control-plane/dispatcher.ts";

const TIMEOUT_MS = 10_000;
const spec: NodeSpec = { type: "task", name: "t", kind: "t", timeoutMs: TIMEOUT_MS, settings: {}, next: [] };

/** A dispatcher whose executor answers when the test says so. */
const setUp = () => {
  const clock = { now: 0 };
  const calls: { dispatch: Dispatch; answer: (answers: Answers) => void }[] = [];
  const waited: Outgoing[] = [];
  const missing: Outgoing[] = [];
  const lost: Outgoing[] = [];
  const beaten: Outgoing[] = [];
  const progressed: [Outgoing, string][] = [];
  const queuedMs: number[] = [];
  const dispatcher = new Dispatcher({
    generation: () => 1,
    executor: () => ({ run: (dispatch) => new Promise((answer) => calls.push({ dispatch, answer })) }),
    input: () => new Uint8Array(1),
    now: () => clock.now,
    held: () => false,
    leaseMarginMs: LEASE_MARGIN_MS,
    answered: () => {},
    heartbeat: (outs) => beaten.push(...outs),
    progressed: (out, text) => progressed.push([out, text]),
    sent: (_, waitedMs) => queuedMs.push(waitedMs),
    waited: (outs) => waited.push(...outs),
    missing: (outs) => missing.push(...outs),
    lost: (outs) => lost.push(...outs),
  });
  const add = (count: number, lifetime: string) => {
    const due = clock.now + TIMEOUT_MS + LEASE_MARGIN_MS;
    for (let n = 1; n <= count; n++)
      dispatcher.add({ lifetime, n, attempt: 1, spec, offset: n, due, since: clock.now });
    dispatcher.pump();
  };
  const answerAll = async (call: (typeof calls)[number] | undefined) => {
    const executions = call?.dispatch.items.map(() => new Uint8Array(1)) ?? [];
    call?.answer({ executions, heartbeats: [] });
    await Promise.resolve();
  };
  return { clock, calls, waited, missing, lost, beaten, progressed, queuedMs, dispatcher, add, answerAll };
};

test("an input that waits for room keeps its whole time, and its lease begins when it is sent", async () => {
  const { clock, calls, waited, lost, queuedMs, dispatcher, add, answerAll } = setUp();
  add(IN_FLIGHT_INPUTS_MAX, "first");
  expect(calls).toHaveLength(IN_FLIGHT_INPUTS_MAX / DISPATCH_INPUTS_MAX);
  add(2, "second");
  const waiting = [...dispatcher.waiting()].map(([lifetime, outs]) => [lifetime, outs.map(({ n }) => n)]);
  expect(waiting).toEqual([["second", [1, 2]]]);
  clock.now += TIMEOUT_MS;
  await answerAll(calls[0]);
  await expect.poll(() => calls.length).toBe(IN_FLIGHT_INPUTS_MAX / DISPATCH_INPUTS_MAX + 1);
  expect(queuedMs.slice(-2)).toEqual([TIMEOUT_MS, TIMEOUT_MS]);
  expect(calls.at(-1)?.dispatch.items.map(({ remainingMs }) => remainingMs)).toEqual([
    TIMEOUT_MS,
    TIMEOUT_MS,
  ]);
  expect(waited.map(({ lifetime, n }) => `${lifetime}:${n}`)).toEqual(["second:1", "second:2"]);
  expect(dispatcher.waiting().size).toBe(0);
  expect(lost).toEqual([]);
});

test("an input that is sent at once has what its lease has left", () => {
  const { calls, waited, add } = setUp();
  add(1, "l1");
  expect(calls[0]?.dispatch.items[0]?.remainingMs).toBe(TIMEOUT_MS);
  expect(waited).toEqual([]);
});

test("inputs that a call left unanswered are reported lost, and leave room", async () => {
  const { calls, lost, dispatcher, add } = setUp();
  add(3, "l1");
  calls[0]?.answer({ executions: [new Uint8Array(1)], heartbeats: [] });
  await expect.poll(() => lost.length).toBe(3);
  expect(dispatcher.inFlight).toBe(0);
});

test("inputs whose node is not deployed are reported missing, not lost, and leave room", async () => {
  const { calls, missing, lost, dispatcher, add } = setUp();
  add(3, "l1");
  calls[0]?.answer({ executions: [], heartbeats: [], missing: [0] });
  await expect.poll(() => dispatcher.inFlight).toBe(0);
  expect(missing.map(({ n }) => n)).toEqual([1, 2, 3]);
  expect(lost).toEqual([]);
});

test("what a call says of an input is of the attempt that it has, though a later one is out", async () => {
  const { calls, beaten, progressed, dispatcher } = setUp();
  const due = TIMEOUT_MS + LEASE_MARGIN_MS;
  for (const attempt of [1, 2]) {
    dispatcher.add({ lifetime: "l1", n: 1, attempt, spec, offset: attempt, due, since: 0 });
    dispatcher.pump();
  }
  const said = { executions: [], heartbeats: ["l1:1"], progress: { "l1:1": "7" } };
  calls[0]?.answer(said);
  await expect.poll(() => beaten.length).toBe(1);
  calls[1]?.answer(said);
  await expect.poll(() => beaten.map(({ attempt }) => attempt)).toEqual([1, 2]);
  expect(progressed.map(([{ attempt }, text]) => [attempt, text])).toEqual([
    [1, "7"],
    [2, "7"],
  ]);
});

test("tasks that call out share a call with few of their kind", () => {
  const { calls, dispatcher } = setUp();
  const http: NodeSpec = { ...spec, kind: HTTP };
  const due = TIMEOUT_MS + LEASE_MARGIN_MS;
  for (let n = 1; n <= 2 * HTTP_INPUTS_A_CALL_MAX + 1; n++)
    for (const each of [http, spec])
      dispatcher.add({ lifetime: each.kind, n, attempt: 1, spec: each, offset: n, due, since: 0 });
  dispatcher.pump();
  const outs = calls.map(({ dispatch: { nodes, items } }) =>
    items.map(({ node }) => JSON.parse(nodes[node] ?? "").kind),
  );
  expect(outs.map((kinds) => kinds.filter((kind) => kind === HTTP).length)).toEqual([
    HTTP_INPUTS_A_CALL_MAX,
    HTTP_INPUTS_A_CALL_MAX,
    1,
  ]);
  expect(outs.flat()).toHaveLength(2 * (2 * HTTP_INPUTS_A_CALL_MAX + 1));
});
