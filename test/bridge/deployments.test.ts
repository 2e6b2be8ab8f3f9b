// Without this, two deployments on one Kafka would run each other's lifetimes, or send records round for ever.
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect } from "vitest";
import { kafkaTopic } from "../../src/mirror/names.ts";
import { ORIGIN_HEADER, parseOrigin } from "../../src/mirror/origin.ts";
import { TOPIC_NAMES, type Topic } from "../../src/topics/topics.ts";
import { TaskExecutionSchema } from "../../src/wire/gen/escapement/v1/execution_pb.ts";
import { PlanInputSchema, TaskInputSchema } from "../../src/wire/gen/escapement/v1/input_pb.ts";
import { askOf } from "../local/ask.ts";
import { brokers, brokerTest, ONCE, testKafka, unique } from "./broker-test.ts";
import { consume, logged } from "./consume.ts";
import { startAnswering } from "./executor.ts";
import { ECHO } from "./graphs.ts";
import { type Runtime, startBridge, startRuntime } from "./lab.ts";
import { startLoad } from "./load.ts";

const NAMES = ["here", "there"] as const;
const [SHARED, STARTS] = [unique("shared"), unique("starts")];
const kafka = testKafka();

let here: Runtime;
let there: Runtime;
const running: AsyncDisposable[] = [];
beforeAll(async () => {
  if (brokers()[0] === "") return;
  for (const name of NAMES) running.push(await startRuntime(name));
  [here, there] = running as [Runtime, Runtime];
  for (const { local } of [here, there]) {
    await askOf(local, SHARED)("PUT", "", { mirror: { inputs: "all" } });
    await askOf(local, STARTS)("PUT", "", { mirror: { takes_starts: local === here.local } });
  }
  for (const [i, runtime] of [here, there].entries()) {
    const environment = { KAFKA_BROKERS: brokers().join(), ESCAPEMENT_DEPLOYMENT: NAMES[i] ?? "" };
    running.push(await startBridge(runtime, `${SHARED},${STARTS}`, environment));
  }
}, 240_000);
afterAll(async () => {
  for (const each of running.reverse()) await each[Symbol.asyncDispose]();
});

interface Items {
  readonly items: readonly { readonly status: string; readonly lifetime: string; readonly reason: string }[];
}

brokerTest(
  "each of two deployments has the other's records as replicas, runs only its own, and nothing goes round",
  async () => {
    const asks = [askOf(here.local, SHARED), askOf(there.local, SHARED)] as const;
    await using loadHere = await startLoad(asks[0], 1);
    await using loadThere = await startLoad(asks[1], 1);
    await Promise.all([loadHere.more(20), loadThere.more(20)]);
    await Promise.all([loadHere.stop(), loadThere.stop()]);

    const written = async (topic: Topic) => {
      const found = { here: 0, there: 0 };
      for (const { headers } of await consume(kafka, [kafkaTopic(topic, SHARED)])) {
        const name = parseOrigin(headers[ORIGIN_HEADER] ?? "")?.deployment;
        if (name === "here" || name === "there") found[name]++;
      }
      return found;
    };
    // Two plans and two tasks a lifetime.
    const own = { here: 2 * loadHere.count(), there: 2 * loadThere.count() };
    for (const topic of TOPIC_NAMES) {
      await expect.poll(() => written(topic), { interval: 1_000 }).toEqual(own);
      // Its own and the replicas of the other's.
      for (const ask of asks)
        await expect.poll(async () => (await logged(ask, topic)).length).toBe(own.here + own.there);
    }
    for (const [i, ask] of asks.entries()) {
      const { items } = await ask<Items>("GET", "/lifetimes?limit=1000");
      expect(items).toHaveLength([loadHere, loadThere][i]?.count() ?? 0);
      expect((await ask<Items>("GET", "/dead-letters")).items).toEqual([]);
    }
    // What has come back was not sent again.
    for (const topic of TOPIC_NAMES) expect(await written(topic)).toEqual(own);
  },
);

const ELSEWHERE = `digraph elsewhere {
  begin [type=plan, kind=parallel]
  work [type=task, executor=kafka, timeout="15m"]
  begin -> work
}`;

brokerTest(
  "what producers write is one deployment's, save what answers the other's, which ignores the rest and says so",
  async () => {
    const [ours, theirs] = [askOf(here.local, STARTS), askOf(there.local, STARTS)];
    for (const ask of [ours, theirs])
      for (const dot of [ECHO, ELSEWHERE]) await ask("POST", "/graphs", { dot });
    const ids = ["one", "two", "three"];
    const starts = ids.map((lifetimeId) =>
      toBinary(PlanInputSchema, create(PlanInputSchema, { planName: "begin", graphId: "echo", lifetimeId })),
    );
    const header = { name: "say", execId: "of nobody" };
    const written: Partial<Record<Topic, readonly Uint8Array[]>> = {
      "plan-inputs": starts,
      "plan-executions": [new Uint8Array([0xff])],
      "task-inputs": [toBinary(TaskInputSchema, create(TaskInputSchema, { taskName: "say" }))],
      "task-executions": [toBinary(TaskExecutionSchema, create(TaskExecutionSchema, { header }))],
    };
    const producer = kafka.producer(ONCE);
    await producer.connect();
    for (const [topic, values] of Object.entries(written))
      await producer.send({
        topic: kafkaTopic(topic as Topic, STARTS),
        messages: values.map((value) => ({ key: "any", value: Buffer.from(value) })),
      });
    await producer.disconnect();
    const begin = (ask: typeof ours) =>
      ask<{ lifetime: string }>("POST", "/graphs/elsewhere/lifetimes", { input: null });
    const own = [(await begin(ours)).lifetime, (await begin(theirs)).lifetime] as const;
    await using _ = await startAnswering(kafka, STARTS, {
      task: ({ lifetimeId }) => (own.includes(lifetimeId) ? {} : undefined),
    });
    const statuses = async (ask: typeof ours) =>
      (await ask<Items>("GET", "/lifetimes")).items.map(({ lifetime, status }) => `${lifetime} ${status}`);
    const succeeded = (...ids: readonly string[]) => new Set(ids.map((id) => `${id} SUCCEEDED`));
    await expect.poll(async () => new Set(await statuses(theirs))).toEqual(succeeded(own[1]));
    await expect.poll(async () => new Set(await statuses(ours))).toEqual(succeeded(...ids, own[0]));
    const reasons = async (ask: typeof ours, path: string) =>
      (await ask<Items>("GET", path)).items.map(({ reason }) => reason).sort();
    await expect.poll(() => reasons(ours, "/dead-letters")).toEqual(["uncorrelated", "undecodable"]);
    // What answers the other's lifetime is nobody's here.
    await expect.poll(() => reasons(ours, "/strays")).toEqual(["unknown"]);
    // Of the three, the one of a producer, and one of each deployment.
    await expect.poll(async () => (await logged(ours, "task-inputs")).length).toBe(6);
    const ignored = async () => {
      const { url, key } = there.local;
      const headers = { authorization: `Bearer ${key}` };
      const text = await (await fetch(`${url}/v1/tenants/${STARTS}/metrics`, { headers })).text();
      return /^escapement_mirror_ignored_total\{.*reason="not_ours".*\} (\d+)$/m.exec(text)?.[1];
    };
    // The starts, the input, the execution of nobody, and the answer of the other's lifetime.
    await expect.poll(ignored).toBe("6");
    expect(await reasons(theirs, "/dead-letters")).toEqual(["undecodable"]);
    expect(await reasons(theirs, "/strays")).toEqual([]);
  },
);
