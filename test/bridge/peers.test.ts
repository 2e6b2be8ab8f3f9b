// Without this, only our own code could read what we write, or be read by us.
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Topics } from "../../bridge/kafka/topics.ts";
import { kafkaTopic } from "../../src/mirror/names.ts";
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

/** As somebody does who has nothing but the contract. */
const decoded = async (value: Buffer, message: string): Promise<string> => {
  const of = ["--decode", `escapement.v1.${message}`, "-Iproto", "-Inode_modules/@bufbuild/buf/proto"];
  const child = spawn("protoc", [...of, "escapement/v1/execution.proto"]);
  child.stdin.end(value);
  const [said] = await Promise.all([text(child.stdout), once(child, "close")]);
  return said;
};

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
    const child = spawn("kcat", [
      "-b",
      brokers().join(),
      "-P",
      "-t",
      topic,
      "-K",
      ":",
      "-z",
      codec,
      "-H",
      "from=kcat",
    ]);
    child.stdin.end(`${lines.join("\n")}\n`);
    expect(await once(child, "close")).toEqual([0, null]);
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
  const committed = [
    "-C",
    "-t",
    topic,
    "-e",
    "-q",
    "-o",
    "beginning",
    "-X",
    "isolation.level=read_committed",
  ];
  const read = async () => {
    const { stdout } = await kcat(...committed, "-f", "%k %h\\n").catch(() => ({ stdout: "" }));
    return stdout.split("\n").filter(Boolean);
  };
  await expect.poll(async () => (await read()).length, { interval: 1_000 }).toBe(expected);
  const lines = await read();
  expect(new Set(lines).size).toBe(expected);
  for (const line of lines)
    expect(line).toMatch(new RegExp(`^(say|tell) escapement-origin=escapement/${tenant}/0/1/\\d+$`));
  const [first] = await consume(testKafka(), [topic]);
  const said = await decoded(Buffer.from(first?.value ?? []), "TaskExecution");
  expect(said).toContain(`name: "${Buffer.from(first?.key ?? [])}"`);
  expect(said).toContain(`tenant_id: "${tenant}"`);
  expect(said).toContain("status: EXECUTION_STATUS_SUCCEEDED");
});
