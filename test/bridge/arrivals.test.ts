// Without this, what Kafka has could be missing at the edge, count twice there, or hold up what comes after it.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect } from "vitest";
import { deleteTopics, topicIds } from "../../bridge/kafka/topic-ids.ts";
import { Topics } from "../../bridge/kafka/topics.ts";
import { startExecutor } from "../../examples/on-premises/executor.ts";
import { kafkaTopic } from "../../src/mirror/names.ts";
import { TOPIC_NAMES, type Topic } from "../../src/topics/topics.ts";
import { TaskExecutionSchema } from "../../src/wire/gen/escapement/v1/execution_pb.ts";
import { PlanInputSchema, TaskInputSchema } from "../../src/wire/gen/escapement/v1/input_pb.ts";
import { askOf } from "../local/ask.ts";
import { brokers, brokerTest, ONCE, testKafka, unique } from "./broker-test.ts";
import { consume } from "./consume.ts";
import { ECHO } from "./graphs.ts";
import { type BridgeEnvironment, type Runtime, startBridge, startRuntime } from "./lab.ts";

const ELSEWHERE = `digraph elsewhere {
  begin [type=plan, kind=parallel]
  work [type=task, executor=kafka]
  begin -> work
}`;

const named = (count: number, prefix = "n") => Array.from({ length: count }, (_, n) => `${prefix}-${n}`);

/** Twelve results of 100 KB each, which are too much for one record, for a task in Kafka. */
const WIDE = `digraph wide {
  node [type=plan, kind=parallel] begin; join
  work [type=task, executor=kafka]
  node [type=task, kind=transform, expression="input"]
  begin -> { ${named(12, "t").join(" ").replaceAll("-", "_")} } -> join -> work
}`;

const LARGE = `digraph large {
  begin [type=plan, kind=parallel]
  say [type=task, kind=transform, expression="input + input"]
  begin -> say
}`;

let runtime: Runtime;
beforeAll(async () => {
  runtime = await startRuntime();
}, 120_000);
afterAll(() => runtime?.[Symbol.asyncDispose]());

interface Page {
  readonly items: readonly { readonly lifetime: string; readonly status: string }[];
  readonly next_cursor?: string;
}

interface Produced {
  readonly key: string;
  readonly value: Uint8Array;
  readonly headers?: Record<string, string>;
}

const place = async () => {
  const tenant = unique("arrivals");
  const ask = askOf(runtime.local, tenant);
  await ask("PUT", "", {});
  for (const dot of [ECHO, ELSEWHERE]) await ask("POST", "/graphs", { dot });
  const kafka = testKafka();
  const topics = new Topics(kafka);
  await topics.connect();
  const names = TOPIC_NAMES.map((topic) => kafkaTopic(topic, tenant));
  await topics.provision(names, { partitions: 3, replication: 1, config: {} });
  const producer = kafka.producer(ONCE);
  await producer.connect();
  const produce = (topic: Topic, messages: readonly Produced[]) =>
    producer.send({
      topic: kafkaTopic(topic, tenant),
      messages: messages.map(({ value, ...more }) => ({ value: Buffer.from(value), ...more })),
    });
  /** Each lifetime under a name of its own. */
  const start = (names: readonly string[], more: Pick<Produced, "headers"> = {}) =>
    produce(
      "plan-inputs",
      names.map((lifetimeId) => {
        const input = create(PlanInputSchema, { planName: "begin", graphId: "echo", lifetimeId });
        return { key: lifetimeId, value: toBinary(PlanInputSchema, input), ...more };
      }),
    );
  const lifetimes = async () => {
    const found: { lifetime: string; status: string }[] = [];
    for (let cursor = ""; ; ) {
      const page = await ask<Page>("GET", `/lifetimes?limit=1000${cursor}`).catch(() => undefined);
      if (page === undefined) return [];
      found.push(...page.items);
      if (page.next_cursor === undefined) return found;
      cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`;
    }
  };
  /** Each has run once and to its end. */
  const haveRun = async (names: readonly string[]) => {
    const ended = async () => (await lifetimes()).filter(({ status }) => status === "SUCCEEDED").length;
    await expect.poll(ended, { interval: 500 }).toBe(names.length);
    expect((await lifetimes()).map(({ lifetime }) => lifetime).sort()).toEqual([...names].sort());
  };
  const bridge = (environment: BridgeEnvironment = {}) =>
    startBridge(runtime, tenant, { KAFKA_BROKERS: brokers().join(), ...environment });
  const end = async () => {
    await producer.disconnect();
    await topics.close();
  };
  return { tenant, ask, kafka, topics, produce, start, haveRun, bridge, [Symbol.asyncDispose]: end };
};

brokerTest("plan inputs of producers start lifetimes, also those from before the bridge", async () => {
  await using at = await place();
  await at.start(named(50, "before"));
  await using _ = await at.bridge();
  await at.haveRun(named(50, "before"));
  await at.start(named(50, "after"));
  await at.haveRun([...named(50, "before"), ...named(50, "after")]);
});

brokerTest("a plan input starts a lifetime whatever headers it has", async () => {
  await using at = await place();
  await using _ = await at.bridge();
  // Java has headers of no value; and these two names are those of what every object has.
  const none = null as unknown as string;
  await at.start(["none"], { headers: { none } });
  await at.start(["inherited"], { headers: { ["__proto__"]: "mine", constructor: "mine" } });
  await at.start(["after"]);
  await at.haveRun(["none", "inherited", "after"]);
});

brokerTest("a task that an executor on premises answers is a step like any other", async () => {
  await using at = await place();
  await using _ = await at.bridge();
  await using executor = await startExecutor(at.kafka, at.tenant);
  const input = { text: "there and back" };
  const path = "/graphs/elsewhere/lifetimes?wait=30s";
  const run = () => at.ask<{ status: string; output: { result: unknown }[] }>("POST", path, { input });
  const ended = await Promise.all(Array.from({ length: 20 }, run));
  for (const { status, output } of ended)
    expect({ status, result: output[0]?.result }).toEqual({ status: "SUCCEEDED", result: input });
  expect(executor.count()).toBe(20);
});

brokerTest(
  "what is too large for a record is fetched by its address, without a key, and comes back by it",
  async () => {
    await using at = await place();
    await at.ask("POST", "/graphs", { dot: WIDE });
    await using _ = await at.bridge();
    const text = "x".repeat(100_000);
    const { lifetime } = await at.ask<{ lifetime: string }>("POST", "/graphs/wide/lifetimes", {
      input: text,
    });
    const inputs = () => consume(at.kafka, [kafkaTopic("task-inputs", at.tenant)]);
    await expect.poll(async () => (await inputs()).length).toBe(1);
    const [record] = await inputs();
    const { planExecution } = fromBinary(TaskInputSchema, record?.value ?? new Uint8Array());
    const results = planExecution?.result?.upstreamTasksResults ?? [];
    const stored = results.flatMap(({ data }) => (data.case === "externalData" ? [data.value] : []));
    expect(results).toHaveLength(12);
    expect(stored.length).toBeGreaterThan(0);
    for (const { uri } of stored) expect(await (await fetch(uri)).json()).toBe(text);
    const changed = await fetch(stored[0]?.uri.replace("expires=", "expires=9") ?? "");
    expect([changed.status, await changed.json()]).toMatchObject([401, { code: "unauthenticated" }]);
    // Its answer refers to it as it was given it.
    await using executor = await startExecutor(at.kafka, at.tenant);
    const end = () => at.ask<{ status: string }>("GET", `/lifetimes/${lifetime}?wait=30s`);
    expect(await end()).toMatchObject({ status: "SUCCEEDED" });
    expect(executor.count()).toBe(1);
  },
);

brokerTest(
  "a result that is too large for an execution is fetched by the address in it, without a key",
  async () => {
    await using at = await place();
    await at.ask("POST", "/graphs", { dot: LARGE });
    await using _ = await at.bridge();
    const text = "x".repeat(100_000);
    await at.ask("POST", "/graphs/large/lifetimes", { input: text });
    const topics = (["task-executions", "persisted-task-executions"] as const).map((topic) =>
      kafkaTopic(topic, at.tenant),
    );
    const stored = async () =>
      (await consume(at.kafka, topics)).flatMap(({ value }) => {
        const { result } = fromBinary(TaskExecutionSchema, value ?? new Uint8Array());
        return result?.data.case === "externalData" ? [result.data.value] : [];
      });
    await expect.poll(async () => (await stored()).length).toBe(2);
    for (const { uri } of await stored()) expect(await (await fetch(uri)).json()).toBe(text + text);
  },
);

for (const crash of ["arrivals-sent:2", "arrivals-received:2", "offsets-committed:1"])
  brokerTest(`a bridge that is killed at ${crash} starts nothing twice, and leaves nothing out`, async () => {
    await using at = await place();
    await at.start(named(200, "a"));
    await using first = await at.bridge({ BRIDGE_CRASH_AT: crash });
    await at.start(named(200, "b"));
    expect(await first.ended, first.output()).toBe("SIGKILL");
    await at.start(named(200, "c"));
    await using _ = await at.bridge();
    await at.haveRun(["a", "b", "c"].flatMap((prefix) => named(200, prefix)));
  });

brokerTest("a runtime that is killed takes in what it had not", async () => {
  await using at = await place();
  await using _ = await at.bridge();
  await at.start(named(20, "a"));
  await at.haveRun(named(20, "a"));
  const starting = at.start(named(500, "b"));
  for (const pid of runtime.local.pids()) process.kill(pid, "SIGKILL");
  await starting;
  await at.haveRun([...named(20, "a"), ...named(500, "b")]);
});

brokerTest("another bridge takes over what one that was killed had read", async () => {
  await using at = await place();
  await using first = await at.bridge();
  await using second = await at.bridge();
  await at.start(named(50, "a"));
  await at.haveRun(named(50, "a"));
  first.process.kill("SIGKILL");
  await at.start(named(200, "b"));
  await at.haveRun([...named(50, "a"), ...named(200, "b")]);
  expect(second.process.exitCode).toBe(null);
});

interface DeadLetters {
  readonly items: readonly Record<string, unknown>[];
}

brokerTest("what does not decode becomes a dead letter with its place, and holds up nothing", async () => {
  await using at = await place();
  await using _ = await at.bridge();
  const value = Buffer.from([0xff, 0xff, 0xff]);
  await at.produce("task-executions", [{ key: "say", value }]);
  const letters = () => at.ask<DeadLetters>("GET", "/dead-letters");
  await expect.poll(async () => (await letters()).items.length).toBe(1);
  const [letter] = (await letters()).items;
  expect(letter).toMatchObject({ reason: "undecodable", topic: "task-executions" });
  await at.start(["after"]);
  await at.haveRun(["after"]);
});

brokerTest("a topic that was made anew is refused, and the others go on", async () => {
  await using at = await place();
  const first = await at.bridge();
  const garbage = named(30).map((key) => ({ key, value: Buffer.from([0xff]) }));
  await at.produce("task-executions", garbage);
  const letters = () => at.ask<DeadLetters>("GET", "/dead-letters?limit=100");
  await expect.poll(async () => (await letters()).items.length).toBe(30);
  await first[Symbol.asyncDispose]();
  const topic = kafkaTopic("task-executions", at.tenant);
  await deleteTopics(at.kafka, await topicIds(at.kafka, [topic]));
  await expect.poll(async () => (await at.topics.list()).includes(topic)).toBe(false);
  await at.topics.provision([topic], { partitions: 3, replication: 1, config: {} });
  await using second = await at.bridge();
  await at.produce("task-executions", [{ key: "n-0", value: Buffer.from([0xff]) }]);
  await expect.poll(() => second.said("partition_refused").length).toBeGreaterThan(0);
  expect(second.said("partition_refused")[0]).toMatchObject({ level: "error", code: "offset_regressed" });
  await at.start(["after"]);
  await at.haveRun(["after"]);
  expect((await letters()).items).toHaveLength(30);
});
