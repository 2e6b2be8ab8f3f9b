// Without this a record of Kafka could be taken in twice, be lost, come back for ever, or start what it must not.
import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { originHeader } from "../../../src/mirror/origin.ts";
import type { Topic } from "../../../src/topics/topics.ts";
import { TaskInputSchema } from "../../../src/wire/gen/escapement/v1/input_pb.ts";
import { departuresTo, streaming } from "./bridge-client.ts";
import { answered, ECHO, freshTenant, planExecution, planInput, taskExecution } from "./client.ts";
import { bring, planAnswer, ready, record, start, taskAnswer } from "./from-kafka.ts";

/** Its task is executed in Kafka. */
const TASK_THERE = `digraph there {
  begin [type=plan kind=parallel]
  weigh [type=task kind=scales executor=kafka]
  begin -> weigh
}`;
const TWO_ENTRIES = `digraph pair {
  node [type=plan kind=parallel] left; right
  node [type=task kind=transform expression="1"] one; other
  left -> one
  right -> other
}`;
/** Its entry plan is. */
const PLAN_THERE = `digraph planned {
  choose [type=plan kind=model executor=kafka]
  say [type=task kind=transform expression="1"]
  choose -> say
}`;

describe("a plan input of a producer", () => {
  test("starts the lifetime that it names, with what it carries, once", async () => {
    const { bridge, end, read } = await ready(ECHO);
    const value = start({ lifetime: "mine" });
    expect(await bring(bridge, record("plan-inputs", value, 7))).toEqual([8]);
    expect(await end("mine")).toMatchObject({ status: "SUCCEEDED", graph: "echo" });
    const [input] = await read("plan-inputs");
    const { taskExecutions } = planInput(input?.value ?? new Uint8Array()) as { taskExecutions: unknown[] };
    expect(taskExecutions).toMatchObject([{ header: { execId: "e-1", name: "producer" } }]);
    // The same record again, and the same lifetime in another record.
    expect(await bring(bridge, record("plan-inputs", value, 7))).toEqual([8]);
    expect(await bring(bridge, record("plan-inputs", value, 8))).toEqual([9]);
    expect(await read("plan-inputs")).toHaveLength(1);
  });

  test("begins with the plan that it names alone, and one lifetime begins once; a start here begins with all", async () => {
    const { bridge, begin, end, read } = await ready(TWO_ENTRIES);
    await bring(
      bridge,
      record("plan-inputs", start({ plan: "right", lifetime: "mine", parents: ["e-2"] }), 0),
      record("plan-inputs", start({ plan: "left", lifetime: "mine" }), 1),
    );
    expect(await end("mine")).toMatchObject({ status: "SUCCEEDED", steps: 2 });
    const inputs = await read("plan-inputs");
    expect(inputs.map(({ key }) => key)).toEqual(["right"]);
    expect(planInput(inputs[0]?.value ?? new Uint8Array())).toMatchObject({
      taskExecutions: [{ header: { execId: "e-2" } }],
    });
    const { lifetime } = await begin("pair");
    expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED", steps: 4 });
  });

  test("without an id has the one of its input, or else of its place", async () => {
    const { bridge, read } = await ready(ECHO);
    await bring(
      bridge,
      record("plan-inputs", start({ input: "a" }), 0),
      record("plan-inputs", start({ input: "a" }), 1),
      record("plan-inputs", start(), 2),
      record("plan-inputs", start(), 3),
    );
    const inputs = (await read("plan-inputs")).map(({ value }) => planInput(value) as { lifetimeId: string });
    const ids = inputs.map(({ lifetimeId }) => lifetimeId);
    expect(new Set(ids).size).toBe(3);
    for (const id of ids)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  test("of a plan that begins several graphs is a dead letter, and one that begins none is kept", async () => {
    const { bridge, register, deadLetters, read } = await ready(ECHO);
    await register(ECHO.replace("digraph echo", "digraph other"));
    await bring(
      bridge,
      record("plan-inputs", start(), 4, { partition: 3 }),
      record("plan-inputs", start({ plan: "later" }), 5, { partition: 3 }),
      record("plan-inputs", start({ graph: "nowhere" }), 6, { partition: 3 }),
      record("plan-inputs", start({ graph: "other", lifetime: "its" }), 7, { partition: 3 }),
    );
    expect(await deadLetters()).toMatchObject([
      { reason: "ambiguous_graph", topic: "plan-inputs", partition: 3, offset: 4 },
      { reason: "graph_not_found", topic: "plan-inputs", partition: 3, offset: 6 },
    ]);
    expect((await read("plan-inputs")).map(({ key }) => key)).toEqual(["later", "begin"]);
  });

  test("is not taken where another deployment takes starts, and nothing else that matches nothing", async () => {
    const { tenant, object, bridge, deadLetters, strays, read } = await ready(ECHO);
    answered(await object.provision({ tenant, partition: 0 }, { mirror: { takesStarts: false } }));
    await bring(
      bridge,
      record("plan-inputs", start({ lifetime: "theirs" }), 0),
      record("task-executions", taskAnswer("say", "unknown"), 0),
    );
    expect(await read("plan-inputs")).toEqual([]);
    expect(await deadLetters()).toEqual([]);
    expect(await strays()).toEqual([]);
  });
});

describe("a node that Kafka executes", () => {
  test("has its input sent out, and goes on with an answer that knows only its parents", async () => {
    const { tenant, begin, end, read } = await freshTenant(TASK_THERE);
    const { lifetime } = await begin("there");
    const [issued] = await read("task-inputs");
    const bridge = await streaming(tenant);
    const { records } = await departuresTo(bridge, issued?.offset ?? 0);
    const [plan, input] = records;
    expect(input).toMatchObject({ topics: ["task-inputs"], key: "weigh" });
    const parent = (plan?.value && (await read("plan-executions")))?.[0];
    const { header } = planExecution(parent?.value ?? new Uint8Array());
    const answer = taskAnswer("weigh", header?.execId ?? "");
    await bring(bridge, record("task-executions", answer, 0));
    expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED" });
    const [recorded] = await read("task-executions");
    expect(taskExecution(recorded?.value ?? new Uint8Array()).header).toMatchObject({
      execId: "answer-1",
      lifetimeId: lifetime,
      inputId: `${lifetime}:2`,
    });
    // It is in Kafka already; that it was persisted is not.
    const back = await departuresTo(bridge, recorded?.offset ?? 0);
    expect(back.records.map(({ topics }) => topics)).toEqual([["persisted-task-executions"]]);
  });

  test("as an entry adopts its producer's record, issues nothing again, and takes its answer in the same frame", async () => {
    const { tenant, end, read } = await freshTenant(PLAN_THERE);
    const bridge = await streaming(tenant);
    await bring(
      bridge,
      record("plan-inputs", start({ plan: "choose", lifetime: "adopted" }), 0),
      record("plan-executions", planAnswer("choose", ["e-1"], ["say"]), 0),
    );
    expect(await end("adopted")).toMatchObject({ status: "SUCCEEDED", steps: 2 });
    const [task] = await read("task-executions");
    const { records } = await departuresTo(bridge, task?.offset ?? 0);
    expect(records.map(({ topics }) => topics)).toEqual([
      ["persisted-plan-executions"],
      ["task-executions", "persisted-task-executions"],
    ]);
  });

  test.each([[[]], [["e-1", ""]]])(
    "as an entry whose input has parents %j is a dead letter",
    async (parents) => {
      const { bridge, deadLetters } = await ready(PLAN_THERE);
      await bring(bridge, record("plan-inputs", start({ plan: "choose", parents }), 0));
      expect(await deadLetters()).toMatchObject([{ reason: "uncorrelatable", partition: 0, offset: 0 }]);
    },
  );
});

describe("a record of Kafka", () => {
  test("that this deployment has written is dropped, and one of another is kept and nothing follows", async () => {
    const { tenant, bridge, begin, read, deadLetters, view } = await ready(TASK_THERE);
    const { lifetime } = await begin("there");
    const parent = (await read("plan-executions"))[0]?.value ?? new Uint8Array();
    const { header } = planExecution(parent);
    const answer = taskAnswer("weigh", header?.execId ?? "");
    const by = (deployment: string, topic: Topic) =>
      originHeader({ deployment, tenant, partition: 0, generation: 1, offset: 5, topic });
    const theirs = (topic: Topic) => ({ origin: by("other", topic) });
    await bring(
      bridge,
      record("task-executions", answer, 0, { origin: by("escapement", "task-executions") }),
      record("task-executions", answer, 1, { origin: `escapement/${tenant}/0/1/5` }),
      record("task-executions", answer, 2, theirs("task-executions")),
      record("plan-inputs", start({ plan: "begin", lifetime: "theirs" }), 0, theirs("plan-inputs")),
      record("task-inputs", new Uint8Array([255]), 0, theirs("task-inputs")),
    );
    expect(await view(lifetime)).toMatchObject({ status: "RUNNING" });
    expect((await read("task-executions")).map(({ value }) => value)).toEqual([answer]);
    expect(await read("task-inputs")).toHaveLength(2);
    expect(await deadLetters()).toEqual([]);
    // Neither goes out.
    const out = await streaming(tenant);
    const { records } = await departuresTo(out, (await read("task-inputs")).at(-1)?.offset ?? 0);
    expect(records.map(({ topics }) => topics[0])).toEqual(["plan-executions", "task-inputs"]);
  });

  test("with the headers of what its producer read is one of that producer", async () => {
    const { tenant, bridge, begin, end, read } = await ready(TASK_THERE);
    const { lifetime } = await begin("there");
    const { header } = planExecution((await read("plan-executions"))[0]?.value ?? new Uint8Array());
    const copied = (from: Partial<Parameters<typeof originHeader>[0]>) => {
      const input = { deployment: "escapement", tenant, partition: 0, generation: 1, offset: 5 };
      return { origin: originHeader({ ...input, topic: "task-inputs", ...from }) };
    };
    const elsewhere = { tenant: "elsewhere", topic: "plan-inputs" };
    await bring(
      bridge,
      record("task-executions", taskAnswer("weigh", header?.execId ?? ""), 0, copied({})),
      record("plan-inputs", start({ lifetime: "copied" }), 0, copied(elsewhere)),
    );
    expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED" });
    expect((await read("plan-inputs")).map(({ value }) => planInput(value))).toMatchObject([
      { lifetimeId: lifetime },
      { lifetimeId: "copied" },
    ]);
  });

  test.each<[Topic, Uint8Array]>([
    ["plan-inputs", new Uint8Array([255])],
    ["task-inputs", new Uint8Array([255])],
    ["plan-executions", new Uint8Array([255])],
    ["persisted-task-executions", new Uint8Array([255])],
  ])("of %s that does not decode is a dead letter, and those after it are taken", async (topic, value) => {
    const { bridge, deadLetters, read } = await ready(ECHO);
    const next = toBinary(TaskInputSchema, create(TaskInputSchema, { taskName: "say" }));
    const records = [record(topic, value, 3), record("task-inputs", next, 9, { partition: 1 })];
    expect(await bring(bridge, ...records)).toEqual([4, 10]);
    expect(await deadLetters()).toMatchObject([{ reason: "undecodable", topic, offset: 3, message: value }]);
    expect(await read("task-inputs")).toMatchObject([{ key: "say" }]);
  });

  test("that the bridge could not hand over is a dead letter with how it begins, whoever wrote it", async () => {
    const { tenant, bridge, deadLetters, read } = await ready();
    const value = new TextEncoder().encode("begins");
    const fault = "9 MB; the bound is 1 MiB";
    const origin = `other/${tenant}/0/1/5/task-executions`;
    await bring(
      bridge,
      record("task-executions", value, 0, { fault }),
      record("task-executions", value, 1, { fault, origin }),
    );
    const letter = { reason: "undecodable", detail: fault };
    expect(await deadLetters()).toMatchObject([letter, letter]);
    expect(await read("task-executions")).toEqual([]);
  });

  test("of a topic that does not come in is passed over", async () => {
    const { tenant, object, bridge, read } = await ready(ECHO);
    answered(await object.provision({ tenant, partition: 0 }, { mirror: { in: [] } }));
    expect(await bring(bridge, record("plan-inputs", start({ lifetime: "mine" }), 0))).toEqual([1]);
    expect(await read("plan-inputs")).toEqual([]);
  });

  test("that is an input of somebody else is kept, and not routed", async () => {
    const { bridge, read, strays, deadLetters, object } = await ready(TASK_THERE);
    const task = toBinary(
      TaskInputSchema,
      create(TaskInputSchema, { taskName: "weigh", lifetimeId: "theirs" }),
    );
    await bring(bridge, record("task-inputs", task, 0), record("plan-inputs", start({ plan: "later" }), 0));
    expect((await read("task-inputs")).map(({ value }) => value)).toEqual([task]);
    expect(await read("plan-inputs")).toHaveLength(1);
    expect(answered(await object.openElsewhere())).toEqual([]);
    expect(await object.getLifetime("theirs", 0)).toMatchObject({ error: { code: "lifetime_not_found" } });
    expect([...(await strays()), ...(await deadLetters())]).toEqual([]);
  });

  test("on a persisted topic is an answer only where the data plane is on premises", async () => {
    const { tenant, object, bridge, begin, end, read, strays } = await ready(TASK_THERE);
    const { lifetime } = await begin("there");
    const plan = (await read("plan-executions"))[0]?.value ?? new Uint8Array();
    const { header } = planExecution(plan);
    const answer = taskAnswer("weigh", header?.execId ?? "");
    await bring(bridge, record("persisted-task-executions", answer, 0));
    expect(await read("task-executions")).toEqual([]);
    answered(await object.provision({ tenant, partition: 0 }, { mirror: { onPremisesDataPlane: true } }));
    await bring(bridge, record("persisted-task-executions", answer, 1));
    expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED" });
    expect(await strays()).toEqual([]);
  });
});
