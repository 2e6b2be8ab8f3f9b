// Without this, a plan decided in the turn could be recorded otherwise than its executor would have answered it.
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { Turn } from "../../../src/control-plane/turn.ts";
import { builtIns } from "../../../src/executor/built-ins.ts";
import { registry } from "../../../src/executor/registry.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { indexGraph } from "../../../src/graph/lookup.ts";
import type { ExecutionRecord, InputRecord } from "../../../src/topics/record.ts";
import { decodeExecution, encodeExecution } from "../../../src/wire/codec.ts";
import {
  ExecutionHeaderSchema,
  ExecutionStatus,
  TaskExecutionSchema,
} from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { payloadOf } from "../../../src/wire/payload.ts";
import { graphOf } from "../../fixtures/graphs.ts";
import { START } from "../../fixtures/play.ts";
import { ADDRESS, MemoryStore } from "../../simulation/store.ts";

const CREATED_AT = new Date(START).toISOString();
const nodes = registry(builtIns);

/** Starts a lifetime and answers the tasks of its first wave, one turn each. */
const run = (graph: Graph, ...failed: string[]) => {
  const store = new MemoryStore([graph]);
  const take = (act: (turn: Turn) => unknown) => {
    const turn = new Turn(store, ADDRESS, START);
    act(turn);
    store.commit(turn.writes);
    return turn.emitted;
  };
  const emitted = take((turn) =>
    turn.start({ lifetime: "l1", version: 1, labels: {}, input: new Uint8Array() }, "g"),
  );
  const inputs = store.log.filter((record): record is InputRecord => record.type === "input");
  for (const { effect } of emitted) {
    if (effect.type !== "dispatch") continue;
    const member = store.lifetime("l1");
    const task = member && "head" in member ? member.members.get(effect.n) : undefined;
    const header = create(ExecutionHeaderSchema, {
      name: effect.node,
      inputId: `l1:${effect.n}`,
      attempt: 1,
      execId: `of-${effect.node}`,
      status: failed.includes(effect.node) ? ExecutionStatus.FAILED : ExecutionStatus.SUCCEEDED,
    });
    const data = { case: "inlineData" as const, value: payloadOf({ from: effect.node }) };
    const execution = create(TaskExecutionSchema, { header, result: { id: header.execId, data } });
    expect(task?.node).toBe(effect.node);
    take((turn) => turn.arrive("task-executions", encodeExecution(execution)));
  }
  return { store, emitted, inputs };
};

const parallel = (...names: string[]) =>
  Object.fromEntries(names.map((name) => [name, { kind: "parallel" }]));

const recorded = (store: MemoryStore, name: string): { record: ExecutionRecord; decoded: unknown } => {
  for (const record of store.log) {
    if (record.type !== "execution" || record.kind !== "plan") continue;
    const decoded = decodeExecution("plan", record.message);
    if (decoded.ok && decoded.value.header?.name === name) return { record, decoded: decoded.value };
  }
  throw new Error(`no execution of ${name}`);
};

test.each([
  ["a first plan, which carries the root", "A -> x y", "A", []],
  ["a plan after one task", "A -> x; x -> B; B -> z", "B", []],
  ["a join of several tasks", "A -> x y; x y -> B; B -> z", "B", []],
  ["a join to which a failure was ignored", "A -> x y; x y -> B; B -> z", "B", ["x"]],
])("%s is recorded as its executor would have answered", (_, text, plan, failed) => {
  const ignoring = Object.fromEntries(failed.map((name) => [name, { onFailure: "ignore" as const }]));
  const graph = graphOf(text, { ...parallel("A", "B"), ...ignoring });
  const { store } = run(graph, ...failed);
  const input = store.log.findLast((each): each is InputRecord => {
    const header = each.type === "input" && each.kind === "plan" ? store.compose(each) : undefined;
    return header !== undefined && Buffer.from(header).includes(`\n\u0001${plan}`);
  });
  if (input === undefined) throw new Error(`no input of ${plan}`);
  const attempt = nodes.bind(JSON.stringify(indexGraph(graph).spec(plan)))?.attempt(store.compose(input));
  if (!attempt?.ok) throw new Error(attempt?.error);
  const settled = { value: indexGraph(graph).down(plan) };
  const answered = decodeExecution("plan", attempt.value.answer(settled, CREATED_AT) as Uint8Array);
  expect(recorded(store, plan).decoded).toEqual(answered.ok && answered.value);
});

test("the turn that issues the input of such a plan goes on to the plan's tasks", () => {
  const { store, emitted } = run(graphOf("A -> x y", parallel("A")));
  expect(emitted.map(({ effect }) => effect.type === "dispatch" && effect.node)).toEqual(["x", "y"]);
  expect(store.log.slice(0, 5).map(({ type }) => type)).toEqual([
    "lifetime_started",
    "input",
    "execution",
    "input",
    "input",
  ]);
});

test("what is at hand decoded says of the execution what its message says", () => {
  const { store } = run(graphOf("A -> x y; x y -> B; B -> z", parallel("A", "B")));
  const { record, decoded } = recorded(store, "B");
  const { result, ...rest } = decoded as { result: object };
  const { result: own, ...atHand } = record.execution as unknown as { result: object };
  expect(atHand).toEqual(rest);
  expect({ ...result, upstreamTasksResults: [] }).toEqual(own);
});
