// Without this, a message could be lost without a trace, or one bad event could hold up a whole tenant.
import { create, type JsonValue } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { describe, expect, test } from "vitest";
import { execId, seedOf } from "../../../src/control-plane/ids.ts";
import type { Lifetime } from "../../../src/control-plane/lifetime.ts";
import type { Disposition } from "../../../src/control-plane/tenant.ts";
import { type Emitted, Turn } from "../../../src/control-plane/turn.ts";
import { EXEC_ID_CHARS_MAX, JSON_DEPTH_MAX, MESSAGE_BYTES_MAX } from "../../../src/limits.ts";
import { decodeExecution, type Execution, encodeExecution } from "../../../src/wire/codec.ts";
import {
  ExecutionStatus,
  PlanExecutionSchema,
  TaskExecutionSchema,
} from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { payloadOf } from "../../../src/wire/payload.ts";
import { graphOf } from "../../fixtures/graphs.ts";
import { executionOf, START, TENANT } from "../../fixtures/play.ts";
import { policies } from "../../fixtures/policies.ts";
import { MemoryStore } from "../../simulation/store.ts";

const ADDRESS = { tenant: TENANT, partition: 0 };
const GRAPH = graphOf("A -> x y; x y -> B", { x: { retry: { attempts: 2 } }, B: { join: "each" } });
const SUCCEEDED = ExecutionStatus.SUCCEEDED;

/** A tenant whose every turn is committed. */
class Tenant {
  readonly store: MemoryStore;

  constructor(graph = GRAPH) {
    this.store = new MemoryStore([graph]);
  }

  turn<T>(take: (turn: Turn) => T): { result: T; emitted: readonly Emitted[] } {
    const turn = new Turn(this.store, ADDRESS, START);
    const result = take(turn);
    this.store.commit(turn.writes);
    return { result, emitted: turn.emitted };
  }

  start(...ids: string[]): this {
    for (const lifetime of ids)
      this.turn((turn) => turn.start({ lifetime, version: 1, labels: {}, input: new Uint8Array() }, "g"));
    return this;
  }

  arrive(kind: "plan" | "task", execution: Execution | Uint8Array): Disposition {
    const message = execution instanceof Uint8Array ? execution : encodeExecution(execution);
    return this.turn((turn) => turn.arrive(`${kind}-executions`, message)).result;
  }

  lifetime(id: string): Lifetime {
    const found = this.store.lifetime(id);
    if (found === undefined || !("head" in found)) throw new Error(`no lifetime ${id}`);
    return found;
  }

  get last(): Execution {
    const record = this.store.log.findLast((each) => each.type === "execution");
    const decoded = record && decodeExecution(record.kind, record.message);
    if (!decoded?.ok) throw new Error("no execution");
    return decoded.value;
  }
}

const planA = (more: object = {}) =>
  executionOf("plan", { name: "A", inputId: "l1:1", ...more }, { tasks: ["x", "y"] });
const root = (lifetime: string) =>
  execId({ partition: 0, startedAt: START, seed: seedOf(TENANT, lifetime) }, 0, 1);
const foreignA = (...parents: string[]) =>
  create(PlanExecutionSchema, {
    header: { name: "A", execId: "theirs", status: SUCCEEDED },
    parentTaskExecIds: parents,
    result: { nextTaskNames: ["x", "y"] },
  });
const foreignTask = (name: string, parent: string) =>
  create(TaskExecutionSchema, {
    header: { name, execId: `their ${name}`, status: SUCCEEDED },
    parentPlanExecId: parent,
  });

describe("an execution without input_id", () => {
  test("finds its input by its node and its parents", () => {
    const tenant = new Tenant().start("l1", "l2");
    expect(tenant.arrive("plan", foreignA(root("l2"))).outcome).toBe("recorded");
    expect(tenant.last.header).toMatchObject({ lifetimeId: "l2", inputId: "l2:1" });
    expect(tenant.arrive("task", foreignTask("y", "theirs")).outcome).toBe("recorded");
    expect(tenant.last.header).toMatchObject({ name: "y", inputId: "l2:3", attempt: 1 });
  });

  test("answers the attempt that is open", () => {
    const tenant = new Tenant().start("l1");
    tenant.arrive("plan", planA({ execId: "p" }));
    tenant.arrive("task", executionOf("task", { name: "x", inputId: "l1:2" }, { error: "flaky" }));
    const later = new Turn(tenant.store, ADDRESS, START + 1_000);
    later.happen("l1", { type: "time_passed" });
    tenant.store.commit(later.writes);
    expect(tenant.arrive("task", foreignTask("x", "p")).outcome).toBe("recorded");
    expect(tenant.last.header?.attempt).toBe(2);
  });

  test.each<[string, Execution]>([
    ["no parents", foreignA()],
    ["parents that nobody has", foreignA("nobody")],
    ["more parents than the input", foreignA(root("l1"), root("l2"))],
  ])("and with %s is a dead letter", (_, execution) => {
    const tenant = new Tenant().start("l1", "l2");
    expect(tenant.arrive("plan", execution)).toEqual({ outcome: "dead_letter", reason: "uncorrelated" });
    expect(tenant.store.deadLetters[0]?.detail).not.toBe("");
  });

  test("is never guessed between two inputs that fit, and names the way out", () => {
    const tenant = new Tenant().start("l1", "l2");
    for (const lifetime of ["l1", "l2"])
      tenant.arrive("plan", planA({ inputId: `${lifetime}:1`, execId: "same" }));
    expect(tenant.arrive("task", foreignTask("x", "same"))).toMatchObject({ reason: "uncorrelated" });
    expect(tenant.store.deadLetters[0]?.detail).toContain("input_id");
    expect(tenant.lifetime("l1").head.outstanding + tenant.lifetime("l2").head.outstanding).toBe(4);
  });
});

describe("a header that is incomplete", () => {
  test("is completed from the input, and what is there is kept", () => {
    const tenant = new Tenant().start("l1");
    const createdAt = "2026-01-02T03:04:05";
    tenant.arrive("plan", planA({ createdAt, execId: "theirs" }));
    expect(tenant.last.header).toMatchObject({
      ...{ graphId: "g", graphVersion: 1, lifetimeId: "l1", tenantId: TENANT, attempt: 1 },
      ...{ createdAt, execId: "theirs" },
    });
  });

  test("gets the id that we had given its attempt, where it has none", () => {
    const tenant = new Tenant().start("l1");
    const id = execId({ partition: 0, startedAt: START, seed: seedOf(TENANT, "l1") }, 1, 1);
    expect(tenant.arrive("plan", planA())).toMatchObject({ outcome: "recorded", exec_id: id });
    expect(tenant.lifetime("l1").members.get(2)?.parents[0]?.execId).toBe(id);
  });

  test("keeps the unknown fields of the message and of the header", () => {
    const field = (n: number) => new BinaryWriter().tag(n, WireType.Varint).uint32(7).finish();
    const execution = planA();
    if (execution.header)
      execution.header.$unknown = [{ no: 900, wireType: WireType.Varint, data: Uint8Array.of(7) }];
    const tenant = new Tenant().start("l1");
    tenant.arrive("plan", Uint8Array.of(...encodeExecution(execution), ...field(901)));
    expect(tenant.last.$unknown?.map(({ no }) => no)).toEqual([901]);
    expect(tenant.last.header?.$unknown?.map(({ no }) => no)).toEqual([900]);
  });

  test("and that is complete is recorded byte for byte", () => {
    const tenant = new Tenant().start("l1");
    const header = {
      execId: "e",
      graphId: "g",
      graphVersion: 1,
      lifetimeId: "l1",
      tenantId: TENANT,
      attempt: 1,
    };
    const message = encodeExecution(planA(header));
    tenant.arrive("plan", message);
    expect(tenant.store.log.find((record) => record.type === "execution")?.message).toEqual(message);
  });
});

describe("bad input", () => {
  const large = executionOf("plan", { name: "A", inputId: "l1:1" }, { bytes: MESSAGE_BYTES_MAX - 60 });
  test.each<[string, Execution | Uint8Array, object]>([
    ["noise", Uint8Array.of(1, 2, 3), { reason: "undecodable" }],
    ["a truncated message", encodeExecution(planA()).subarray(0, 9), { reason: "undecodable" }],
    ["a message over the bound", new Uint8Array(MESSAGE_BYTES_MAX + 1), { reason: "undecodable" }],
    ["a message that its header would take over the bound", large, { reason: "undecodable" }],
    ["an empty message", new Uint8Array(), { reason: "uncorrelated" }],
    ["another tenant's", planA({ tenantId: "other" }), { reason: "wrong_tenant" }],
    ["an input_id that is none", planA({ inputId: "l1" }), { reason: "uncorrelated" }],
    ["an input_id and another lifetime", planA({ lifetimeId: "l2" }), { reason: "uncorrelated" }],
    [
      "an exec_id without end",
      planA({ execId: "e".repeat(EXEC_ID_CHARS_MAX + 1) }),
      { reason: "uncorrelated" },
    ],
    ["an unknown lifetime", planA({ inputId: "nobody:1" }), { outcome: "stray", reason: "unknown" }],
    ["an unknown node", planA({ name: "Z" }), { outcome: "stray", reason: "unknown" }],
    ["a negative attempt", planA({ attempt: -1 }), { outcome: "stray" }],
  ])("%s is set aside, and kept", (_, message, disposition) => {
    const tenant = new Tenant().start("l1");
    const before = tenant.store.log.length;
    expect(tenant.arrive("plan", message)).toMatchObject(disposition);
    expect(tenant.store.strays.length + tenant.store.deadLetters.length).toBe(1);
    expect(tenant.store.log).toHaveLength(before);
    expect(tenant.arrive("plan", planA()).outcome).toBe("recorded");
  });
});

describe("a turn", () => {
  test("that nobody commits leaves nothing", () => {
    const tenant = new Tenant().start("l1");
    const before = structuredClone(tenant.store.log);
    const lost = new Turn(tenant.store, ADDRESS, START);
    lost.arrive("plan-executions", encodeExecution(planA()));
    lost.happen("l1", { type: "cancel_requested", detail: "" });
    expect(tenant.store.log).toEqual(before);
    expect(tenant.lifetime("l1").head.status).toBe("RUNNING");
    expect(tenant.arrive("plan", planA()).outcome).toBe("recorded");
  });

  test("sees what it has done itself, and gives every record a place", () => {
    const tenant = new Tenant().start("l1");
    const { result } = tenant.turn((turn) => [
      turn.arrive("plan-executions", encodeExecution(planA())),
      turn.arrive("plan-executions", encodeExecution(planA())),
      turn.arrive(
        "task-executions",
        encodeExecution(executionOf("task", { name: "y", inputId: "l1:3" }, {})),
      ),
    ]);
    expect(result.map(({ outcome }) => outcome)).toEqual(["recorded", "stray", "recorded"]);
    expect(tenant.store.log.map(({ offset }) => offset)).toEqual(tenant.store.log.map((_, i) => i + 1));
    const offsets = result.flatMap((each) => (each.outcome === "recorded" ? [each.offset] : []));
    expect(offsets.map((offset) => tenant.store.record(offset).type)).toEqual(["execution", "execution"]);
  });

  test("in which one event throws fails that lifetime, keeps the message, and does the rest", () => {
    const tenant = new Tenant().start("l1", "l2", "l3");
    const ofLifetime = (id: string) => encodeExecution(planA({ inputId: `${id}:1` }));
    const { result, emitted } = tenant.turn((turn) =>
      ["l1", "l2", "l3"].map((id) => {
        tenant.store.poisoned = id === "l2";
        const disposition = turn.arrive("plan-executions", ofLifetime(id));
        tenant.store.poisoned = false;
        return disposition;
      }),
    );
    expect(result.map(({ outcome }) => outcome)).toEqual(["recorded", "dead_letter", "recorded"]);
    expect(tenant.store.deadLetters).toMatchObject([{ reason: "internal", message: ofLifetime("l2") }]);
    expect(tenant.lifetime("l2").head).toMatchObject({ status: "FAILED", reason: { code: "internal" } });
    expect(tenant.lifetime("l3").head.outstanding).toBe(2);
    const of = (id: string) =>
      emitted.filter(({ lifetime }) => lifetime.head.id === id).map(({ effect }) => effect.type);
    expect(of("l2")).toEqual(["withdraw", "announce_end"]);
  });

  test("writes what changed without a record or an effect, and nothing for what was set aside", () => {
    const tenant = new Tenant().start("l1");
    const later = new Turn(tenant.store, ADDRESS, START + 1_000);
    later.happen("l1", { type: "heartbeat_received", n: 1, attempt: 1 });
    const due = tenant.lifetime("l1").members.get(1)?.due ?? 0;
    tenant.store.commit(later.writes);
    tenant.store.crash();
    expect(tenant.lifetime("l1").members.get(1)?.due).toBe(due + 1_000);
    const stray = new Turn(tenant.store, ADDRESS, START);
    stray.arrive("plan-executions", encodeExecution(planA({ attempt: 7 })));
    expect(stray.writes).toMatchObject({ records: [], lifetimes: [], strays: [{ reason: "unknown" }] });
  });

  test("writes nothing of a lifetime that it leaves as it was", () => {
    const tenant = new Tenant().start("l1");
    const turn = new Turn(tenant.store, ADDRESS, START + 1_000);
    turn.happen("l1", { type: "heartbeat_received", n: 1, attempt: 7 });
    turn.happen("l1", { type: "resume_requested" });
    expect(turn.writes).toMatchObject({ records: [], lifetimes: [] });
  });

  test("tells whether what happened had a lifetime to happen to", () => {
    const tenant = new Tenant().start("l1");
    const happen = (id: string) =>
      tenant.turn((turn) => turn.happen(id, { type: "cancel_requested", detail: "" })).result;
    expect([happen("nobody"), happen("l1"), happen("l1")]).toEqual([false, true, false]);
  });

  test("remembers an idempotency key until it expires", () => {
    const tenant = new Tenant();
    const entry = { key: "k", bodyHash: "h", lifetime: "l1", expiresAt: START + 10 };
    const { result } = tenant.turn((turn) => {
      turn.remember(entry);
      return turn.idempotency("k");
    });
    expect(result).toEqual(entry);
    expect(new Turn(tenant.store, ADDRESS, START + 9).idempotency("k")).toEqual(entry);
    expect(new Turn(tenant.store, ADDRESS, START + 10).idempotency("k")).toBeUndefined();
  });
});

test("an answer that no transaction takes is kept, and fails its lifetime", () => {
  const tenant = new Tenant().start("l1");
  const message = encodeExecution(planA());
  const { result } = tenant.turn((turn) => turn.discard("plan-executions", message, "the disk is odd"));
  expect(result).toEqual({ outcome: "dead_letter", reason: "internal" });
  expect(tenant.store.deadLetters).toMatchObject([
    { reason: "internal", detail: "the disk is odd", message },
  ]);
  expect(tenant.store.log.at(-1)).toMatchObject({ type: "lifetime_ended", reason: { code: "internal" } });
});

test("a lifetime whose graph cannot be had any more is failed, and its message kept", () => {
  const tenant = new Tenant().start("l1");
  tenant.store.graph = () => {
    throw new Error("graph g has no version 1");
  };
  expect(tenant.arrive("plan", planA())).toEqual({ outcome: "dead_letter", reason: "internal" });
  expect(tenant.store.log.at(-1)).toMatchObject({ type: "lifetime_ended", reason: { code: "internal" } });
});

test("an answer after its lifetime is only a tombstone is late", () => {
  const tenant = new Tenant().start("l1");
  tenant.turn((turn) => turn.happen("l1", { type: "cancel_requested", detail: "" }));
  tenant.store.crash();
  expect(tenant.store.lifetime("l1")).not.toHaveProperty("head");
  expect(tenant.arrive("plan", planA())).toMatchObject({ outcome: "stray", reason: "late" });
});

test("a loop that only rejections keep going does not run to its bounds in one turn", () => {
  const loop = graphOf("A -> t; t -> A", {
    A: { entry: true, kind: "decided" },
    t: { onFailure: "route" },
  });
  const store = new MemoryStore([loop]);
  store.decide = () => ["t"];
  store.guarded = policies("name: no\non: task_input\naction: REJECT_EXECUTION\nmessage: no");
  const turn = new Turn(store, ADDRESS, START);
  turn.start({ lifetime: "l1", version: 1, labels: {}, input: new Uint8Array() }, "g");
  expect(turn.writes.records.length).toBeLessThan(600);
  expect(turn.writes.lifetimes).toMatchObject([{ head: { status: "RUNNING", outstanding: 1 } }]);
  expect(turn.emitted).toMatchObject([{ effect: { type: "dispatch", node: "A" } }]);
});

test("an approval of what nests as deep as JSON may is opened without showing it, and wedges nothing", () => {
  const human = { kind: "human", settings: { title: "?", who: ["ada"], quorum: 1 } };
  const tenant = new Tenant(graphOf("A -> x", { x: human })).start("l1");
  let deep: JsonValue = 1;
  for (let i = 0; i < JSON_DEPTH_MAX; i++) deep = [deep];
  const results = [deep, deep].map((value) => ({
    data: { case: "inlineData" as const, value: payloadOf(value) },
  }));
  const decided = create(PlanExecutionSchema, {
    header: { name: "A", inputId: "l1:1", status: SUCCEEDED },
    result: { nextTaskNames: ["x"], upstreamTasksResults: results },
  });
  expect(tenant.arrive("plan", decided).outcome).toBe("recorded");
  const opened = tenant.store.log.find(({ type }) => type === "approval_opened");
  expect(opened).toMatchObject({ node: "x" });
  expect(opened).not.toHaveProperty("subject");
});
