// Without this, a message that somebody produced could take effect twice, harm a lifetime, or vanish.
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import type { Disposition } from "../../../src/control-plane/tenant.ts";
import { MESSAGE_BYTES_MAX } from "../../../src/limits.ts";
import type { ExecutionTopic } from "../../../src/topics/topics.ts";
import { encodeExecution } from "../../../src/wire/codec.ts";
import type { ExecutionHeader } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { executionOf } from "../../fixtures/play.ts";
import { answered, freshTenant, planExecution, planInput, taskExecution, withTask } from "./client.ts";

const HELD = withTask("held", "gated", { gate: "never", timeout: "10s" });

type Header = Partial<Omit<ExecutionHeader, "$typeName" | "$unknown">>;
const ofWork = (header: Header, bytes = 2): Uint8Array =>
  encodeExecution(executionOf("task", { name: "work", ...header }, { bytes }));

/** A lifetime whose task waits for an answer. */
const running = async (graph = HELD) => {
  const client = await freshTenant(graph);
  const { lifetime } = await client.begin("held");
  await client.next("task-inputs");
  const produce = async (message: Uint8Array, topic: ExecutionTopic = "task-executions") =>
    answered(await client.object.produce(topic, message));
  const header = { lifetimeId: lifetime, inputId: `${lifetime}:2`, attempt: 1 };
  return { ...client, lifetime, header, produce };
};

/** A plan execution whose parameters are a list in a list, so deep. */
const nested = (depth: number): Uint8Array => {
  let value: number[] = [0x32, 0];
  for (let i = 0; i < depth; i++) {
    const list = [0x0a, ...lengthOf(value), ...value];
    value = [0x32, ...lengthOf(list), ...list];
  }
  const entry = [0x12, ...lengthOf(value), ...value];
  const fields = [0x0a, ...lengthOf(entry), ...entry];
  const struct = [0x0a, 1, 0x61, 0x12, ...lengthOf(fields), ...fields];
  const result = [0x22, ...lengthOf(struct), ...struct];
  return new Uint8Array([0x1a, ...lengthOf(result), ...result]);
};

const lengthOf = ({ length }: readonly number[]): number[] => {
  const bytes: number[] = [];
  let left = length;
  for (; left > 0x7f; left >>>= 7) bytes.push((left & 0x7f) | 0x80);
  return [...bytes, left];
};

const dead = (reason: string): Disposition => ({ outcome: "dead_letter", reason }) as Disposition;

describe("a message that nothing can be done with is a dead letter", () => {
  const header = { inputId: "nobody:1" };
  test.for<[string, ExecutionTopic, Uint8Array, string]>([
    ["no protobuf", "task-executions", new Uint8Array([0xff, 0xff, 0xff]), "undecodable"],
    ["truncated", "task-executions", ofWork(header).subarray(0, -1), "undecodable"],
    ["over the bound", "task-executions", ofWork(header, MESSAGE_BYTES_MAX), "undecodable"],
    ["over what a row holds", "task-executions", ofWork(header, 3 * MESSAGE_BYTES_MAX), "undecodable"],
    ["nested too deep", "plan-executions", nested(10_000), "undecodable"],
    ["of another tenant", "task-executions", ofWork({ ...header, tenantId: "other" }), "wrong_tenant"],
    ["of nothing that is open", "task-executions", ofWork({}), "uncorrelated"],
    ["of a made-up input id", "task-executions", ofWork({ inputId: "work" }), "uncorrelated"],
  ])("%s", async ([, topic, message, reason]) => {
    const { produce, deadLetters, strays } = await running();
    expect(await produce(message, topic)).toEqual(dead(reason));
    const [letter] = await deadLetters();
    expect(letter).toMatchObject({ reason, topic });
    expect(letter?.detail).not.toBe("");
    expect(letter?.message).toEqual(message.slice(0, MESSAGE_BYTES_MAX));
    expect(await strays()).toEqual([]);
  });
});

describe("an answer that does not count is a stray", () => {
  test.for<[string, (header: Header) => Header, string]>([
    ["to a lifetime that never was", () => ({ inputId: "nobody:1" }), "unknown"],
    ["to an input that never was", ({ lifetimeId }) => ({ inputId: `${lifetimeId}:9` }), "unknown"],
    ["of another node than its input's", (header) => ({ ...header, name: "begin" }), "unknown"],
    ["of an attempt that never was", (header) => ({ ...header, attempt: 2 }), "unknown"],
    ["that is still running", (header) => ({ ...header, status: 2 }), "unfinished"],
  ])("%s", async ([, change, reason]) => {
    const { produce, header, strays, view, lifetime } = await running();
    const message = encodeExecution(
      executionOf("task", { name: "work", ...change(header) }, { header: change(header) }),
    );
    expect(await produce(message)).toMatchObject({ outcome: "stray", reason });
    expect(await strays()).toMatchObject([{ reason, kind: "task", message }]);
    expect(await view(lifetime)).toMatchObject({ status: "RUNNING", steps: 1 });
  });
});

describe("an answer", () => {
  const twice = async (
    { produce, read, strays, end }: Awaited<ReturnType<typeof running>>,
    lifetime: string,
    first: Uint8Array,
    second: Uint8Array,
  ) => {
    expect(await produce(first)).toMatchObject({ outcome: "recorded" });
    expect(await produce(second)).toMatchObject({ outcome: "stray", reason: "late" });
    expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED", steps: 2 });
    expect(await read("task-executions")).toHaveLength(1);
    expect(await strays()).toHaveLength(1);
  };

  test("that comes twice counts once", async () => {
    const held = await running();
    await twice(held, held.lifetime, ofWork(held.header), ofWork(held.header));
  });

  test("that comes twice with another result counts as it came first", async () => {
    const held = await running();
    await twice(held, held.lifetime, ofWork(held.header, 3), ofWork(held.header, 4));
  });

  test("without an input id is known by its parents where its node runs elsewhere, and completed in the log", async () => {
    const there = HELD.replace(/work \[.*?\]/, "work [type=task kind=any executor=external]");
    const { produce, read, end, lifetime, tenant } = await running(there);
    const [plan] = await read("plan-executions");
    const parent = planExecution(plan?.value ?? new Uint8Array()).header?.execId ?? "";
    const execution = executionOf("task", { name: "work", execId: "foreign" }, {});
    const foreign = { ...execution, parentPlanExecId: parent } as typeof execution;
    expect(await produce(encodeExecution(foreign))).toMatchObject({
      outcome: "recorded",
      exec_id: "foreign",
    });
    expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED" });
    const [record] = await read("persisted-task-executions");
    expect(taskExecution(record?.value ?? new Uint8Array()).header).toMatchObject({
      execId: "foreign",
      tenantId: tenant,
      lifetimeId: lifetime,
      inputId: `${lifetime}:2`,
      graphId: "held",
      attempt: 1,
    });
  });
});

describe("a plan", () => {
  test("that names unknown tasks goes on without them, with a warning on its execution", async () => {
    const { tenant, start, object } = await freshTenant(`digraph odd {
      begin [type=plan kind=names_unknown_tasks]
      work [type=task kind=transform expression="input"]
      begin -> work
    }`);
    expect(await start("odd")).toMatchObject({ status: "SUCCEEDED", steps: 2 });
    answered(await object.projected());
    const sql = "SELECT warnings FROM plan_executions WHERE tenant = ?";
    expect(JSON.parse((await env.DB.prepare(sql).bind(tenant).first("warnings")) as string)).toEqual([
      "begin named no_such_task, which is no task of it; left out",
    ]);
  });

  test("is given the input of the lifetime as a task execution", async () => {
    const { begin, next } = await freshTenant(HELD);
    const { lifetime } = await begin("held");
    const input = planInput((await next("plan-inputs")).value);
    expect(input).toMatchObject({ planName: "begin", lifetimeId: lifetime, inputId: `${lifetime}:1` });
    expect(input.taskExecutions).toMatchObject([{ header: { name: "$input" } }]);
    expect(input.taskExecutions[0]?.header?.execId).not.toBe("");
  });
});
