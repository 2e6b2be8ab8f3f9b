// Without these a list of the data plane misses what was just acknowledged, or a filter lets through what it should not.
import { beforeAll, expect, test } from "vitest";
import { ECHO, send } from "./client.ts";

const TENANT = "/v1/tenants/executions";
const FAILING = `digraph failing {
  begin [type="plan", kind="parallel"]
  fail [type="task", kind="transform", expression="input.missing"]
  begin -> fail
}`;

type Item = Record<string, unknown>;
const nodes = (items: Item[]) => items.map(({ node }) => node);

let succeeded: string;
let failed: string;

beforeAll(async () => {
  await send("PUT", TENANT);
  for (const dot of [ECHO, FAILING]) await send("POST", `${TENANT}/graphs`, { json: { dot } });
  const start = async (graph: string) =>
    (await send("POST", `${TENANT}/graphs/${graph}/lifetimes?wait=10s`, { json: { input: { a: 1 } } })).body;
  succeeded = (await start("echo")).lifetime;
  failed = (await start("failing")).lifetime;
});

test("a lifetime is listed as soon as its start is acknowledged", async () => {
  const { body } = await send("POST", `${TENANT}/graphs/echo/lifetimes`, { json: { labels: { a: "b" } } });
  const listed = await send("GET", `${TENANT}/lifetimes?limit=1`);
  expect(listed.body.items).toMatchObject([{ lifetime: body.lifetime, graph: "echo", labels: { a: "b" } }]);
  await send("GET", `${TENANT}/lifetimes/${body.lifetime}?wait=10s`);
});

test("the timeline has all executions of a lifetime in the order of the log", async () => {
  const { body } = await send("GET", `${TENANT}/lifetimes/${succeeded}/timeline`);
  expect(nodes(body.items)).toEqual(["begin", "echo"]);
  const [begin, echo] = body.items;
  expect(begin).toMatchObject({
    kind: "plan",
    type: "parallel",
    status: "SUCCEEDED",
    next_task_names: ["echo"],
  });
  expect(echo).toMatchObject({
    kind: "task",
    type: "transform",
    lifetime: succeeded,
    graph: "echo",
    graph_version: 1,
    attempt: 1,
    iteration_idx: 0,
    executor_version: "under-test",
    parent_exec_ids: [begin.exec_id],
    parent_names: ["begin"],
    result: { a: 1 },
  });
});

test("a failed execution shows its error and no result", async () => {
  const { body } = await send("GET", `${TENANT}/executions?lifetime=${failed}&status=FAILED`);
  expect(body.items).toMatchObject([{ node: "fail", error: expect.stringMatching(/./) }]);
  const lifetime = await send("GET", `${TENANT}/lifetimes/${failed}`);
  expect(lifetime.body).toMatchObject({ status: "FAILED", reason: { code: expect.stringMatching(/./) } });
});

test("an execution is read by its id, with its message", async () => {
  const { body } = await send("GET", `${TENANT}/executions?lifetime=${succeeded}&kind=task`);
  const [{ exec_id }] = body.items;
  const one = await send("GET", `${TENANT}/executions/${exec_id}`);
  expect(one.body).toMatchObject({ ...body.items[0], message: { header: { exec_id, name: "echo" } } });
  const none = await send("GET", `${TENANT}/executions/nothing`);
  expect(none.body).toMatchObject({ status: 404, code: "execution_not_found" });
});

test("filters combine", async () => {
  const list = async (filter: string) =>
    nodes((await send("GET", `${TENANT}/executions?${filter}`)).body.items);
  expect(await list(`lifetime=${succeeded}`)).toEqual(["echo", "begin"]);
  expect(await list(`lifetime=${succeeded}&kind=plan`)).toEqual(["begin"]);
  expect(await list(`lifetime=${succeeded}&node=echo&kind=plan`)).toEqual([]);
  expect(await list("node=fail&status=FAILED")).toEqual(["fail"]);
  expect(await list("received_before=2000-01-01T00:00:00Z")).toEqual([]);
  expect(await list(`lifetime=${failed}&received_after=2000-01-01T00:00:00%2B01:00`)).toEqual([
    "fail",
    "begin",
  ]);
});

test("lifetimes are listed by graph, status and time, newest first", async () => {
  const list = async (filter: string) =>
    (await send("GET", `${TENANT}/lifetimes?${filter}`)).body.items.map(({ lifetime }: Item) => lifetime);
  expect(await list("graph=failing&status=FAILED")).toEqual([failed]);
  expect(await list("graph=failing&status=SUCCEEDED")).toEqual([]);
  expect(await list("started_before=2000-01-01T00:00:00Z")).toEqual([]);
  expect((await list("status=SUCCEEDED")).at(-1)).toBe(succeeded);
});

test.each([
  "executions?kind=plans",
  "executions?status=DONE",
  "executions?received_after=yesterday",
  "executions?received_after=2026-01-01",
  "lifetimes?status=failed",
  "lifetimes?started_before=1",
])("GET %s is refused", async (list) => {
  expect((await send("GET", `${TENANT}/${list}`)).body.code).toBe("invalid_request");
});

test("the lists of an unknown tenant are not empty, but not there", async () => {
  for (const list of ["executions", "lifetimes", "lifetimes/l/timeline", "strays", "dead-letters"])
    expect((await send("GET", `/v1/tenants/nobody/${list}`)).body.code).toBe("tenant_not_found");
});

test("the tenants are listed by name", async () => {
  const { body } = await send("GET", "/v1/tenants");
  expect(body.items).toMatchObject([{ tenant: "executions", status: "ACTIVE", generation: 1 }]);
});

test("the gateway is ready when the objects, D1 and R2 answer", async () => {
  expect(await send("GET", "/ready", { key: undefined })).toMatchObject({
    status: 200,
    body: { status: "ok" },
  });
});
