// Without these a retried start runs twice, a waiting caller hears nothing, or a result is not what its branch ended in.
import { beforeAll, expect, test } from "vitest";
import { ECHO, send } from "./client.ts";

const TENANT = "/v1/tenants/lifetimes";
const START = `${TENANT}/graphs/echo/lifetimes`;

const ENDS = `digraph ends {
  begin [type="plan", kind="parallel"]
  fail [type="task", kind="transform", expression="input.missing", on_failure="route"]
  close [type="plan", kind="parallel", end="true"]
  begin -> fail -> close
}`;

beforeAll(async () => {
  expect((await send("PUT", TENANT)).status).toBe(201);
  for (const dot of [ECHO, ENDS])
    expect((await send("POST", `${TENANT}/graphs`, { json: { dot } })).body).toMatchObject({
      status: "ACTIVE",
    });
});

test.each([
  [{ a: [1, "two", null, true, { b: {} }] }],
  ["text"],
  [0.5],
  [false],
  [[]],
  [null],
  [{ "": "", ключ: "значение" }],
])("the input %j comes back as the result", async (input) => {
  const { status, body } = await send("POST", `${START}?wait=10s`, { json: { input } });
  expect(status).toBe(200);
  expect(body).toMatchObject({ graph: "echo", graph_version: 1, status: "SUCCEEDED", steps: 2 });
  expect(body.output).toEqual([
    { node: "echo", kind: "task", exec_id: expect.any(String), iteration_idx: 0, result: input },
  ]);
});

test("an absent input is null, and a body may be left out", async () => {
  expect((await send("POST", `${START}?wait=10s`)).body.output[0].result).toBe(null);
});

test("without a wait the answer is 202 with where to ask", async () => {
  const started = await send("POST", START, { json: { input: 1, labels: { by: "test" } } });
  expect(started.status).toBe(202);
  const location = started.headers.get("location") ?? "";
  expect(location).toBe(`${TENANT}/lifetimes/${started.body.lifetime}`);
  const { body } = await send("GET", `${location}?wait=10s`);
  expect(body).toMatchObject({ status: "SUCCEEDED", labels: { by: "test" }, output: [{ result: 1 }] });
});

test("a branch that ends in a plan shows the list of its results, null for one that failed", async () => {
  const { body } = await send("POST", `${TENANT}/graphs/ends/lifetimes?wait=10s`, { json: { input: {} } });
  expect(body.status).toBe("SUCCEEDED");
  expect(body.output).toMatchObject([{ node: "close", kind: "plan", result: [null] }]);
});

test("the same key and body start one lifetime, also when they come at once", async () => {
  const sent = { json: { input: 1 }, headers: { "idempotency-key": "once" } };
  const answers = await Promise.all(Array.from({ length: 8 }, () => send("POST", START, sent)));
  const later = await send("POST", `${START}?wait=10s`, sent);
  expect(new Set([...answers, later].map(({ body }) => body.lifetime)).size).toBe(1);
  const first = answers.filter(({ headers }) => headers.get("idempotency-replayed") === null);
  expect(first).toHaveLength(1);
  expect(later.body.status).toBe("SUCCEEDED");
});

test("the same key with another body, or for another graph, is refused", async () => {
  const headers = { "idempotency-key": "conflict" };
  await send("POST", START, { json: { input: 1 }, headers });
  for (const [path, input] of [
    [START, 2],
    [`${TENANT}/graphs/ends/lifetimes`, 1],
  ] as const) {
    const { status, body } = await send("POST", path, { json: { input }, headers });
    expect({ status, code: body.code }).toEqual({ status: 409, code: "idempotency_conflict" });
  }
});

test("a key that a refused start came with is free", async () => {
  const headers = { "idempotency-key": "free" };
  const refused = await send("POST", `${TENANT}/graphs/nothing/lifetimes`, { json: {}, headers });
  expect(refused.body.code).toBe("graph_not_found");
  expect((await send("POST", START, { json: {}, headers })).status).toBe(202);
});

test.each([
  ["POST", `${TENANT}/graphs/nothing/lifetimes`, 404, "graph_not_found"],
  ["GET", `${TENANT}/graphs/nothing`, 404, "graph_not_found"],
  ["GET", `${TENANT}/graphs/echo/versions/7`, 404, "graph_not_found"],
  ["GET", `${TENANT}/graphs/nothing/versions`, 404, "graph_not_found"],
  ["POST", `${TENANT}/graphs/nothing:archive`, 404, "graph_not_found"],
  ["GET", `${TENANT}/lifetimes/nothing`, 404, "lifetime_not_found"],
  ["GET", `${TENANT}/lifetimes/odd%3Acancel`, 404, "lifetime_not_found"],
  ["GET", `${TENANT}/lifetimes/order-42`, 404, "lifetime_not_found"],
  ["GET", `${TENANT}/lifetimes/nothing/timeline`, 404, "lifetime_not_found"],
  ["POST", `${TENANT}/lifetimes/nothing:cancel`, 404, "lifetime_not_found"],
  ["GET", "/v1/tenants/nobody", 404, "tenant_not_found"],
  ["GET", "/v1/tenants/nobody/graphs", 404, "tenant_not_found"],
  ["POST", "/v1/tenants/nobody/graphs/g/lifetimes", 404, "tenant_not_found"],
  ["GET", "/v1/tenants/nobody/topics/plan-inputs/records", 404, "tenant_not_found"],
])("%s %s answers %i %s", async (method, path, status, code) => {
  const answer = await send(method, path);
  expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
});

test("what has ended cannot be canceled", async () => {
  const { body } = await send("POST", `${START}?wait=10s`, { json: {} });
  const canceled = await send("POST", `${TENANT}/lifetimes/${body.lifetime}:cancel`);
  expect(canceled.body).toMatchObject({ status: 409, code: "illegal_transition" });
});

test("an archived graph starts nothing, and tells so", async () => {
  const dot = ECHO.replace("digraph echo", "digraph retired");
  await send("POST", `${TENANT}/graphs`, { json: { dot } });
  const archived = await send("POST", `${TENANT}/graphs/retired:archive`);
  expect(archived.body.items).toMatchObject([{ version: 1, status: "ARCHIVED" }]);
  const refused = await send("POST", `${TENANT}/graphs/retired/lifetimes`, { json: {} });
  expect(refused.body).toMatchObject({ status: 409, code: "graph_not_active" });
});

test("a graph that is registered without being activated starts once it is", async () => {
  const dot = ECHO.replace("digraph echo", "digraph later");
  const registered = await send("POST", `${TENANT}/graphs`, { json: { dot, activate: false } });
  expect(registered.body).toMatchObject({ version: 1, status: "NEW" });
  const path = `${TENANT}/graphs/later/lifetimes`;
  expect((await send("POST", path, { json: {} })).body.code).toBe("graph_not_active");
  await send("POST", `${TENANT}/graphs/later:activate`, { json: { version: 1 } });
  expect((await send("POST", path, { json: {} })).status).toBe(202);
});

test("one that has ended can be deleted, and one that runs cannot", async () => {
  const { body } = await send("POST", `${START}?wait=10s`, { json: { input: "it" } });
  const path = `${TENANT}/lifetimes/${body.lifetime}`;
  expect((await send("DELETE", path, { key: "reader-key" })).status).toBe(403);
  expect((await send("DELETE", path)).status).toBe(204);
  expect((await send("GET", path)).body).toMatchObject({ code: "lifetime_not_found" });
  expect((await send("GET", `${TENANT}/executions?lifetime=${body.lifetime}`)).body).toMatchObject({
    items: [],
  });
  expect((await send("DELETE", path)).status).toBe(204);
  expect((await send("DELETE", `${TENANT}/lifetimes/nobody`)).status).toBe(404);
});

test("a key whose lifetime was trimmed answers it from the database, and once it was deleted says so", async () => {
  const tenant = "/v1/tenants/trimmed";
  await send("PUT", tenant);
  await send("POST", `${tenant}/graphs`, { json: { dot: ECHO } });
  const headers = { "idempotency-key": "once" };
  const start = () =>
    send("POST", `${tenant}/graphs/echo/lifetimes?wait=10s`, { json: { input: 7 }, headers });
  const { body } = await start();
  await send("PUT", tenant, { json: { log_retention_ms: 0 } });
  const read = () => send("GET", `${tenant}/topics/plan-inputs/records?offset=1`);
  await expect.poll(async () => (await read()).status).toBe(410);
  expect((await read()).body).toMatchObject({ code: "offset_trimmed", first_offset: expect.any(Number) });

  const again = await start();
  expect(again.headers.get("idempotency-replayed")).toBe("true");
  expect(again).toMatchObject({ status: 200, body: { lifetime: body.lifetime, output: body.output } });
  expect((await send("DELETE", `${tenant}/lifetimes/${body.lifetime}`)).status).toBe(204);
  const gone = await start();
  expect(gone).toMatchObject({ status: 404, body: { code: "lifetime_not_found" } });
  expect(gone.body.detail).toContain(body.lifetime);
});
