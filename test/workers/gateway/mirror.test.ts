// Without these nobody could say what is mirrored, see how it stands, or let a topic that was made anew in again.
import { create, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { wireTopic } from "../../../src/mirror/frame.ts";
import type { Topic } from "../../../src/topics/topics.ts";
import { TaskExecutionSchema } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { PlanInputSchema } from "../../../src/wire/gen/escapement/v1/input_pb.ts";
import { signedPath } from "../../../src/wire/signed-path.ts";
import { KEYS } from "../../setup/keys.ts";
import { arrivals, connect } from "../control-plane/bridge-client.ts";
import { send } from "./client.ts";

const path = "/v1/tenants/mirrors";

test("a tenant says what it mirrors, one setting at a time", async () => {
  const { body } = await send("PUT", path);
  expect(body.mirror).toMatchObject({ key_mode: "node", inputs: "kafka", takes_starts: true });
  expect(body.mirror.out).toHaveLength(6);
  await send("PUT", path, { json: { mirror: { takes_starts: false } } });
  await send("PUT", path, { json: { mirror: { key_mode: "graph_node", out: ["task-executions"] } } });
  expect((await send("GET", path)).body.mirror).toMatchObject({
    takes_starts: false,
    key_mode: "graph_node",
    out: ["task-executions"],
  });
  for (const mirror of [{ out: ["nothing"] }, { key_mode: "none" }, { unknown: true }])
    expect((await send("PUT", path, { json: { mirror } })).status).toBe(400);
});

test("its state has the lease, the partitions, and what was counted of them", async () => {
  await send("PUT", path);
  const bridge = await connect("mirrors");
  await bridge.hello("first");
  await bridge.claim();
  bridge.say(arrivals([{ topic: "plan-executions", value: new Uint8Array([255]), offset: 4 }]));
  await bridge.next("received");
  const { body } = await send("GET", `${path}/mirror`, { key: "reader-key" });
  const [partition] = body.partitions;
  expect(body).toMatchObject({ deployment: "escapement", connections: 1, lease: { holder: "first" } });
  expect(partition).toEqual({
    topic: "plan-executions",
    partition: 0,
    generation: 0,
    next: 5,
    regressed: false,
  });
  expect((await send("GET", `${path}/dead-letters`)).body.items).toMatchObject([
    { reason: "undecodable", topic: "plan-executions", partition: 0, offset: 4 },
  ]);
  const metrics = (await send("GET", `${path}/metrics`)).body;
  expect(metrics).toMatch(/escapement_mirror_records_total\{.*direction="in",topic="plan-executions"\} 1/);
  const renew = () => send("POST", `${path}/mirror/partitions/plan-executions/0/generations`);
  expect(await renew()).toMatchObject({ status: 409, body: { code: "illegal_transition" } });
  const ends = [{ topic: wireTopic("plan-executions"), partition: 0, end: 2n }];
  bridge.say({ case: "logEnds", value: { ends } });
  await bridge.next("refusal");
  expect(await renew()).toMatchObject({ status: 201, body: { generation: 1, next: 0 } });
  const refused = `${path}/mirror/partitions/dead-letters/0/generations`;
  expect((await send("POST", refused)).status).toBe(400);
});

test("open inputs are counted by node where executors elsewhere have them, until they are answered", async () => {
  await send("PUT", path);
  const dot = `digraph elsewhere {
    begin [type=plan kind=parallel]
    weigh [type=task kind=scales executor=kafka]
    say   [type=task kind=transform expression="1"]
    begin -> { weigh say }
  }`;
  await send("POST", `${path}/graphs`, { json: { dot, activate: true } });
  const lifetime = `${path}/graphs/elsewhere/lifetimes`;
  for (let i = 0; i < 3; i++) await send("POST", lifetime, { json: {} });
  const open = async () => (await send("GET", `${path}/open-inputs`)).body.items;
  await expect.poll(open).toEqual([{ graph: "elsewhere", kind: "task", node: "weigh", inputs: 3 }]);
  const { items } = (await send("GET", `${path}/lifetimes`)).body;
  await send("POST", `${path}/lifetimes/${items[0].lifetime}:cancel`, { json: {} });
  expect(await open()).toMatchObject([{ inputs: 2 }]);
});

test("what does not count of what came from Kafka is a dead letter with its place, or counted with its reason", async () => {
  const own = "/v1/tenants/uncounted";
  await send("PUT", own);
  const plan = "begin [type=plan kind=parallel] begin -> say";
  const dots = ["a", "b"].map(
    (graph) => `digraph ${graph} { ${plan} say [type=task kind=transform expression="1"] }`,
  );
  dots.push(
    "digraph there { choose [type=plan executor=kafka] act [type=task executor=kafka] choose -> act }",
  );
  for (const dot of dots) await send("POST", `${own}/graphs`, { json: { dot, activate: true } });
  const bridge = await connect("uncounted");
  await bridge.hello();
  const input = (planName: string) => toBinary(PlanInputSchema, create(PlanInputSchema, { planName }));
  const execution = toBinary(
    TaskExecutionSchema,
    create(TaskExecutionSchema, { header: { name: "act", execId: "e" }, parentPlanExecId: "nobody's" }),
  );
  const bring = async (offset: number, values: readonly (readonly [Topic, Uint8Array])[]) => {
    bridge.say(arrivals(values.map(([topic, value], i) => ({ topic, value, offset: offset + i }))));
    await bridge.next("received");
  };
  await bring(0, [
    ["plan-inputs", input("begin")],
    ["plan-inputs", input("choose")],
    ["task-executions", execution],
  ]);
  expect((await send("GET", `${own}/dead-letters`)).body.items).toMatchObject([
    { reason: "ambiguous_graph", topic: "plan-inputs", partition: 0, offset: 0 },
    { reason: "uncorrelatable", topic: "plan-inputs", partition: 0, offset: 1 },
    { reason: "uncorrelated", topic: "task-executions", partition: 0, offset: 2 },
  ]);
  await send("PUT", own, { json: { mirror: { takes_starts: false } } });
  await bring(3, [
    ["plan-inputs", input("begin")],
    ["task-executions", execution],
  ]);
  expect((await send("GET", `${own}/dead-letters`)).body.items).toHaveLength(3);
  const metrics = (await send("GET", `${own}/metrics`)).body;
  expect(metrics).toMatch(/escapement_mirror_ignored_total\{.*reason="not_ours"\} 2/);
});

test("a payload is read without a key by who has an address that was signed here, as it is and in its time", async () => {
  await send("PUT", path);
  const payload = `${path}/blobs/1/lifetime/name`;
  const [soon, before] = [Date.now() + 60_000, Date.now() - 1];
  const signed = signedPath(JSON.stringify(KEYS), payload, soon);
  const get = async (at: string) => (await send("GET", at, { key: undefined })).body;
  const refused = (detail: string) => ({ code: "unauthenticated", detail: expect.stringContaining(detail) });
  expect(await get(signed)).toMatchObject({ code: "blob_not_found" });
  expect(await get(payload)).toMatchObject(refused("send a key"));
  expect(await get(signed.replace("name?", "other?"))).toMatchObject(refused("not as it was signed"));
  expect(await get(signed.replace("expires=", "expires=9"))).toMatchObject(refused("not as it was signed"));
  expect(await get(signedPath("other", payload, soon))).toMatchObject(refused("not as it was signed"));
  expect(await get(signedPath(JSON.stringify(KEYS), payload, before))).toMatchObject(refused("has expired"));
  expect((await send("GET", signedPath("other", payload, before))).body).toMatchObject({
    code: "blob_not_found",
  });
});
