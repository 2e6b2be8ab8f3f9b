// Without these a producer does not learn what became of its message, or a reader cannot read what is in the log.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { beforeAll, expect, test } from "vitest";
import { TaskExecutionSchema } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { ECHO, send } from "./client.ts";

const TENANT = "/v1/tenants/topics";
const records = (topic: string) => `${TENANT}/topics/${topic}/records`;
const PROTOBUF = { "content-type": "application/x-protobuf" };

beforeAll(async () => {
  await send("PUT", TENANT);
  await send("POST", `${TENANT}/graphs`, { json: { dot: ECHO } });
  await send("POST", `${TENANT}/graphs/echo/lifetimes?wait=10s`, { json: { input: { n: 1 } } });
});

test.each([
  ["plan-inputs", { plan_name: "begin" }, "begin"],
  ["task-inputs", { task_name: "echo" }, "echo"],
  ["plan-executions", { header: { name: "begin" } }, "begin"],
  ["task-executions", { header: { name: "echo" } }, "echo"],
  ["persisted-plan-executions", { header: { name: "begin" } }, "begin"],
  ["persisted-task-executions", { header: { name: "echo" } }, "echo"],
])("%s holds its message of the lifetime, as JSON and as bytes", async (topic, value, key) => {
  const { status, body } = await send("GET", records(topic));
  expect(status).toBe(200);
  expect(body.records).toHaveLength(1);
  expect(body.records[0]).toMatchObject({ key, value, value_base64: expect.stringMatching(/./) });
  const rest = await send("GET", `${records(topic)}?offset=${body.next_offset}`);
  expect(rest.body.records).toEqual([]);
});

test("a result is shown as what it stands for", async () => {
  const { body } = await send("GET", records("task-executions"));
  expect(body.records[0].value.result.inline_data).toEqual({
    "@type": "type.googleapis.com/google.protobuf.Value",
    value: { n: 1 },
  });
});

test("a reader that waits hears of the next record", async () => {
  const { body: before } = await send("GET", records("task-executions"));
  const waiting = send("GET", `${records("task-executions")}?offset=${before.next_offset}&wait=30s`);
  await send("POST", `${TENANT}/graphs/echo/lifetimes`, { json: { input: 2 } });
  expect((await waiting).body.records).toHaveLength(1);
});

const execution = async () => {
  const { body } = await send("GET", records("task-executions"));
  return body.records[0];
};

test("an execution that is produced again is a stray, as JSON and as protobuf, and is listed", async () => {
  const { value, value_base64 } = await execution();
  const asJson = await send("POST", records("task-executions"), { json: value });
  expect([asJson.status, asJson.body.outcome]).toEqual([202, "stray"]);
  const body = Uint8Array.from(atob(value_base64), (char) => char.charCodeAt(0));
  const asBytes = await send("POST", records("task-executions"), { headers: PROTOBUF, body });
  expect(asBytes.body).toEqual(asJson.body);
  const strays = await send("GET", `${TENANT}/strays`);
  expect(strays.body.items).toMatchObject([
    { reason: asJson.body.reason, kind: "task", message: { header: { name: "echo" } } },
    { message_base64: value_base64 },
  ]);
});

test("bytes that do not decode are refused with 422, and kept", async () => {
  const body = Uint8Array.from([0x0a, 0xff, 0xff, 0x01]);
  const refused = await send("POST", records("plan-executions"), { headers: PROTOBUF, body });
  expect(refused.body).toMatchObject({ status: 422, code: "undecodable" });
  const { body: letters } = await send("GET", `${TENANT}/dead-letters?limit=1000`);
  expect(letters.items.at(-1)).toMatchObject({
    reason: "undecodable",
    topic: "plan-executions",
    message_base64: btoa(String.fromCharCode(...body)),
  });
});

test.each([
  ["another tenant", { tenantId: "other", name: "echo" }, "wrong_tenant"],
  ["nothing that ties it to an input", { name: "echo" }, "uncorrelated"],
])("an execution of %s is a dead letter, and its producer learns why", async (_, header, reason) => {
  const body = toBinary(TaskExecutionSchema, create(TaskExecutionSchema, { header }));
  const { status, body: answer } = await send("POST", records("task-executions"), {
    headers: PROTOBUF,
    body,
  });
  expect({ status, answer }).toEqual({ status: 202, answer: { outcome: "dead_letter", reason } });
});

test("a payload that is not what it says is shown as base64", async () => {
  const value = Uint8Array.from([0xff, 0xff]);
  const { value_base64 } = await execution();
  const again = fromBinary(
    TaskExecutionSchema,
    Uint8Array.from(atob(value_base64), (char) => char.charCodeAt(0)),
  );
  const inlineData = create(AnySchema, { typeUrl: "type.googleapis.com/google.protobuf.Value", value });
  if (again.result) again.result.data = { case: "inlineData", value: inlineData };
  const body = toBinary(TaskExecutionSchema, again);
  await send("POST", records("task-executions"), { headers: PROTOBUF, body });
  const { body: strays } = await send("GET", `${TENANT}/strays?limit=1000`);
  expect(strays.items.at(-1).message.result.inline_data).toEqual({
    "@type": "type.googleapis.com/google.protobuf.Value",
    value: "//8=",
  });
});

test("JSON that is not the topic's message is refused with what is wrong", async () => {
  const { body } = await send("POST", records("task-executions"), { json: { heder: {} } });
  expect(body).toMatchObject({ status: 400, code: "invalid_request" });
  expect(body.detail).toContain("heder");
});
