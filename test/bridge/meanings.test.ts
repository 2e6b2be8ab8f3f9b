// Without this, what a tenant has set for its mirror could mean nothing in Kafka, or a node there be no node like any other.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, vi } from "vitest";
import { kafkaTopic } from "../../src/mirror/names.ts";
import { ORIGIN_HEADER } from "../../src/mirror/origin.ts";
import { TOPIC_NAMES, type Topic } from "../../src/topics/topics.ts";
import { ExecutionStatus } from "../../src/wire/gen/escapement/v1/execution_pb.ts";
import { PlanInputSchema, TaskInputSchema } from "../../src/wire/gen/escapement/v1/input_pb.ts";
import { askOf } from "../local/ask.ts";
import { brokers, brokerTest, ONCE, testKafka, unique } from "./broker-test.ts";
import { consume } from "./consume.ts";
import { type Answers, startAnswering } from "./executor.ts";
import { ECHO } from "./graphs.ts";
import { type RunningBridge, type Runtime, startBridge, startRuntime } from "./lab.ts";

/** Each case has a tenant of its own, with what it has set, and all share one bridge. */
const MIRRORS = {
  adopted: {},
  failing: {},
  silent: {},
  keys: { key_mode: "graph_node" },
  chosen: { out: ["task-executions"], in: ["plan-inputs"] },
  onPremises: { on_premises_data_plane: true },
  starts: {},
};
type Case = keyof typeof MIRRORS;

const CASES = Object.keys(MIRRORS) as Case[];
const TENANTS = Object.fromEntries(CASES.map((name) => [name, unique(name)])) as Record<Case, string>;
const kafka = testKafka();
const producer = kafka.producer(ONCE);

let runtime: Runtime;
let bridge: RunningBridge;
beforeAll(async () => {
  if (brokers()[0] === "") return;
  runtime = await startRuntime();
  for (const name of CASES) await askOf(runtime.local, TENANTS[name])("PUT", "", { mirror: MIRRORS[name] });
  bridge = await startBridge(runtime, Object.values(TENANTS).join(), { KAFKA_BROKERS: brokers().join() });
  await producer.connect();
  // All but those that one tenant does not take.
  const followed = CASES.length * TOPIC_NAMES.length - 5;
  const isWhole = () => bridge.said("topics_followed").at(-1)?.topics === followed;
  await vi.waitUntil(isWhole, { timeout: 90_000 });
}, 240_000);
afterAll(async () => {
  await producer.disconnect();
  await bridge?.[Symbol.asyncDispose]();
  await runtime?.[Symbol.asyncDispose]();
});

/** Its task is executed in Kafka, as often as it says. */
const taskThere = (attributes: string) => `digraph there {
  begin [type=plan, kind=parallel]
  weigh [type=task, kind=scales, executor=kafka, retry_backoff="1ms", ${attributes}]
  begin -> weigh
}`;
/** Its entry plan is. */
const planThere = (attributes: string) => `digraph planned {
  choose [type=plan, kind=model, executor=kafka, retry_backoff="1ms", ${attributes}]
  say [type=task, kind=transform, expression="1"]
  choose -> say
}`;

interface Execution {
  readonly value?: { readonly header?: Record<string, unknown> };
}
interface Items {
  readonly items: readonly Record<string, unknown>[];
}

const place = async (name: Case, ...graphs: readonly string[]) => {
  const tenant = TENANTS[name];
  const ask = askOf(runtime.local, tenant);
  for (const dot of graphs) await ask("POST", "/graphs", { dot });
  const produce = (topic: Topic, value: Uint8Array) =>
    producer.send({
      topic: kafkaTopic(topic, tenant),
      messages: [{ key: "whatever", value: Buffer.from(value) }],
    });
  const start = (planName: string, lifetimeId: string, parents: readonly string[], graphId = "") => {
    const taskExecutions = parents.map((execId) => ({
      header: { name: "producer", execId, status: ExecutionStatus.SUCCEEDED },
    }));
    const input = { planName, lifetimeId, graphId, taskExecutions };
    return produce("plan-inputs", toBinary(PlanInputSchema, create(PlanInputSchema, input)));
  };
  const begin = async (graph: string) =>
    (await ask<{ lifetime: string }>("POST", `/graphs/${graph}/lifetimes`, { input: null })).lifetime;
  /** With its reason, once it has ended. */
  const end = async (lifetime: string) => {
    const view = () =>
      ask<{ status: string; reason?: { code: string } }>("GET", `/lifetimes/${lifetime}`).catch(() => ({
        status: "none",
      }));
    await expect.poll(async () => (await view()).status).toMatch(/SUCCEEDED|FAILED/);
    return view();
  };
  /** What the bridge has written. */
  const written = async (topic: Topic) =>
    (await consume(kafka, [kafkaTopic(topic, tenant)])).filter(({ headers }) => headers[ORIGIN_HEADER]);
  /** Of the log, each with its attempt. */
  const outcomes = async (topic: Topic) => {
    const { records } = await ask<{ records: Execution[] }>("GET", `/topics/${topic}/records?limit=1000`);
    return records.map(({ value }) => [value?.header?.attempt, value?.header?.status]);
  };
  const listed = async (path: string) => (await ask<Items>("GET", `${path}?limit=100`)).items;
  const answering = (answers: Answers) => startAnswering(kafka, tenant, answers);
  return { ask, produce, start, begin, end, written, outcomes, listed, answering };
};

const [SUCCEEDED, FAILED, TIMED_OUT] = (["SUCCEEDED", "FAILED", "TIMED_OUT"] as const).map(
  (status) => `EXECUTION_STATUS_${status}`,
);

brokerTest(
  "an entry plan in Kafka has its producer's record as first attempt, and later ones go out until one is answered",
  async () => {
    const { start, end, written, outcomes, answering } = await place(
      "adopted",
      planThere('timeout="2s", retry=20'),
    );
    // It never heard of the record from which the lifetime began.
    await using _ = await answering({
      plan: ({ header }) => ((header?.attempt ?? 0) > 1 ? {} : undefined),
      next: ["say"],
    });
    await start("choose", "adopted", ["sensor-1"]);
    expect(await end("adopted")).toMatchObject({ status: "SUCCEEDED" });
    const inputs = (await written("plan-inputs")).map(({ value }) =>
      fromBinary(PlanInputSchema, value ?? new Uint8Array()),
    );
    // What producers write is not written again.
    expect(inputs.map(({ header }) => header?.attempt)).toEqual(inputs.map((_, n) => n + 2));
    expect(inputs.length).toBeGreaterThan(0);
    for (const { planName, lifetimeId, taskExecutions } of inputs) {
      expect({ planName, lifetimeId }).toEqual({ planName: "choose", lifetimeId: "adopted" });
      expect(taskExecutions.map(({ header }) => header?.execId)).toEqual(["sensor-1"]);
    }
    const ended = await outcomes("plan-executions");
    expect(ended[0]).toEqual([1, TIMED_OUT]);
    expect(ended.at(-1)?.[1]).toBe(SUCCEEDED);
  },
);

brokerTest(
  "what fails in Kafka is tried again as often as its node says, and then ends the lifetime",
  async () => {
    const { begin, end, written, outcomes, answering } = await place(
      "failing",
      taskThere('retry=3, timeout="15m"'),
    );
    const failures = new Map<string, number>();
    await using _ = await answering({
      task: ({ lifetimeId, header }) => {
        const fails = (header?.attempt ?? 0) <= (failures.get(lifetimeId) ?? 2);
        return fails ? { status: ExecutionStatus.FAILED } : {};
      },
    });
    const mended = await begin("there");
    expect(await end(mended)).toMatchObject({ status: "SUCCEEDED" });
    const attempts = async (lifetime: string) =>
      (await written("task-inputs"))
        .map(({ value }) => fromBinary(TaskInputSchema, value ?? new Uint8Array()))
        .filter(({ lifetimeId }) => lifetimeId === lifetime)
        .map(({ header }) => header?.attempt);
    expect(await attempts(mended)).toEqual([1, 2, 3]);
    expect(await outcomes("task-executions")).toEqual([
      [1, FAILED],
      [2, FAILED],
      [3, SUCCEEDED],
    ]);
  },
);

brokerTest("what Kafka never answers times out for good, and its answer is late", async () => {
  const { begin, end, written, outcomes, listed, answering } = await place(
    "silent",
    taskThere('retry=2, timeout="1s"'),
  );
  const lifetime = await begin("there");
  expect(await end(lifetime)).toMatchObject({ status: "FAILED", reason: { code: "node_failed" } });
  expect(await outcomes("task-executions")).toEqual([
    [1, TIMED_OUT],
    [2, TIMED_OUT],
  ]);
  await expect.poll(async () => (await written("task-inputs")).length).toBe(2);
  await using _ = await answering({ task: () => ({}) });
  await expect
    .poll(async () => (await listed("/strays")).map(({ reason }) => reason))
    .toEqual(["late", "late"]);
  expect(await end(lifetime)).toMatchObject({ status: "FAILED" });
});

brokerTest(
  "keys of what goes out are as the tenant has set, from its next record on, and no answer is judged by its",
  async () => {
    const { ask, begin, end, written, answering } = await place("keys", taskThere('timeout="15m"'));
    await using _ = await answering({ task: () => ({}) });
    const keys = async (topic: Topic) =>
      (await written(topic)).map(({ key }) => Buffer.from(key ?? []).toString());
    const reach = async (expected: Partial<Record<Topic, readonly string[]>>) => {
      for (const [topic, names] of Object.entries(expected))
        await expect.poll(async () => (await keys(topic as Topic)).sort()).toEqual(names);
    };
    expect(await end(await begin("there"))).toMatchObject({ status: "SUCCEEDED" });
    await reach({
      "task-inputs": ["there:weigh"],
      "plan-executions": ["there:begin"],
      "persisted-plan-executions": ["there:begin"],
      "persisted-task-executions": ["there:weigh"],
    });
    await ask("PUT", "", { mirror: { key_mode: "node" } });
    expect(await end(await begin("there"))).toMatchObject({ status: "SUCCEEDED" });
    await reach({
      "task-inputs": ["there:weigh", "weigh"],
      "plan-executions": ["begin", "there:begin"],
      "persisted-plan-executions": ["begin", "there:begin"],
      "persisted-task-executions": ["there:weigh", "weigh"],
    });
  },
);

brokerTest("only the topics that the tenant has chosen go either way, and others once it has", async () => {
  const { ask, produce, start, begin, end, written, listed } = await place("chosen", ECHO);
  const undecodable = (n: number) => produce("task-executions", new Uint8Array([0xff, n]));
  await undecodable(0);
  await start("begin", "before", []);
  expect(await end("before")).toMatchObject({ status: "SUCCEEDED" });
  await expect.poll(async () => (await written("task-executions")).length).toBe(1);
  expect(await listed("/dead-letters")).toEqual([]);

  const added: Topic[] = ["task-executions", "persisted-task-executions"];
  await ask("PUT", "", { mirror: { out: added, in: added } });
  // From its beginning, since nothing of it was passed over.
  await undecodable(1);
  await expect.poll(async () => (await listed("/dead-letters")).length).toBe(2);
  expect(await end(await begin("echo"))).toMatchObject({ status: "SUCCEEDED" });
  // In the order of the log: what is before the second and did not go out never will.
  await expect.poll(async () => (await written("persisted-task-executions")).length).toBe(1);
  await expect.poll(async () => (await written("task-executions")).length).toBe(2);
  for (const topic of ["plan-executions", "persisted-plan-executions", "plan-inputs"] as const)
    expect(await written(topic)).toEqual([]);
});

brokerTest("a data plane on premises answers on the persisted topics", async () => {
  const { begin, end, outcomes, answering } = await place("onPremises", taskThere('timeout="15m"'));
  await using _ = await answering({ task: () => ({}), into: "persisted-task-executions" });
  expect(await end(await begin("there"))).toMatchObject({ status: "SUCCEEDED" });
  expect(await outcomes("task-executions")).toEqual([[1, SUCCEEDED]]);
});

brokerTest(
  "what could start a lifetime and does not is a dead letter with its reason and its place",
  async () => {
    const { produce, start, end, listed } = await place(
      "starts",
      ECHO,
      ECHO.replace("digraph echo", "digraph other"),
      planThere(""),
    );
    await start("begin", "", []);
    await start("begin", "", [], "nowhere");
    await start("choose", "", []);
    await produce("plan-inputs", new Uint8Array([0xff]));
    await start("begin", "its", [], "other");
    expect(await end("its")).toMatchObject({ status: "SUCCEEDED", graph: "other" });
    const letters = (await listed("/dead-letters")).map(({ reason, topic }) => ({ reason, topic }));
    const reasons = ["ambiguous_graph", "graph_not_found", "uncorrelatable", "undecodable"];
    expect(letters).toEqual(reasons.map((reason) => ({ reason, topic: "plan-inputs" })));
  },
);
