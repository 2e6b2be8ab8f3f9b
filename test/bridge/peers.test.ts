// Without this, only our own code could read what we write, or be read by us.
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { buffer, text } from "node:stream/consumers";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Topics } from "../../bridge/kafka/topics.ts";
import { kafkaTopic } from "../../src/mirror/names.ts";
import { TOPIC_NAMES, type Topic } from "../../src/topics/topics.ts";
import { askOf } from "../local/ask.ts";
import { brokers, brokerTest, testKafka, unique } from "./broker-test.ts";
import { consume, logged } from "./consume.ts";
import { type Runtime, startBridge, startRuntime } from "./lab.ts";
import { startLoad } from "./load.ts";

const run = promisify(execFile);
const missing = ["kcat", "protoc"].filter((name) => spawnSync(name, ["--version"]).error !== undefined);
if (missing.length > 0)
  console.warn(`\n  NO ${missing.join(", ")}: nothing is read by peers. Debian: kcat, protobuf-compiler.\n`);
// Where they are not installed there is nothing to test; where it counts, that is a failure.
const peerTest = missing.length > 0 && process.env.CI !== "true" ? test.skip : brokerTest;
const kcat = (...args: readonly string[]) =>
  run("kcat", ["-b", brokers().join(), ...args], { maxBuffer: 64 << 20 });

/** As somebody does who has nothing but the contract: text for bytes, or bytes for text. */
const protoc = async (act: "encode" | "decode", message: string, given: string | Buffer): Promise<Buffer> => {
  const of = [`--${act}`, `escapement.v1.${message}`, "-Iproto", "-Inode_modules/@bufbuild/buf/proto"];
  const child = spawn("protoc", [...of, "escapement/v1/input.proto", "escapement/v1/execution.proto"]);
  child.stdin.end(given);
  const [bytes, said, [code]] = await Promise.all([
    buffer(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  if (code !== 0) throw new Error(`protoc cannot ${act} ${message}: ${said}`);
  return bytes;
};

const produced = async (topic: string, args: readonly string[], bytes: string | Buffer): Promise<void> => {
  const child = spawn("kcat", ["-b", brokers().join(), "-P", "-t", topic, ...args]);
  child.stdin.end(bytes);
  expect(await once(child, "close")).toEqual([0, null]);
};

const COMMITTED = [
  ...["-e", "-q", "-o", "beginning"],
  ...["-X", "isolation.level=read_committed", "-X", "fetch.wait.max.ms=20"],
];

let runtime: Runtime;
beforeAll(async () => {
  runtime = await startRuntime();
}, 120_000);
afterAll(() => runtime?.[Symbol.asyncDispose]());

for (const codec of ["none", "gzip", "snappy", "lz4", "zstd"])
  peerTest(`what librdkafka has produced with compression ${codec} is read`, async () => {
    const kafka = testKafka();
    const topic = unique("peer");
    const topics = new Topics(kafka);
    await topics.connect();
    await topics.provision([topic], { partitions: 1, replication: 1, config: {} });
    await topics.close();
    const lines = Array.from({ length: 200 }, (_, n) => `key-${n % 3}:${n} ${"text ".repeat(50)}`);
    await produced(topic, ["-K", ":", "-z", codec, "-H", "from=kcat"], `${lines.join("\n")}\n`);
    const found = await consume(kafka, [topic]);
    expect(found.map(({ key, value }) => `${Buffer.from(key ?? [])}:${Buffer.from(value ?? [])}`)).toEqual(
      lines,
    );
    expect(found[0]?.headers).toEqual({ from: "kcat" });
  });

peerTest("librdkafka reads each execution once, and protoc what is in it", async () => {
  const tenant = unique("peer");
  const ask = askOf(runtime.local, tenant);
  await using load = await startLoad(ask);
  await using _ = await startBridge(runtime, tenant, { KAFKA_BROKERS: brokers().join() });
  await load.more(20);
  await load.stop();
  const expected = (await logged(ask, "task-executions")).length;
  const topic = kafkaTopic("task-executions", tenant);
  const read = async () => {
    const { stdout } = await kcat("-C", "-t", topic, ...COMMITTED, "-f", "%k %h\\n").catch(() => ({
      stdout: "",
    }));
    return stdout.split("\n").filter(Boolean);
  };
  await expect.poll(async () => (await read()).length, { interval: 1_000 }).toBe(expected);
  const lines = await read();
  expect(new Set(lines).size).toBe(expected);
  for (const line of lines)
    expect(line).toMatch(
      new RegExp(`^(say|tell) escapement-origin=escapement/${tenant}/0/1/\\d+/task-executions$`),
    );
});

/** Most of it is executed by somebody who has kcat and protoc; `say` and `finish` are not. */
const FOREIGN = `digraph foreign {
  node [timeout="15m", type=plan]
  choose [kind=model, executor=kafka]
  review [kind=model, executor=kafka]
  finish [kind=parallel, end=true]
  weigh [type=task, kind=scales, executor=kafka]
  say [type=task, kind=transform, expression="1"]
  choose -> weigh -> review -> say -> finish
}`;

const MESSAGES: Readonly<Record<Topic, string>> = {
  "plan-inputs": "PlanInput",
  "task-inputs": "TaskInput",
  "plan-executions": "PlanExecution",
  "task-executions": "TaskExecution",
  "persisted-plan-executions": "PlanExecution",
  "persisted-task-executions": "TaskExecution",
};

peerTest("with kcat and protoc alone a lifetime is started and executed, and all of it is read", async () => {
  const tenant = unique("peer");
  const ask = askOf(runtime.local, tenant);
  await ask("PUT", "", { mirror: { inputs: "all" } });
  await ask("POST", "/graphs", { dot: FOREIGN });
  await using running = await startBridge(runtime, tenant, { KAFKA_BROKERS: brokers().join() });
  await expect.poll(() => running.said("partitions_assigned").length).toBeGreaterThan(0);
  const produce = async (topic: Topic, key: string, message: string) =>
    // One message, whatever is in its bytes.
    produced(
      kafkaTopic(topic, tenant),
      ["-k", key, "-D", "--no such bytes--"],
      await protoc("encode", MESSAGES[topic], message),
    );
  /** As text, those of this deployment or those of others. */
  const read = async (topic: Topic, ours: boolean): Promise<readonly string[]> => {
    // The length of each before it, and of its headers.
    const args = ["-C", "-t", kafkaTopic(topic, tenant), ...COMMITTED, "-f", "%R%s%h\\n"];
    const { stdout } = await run("kcat", ["-b", brokers().join(), ...args], { encoding: "buffer" });
    const found: Buffer[] = [];
    for (let at = 0; at < stdout.length; ) {
      const end = at + 4 + stdout.readInt32BE(at);
      const next = stdout.indexOf("\n", end) + 1;
      const headers = stdout.toString("utf8", end, next - 1);
      if (headers.startsWith(`escapement-origin=escapement/${tenant}/0/1/`) === ours)
        found.push(stdout.subarray(at + 4, end));
      at = next;
    }
    return Promise.all(found.map(async (each) => String(await protoc("decode", MESSAGES[topic], each))));
  };
  const asked = async (topic: Topic, node: string, parent: string): Promise<string> => {
    const found = async () => (await read(topic, true)).filter((each) => each.includes(`_name: "${node}"`));
    await expect.poll(async () => (await found()).length, { interval: 500 }).toBe(1);
    const [input = ""] = await found();
    expect(input).toContain(`exec_id: "${parent}"`);
    return input;
  };

  const inline = 'inline_data { type_url: "type.example/bytes" value: "\\000\\n\\377" }';
  const given = `header { name: "sensor" exec_id: "sensor-1" status: EXECUTION_STATUS_SUCCEEDED } result { ${inline} }`;
  await produce(
    "plan-inputs",
    "choose",
    `plan_name: "choose" lifetime_id: "foreign-1" task_executions { ${given} }`,
  );
  const chosen = (name: string, execId: string, next: string, more: string) =>
    `header { name: "${name}" exec_id: "${execId}" status: EXECUTION_STATUS_SUCCEEDED ${more} } result { next_task_names: "${next}" }`;
  await produce(
    "plan-executions",
    "choose",
    `${chosen("choose", "plan-1", "weigh", "")} parent_task_exec_ids: "sensor-1"`,
  );
  await asked("task-inputs", "weigh", "plan-1");
  await produce(
    "task-executions",
    "weigh",
    `header { name: "weigh" exec_id: "task-1" status: EXECUTION_STATUS_SUCCEEDED } parent_plan_exec_id: "plan-1" result { ${inline} }`,
  );
  const input = await asked("plan-inputs", "review", "task-1");
  const [, inputId] = /^input_id: "(.+)"$/m.exec(input) ?? [];
  await produce("plan-executions", "review", chosen("review", "plan-2", "say", `input_id: "${inputId}"`));
  await expect
    .poll(() => ask<{ status: string }>("GET", "/lifetimes/foreign-1").then(({ status }) => status))
    .toBe("SUCCEEDED");

  /** What of it is ours, by node; what is somebody else's was not written again. */
  const EXPECTED: Readonly<Record<Topic, readonly string[]>> = {
    "plan-inputs": ["finish", "review"],
    "task-inputs": ["say", "weigh"],
    "plan-executions": ["finish"],
    "task-executions": ["say"],
    "persisted-plan-executions": ["choose", "finish", "review"],
    "persisted-task-executions": ["say", "weigh"],
  };
  for (const topic of TOPIC_NAMES) {
    const field = topic.endsWith("inputs") ? /^(?:plan|task)_name: "(\w+)"$/m : /^ {2}name: "(\w+)"$/m;
    const nodes = async () => (await read(topic, true)).map((each) => field.exec(each)?.[1]).sort();
    await expect.poll(nodes, { interval: 500 }).toEqual(EXPECTED[topic]);
    for (const each of await read(topic, true)) {
      expect(each).toContain('lifetime_id: "foreign-1"');
      expect(each).toContain(`tenant_id: "${tenant}"`);
    }
  }
  // What was not valid for the type that it names went through as it came.
  expect(await read("persisted-task-executions", true)).toContainEqual(
    expect.stringContaining('value: "\\000\\n\\377"'),
  );
  expect(await read("plan-executions", false)).toHaveLength(2);
});
