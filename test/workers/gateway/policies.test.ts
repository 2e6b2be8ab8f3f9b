// Without this, a policy that people put might hold nothing, or be stored though it means nothing.
import { beforeAll, describe, expect, test } from "vitest";
import { ECHO, send } from "./client.ts";

const TENANT = "/v1/tenants/policies";

const begin = async (input: unknown, labels: Record<string, string> = {}) => {
  const { body } = await send("POST", `${TENANT}/graphs/echo/lifetimes`, { json: { input, labels } });
  return { id: body.lifetime as string, path: `${TENANT}/lifetimes/${body.lifetime}` };
};

const end = async (path: string) => (await send("GET", `${path}?wait=20s`)).body;

/** Of the lifetimes of one test alone. */
const only = (label: string, when = "true") =>
  `'for' in lifetime.labels && lifetime.labels['for'] == '${label}' && (${when})`;

const put = (name: string, document: object) =>
  send("PUT", `${TENANT}/policies/${name}`, {
    json: { name, message: `${name} says so`, on_error: "open", ...document },
  });

const verdictsOf = async (lifetime: string) =>
  (await send("GET", `${TENANT}/verdicts?lifetime=${lifetime}`)).body.items;

beforeAll(async () => {
  await send("PUT", TENANT);
  await send("POST", `${TENANT}/graphs`, { json: { dot: ECHO } });
});

describe("a policy", () => {
  test("is put as YAML, read back complete, listed, and holds no more once deleted", async () => {
    const path = `${TENANT}/policies/short`;
    const yaml =
      "name: short\non: task_input\nwhen: input.iteration > 5 # loops\naction: WARN\nmessage: it loops\n";
    const headers = { "content-type": "application/yaml" };
    const stored = await send("PUT", path, { body: yaml, headers });
    expect(stored).toMatchObject({
      status: 201,
      body: { policy: "short", on: ["task_input"], mode: "enforce" },
    });
    const again = await send("PUT", path, { body: yaml, headers });
    expect(again).toMatchObject({ status: 200, body: { version: stored.body.version } });
    expect(await send("GET", path)).toMatchObject({
      status: 200,
      body: { document: { name: "short", when: "input.iteration > 5", scope: {}, labels: {} } },
    });
    expect((await send("GET", `${TENANT}/policies`)).body.items).toMatchObject([{ policy: "short" }]);
    expect((await send("DELETE", path)).status).toBe(204);
    expect(await send("GET", path)).toMatchObject({ status: 404, body: { code: "policy_not_found" } });
    expect((await send("DELETE", path)).status).toBe(404);
  });

  test.each([
    ["a syntax error", { on: "task_input", when: "lifetime.steps > > 3", action: "WARN" }, "when", "1:16: "],
    ["an unknown field", { on: "task_input", when: "lifetime.stepz > 3", action: "WARN" }, "when", "1:9: "],
    [
      "another name than its path",
      { name: "other", on: "task_input", action: "WARN" },
      "name",
      "it is other",
    ],
    ["too much", { on: "task_input", action: "WARN", description: "x".repeat(65_536) }, "", "65"],
  ])("with %s is refused with its place, and nothing is stored", async (_, document, path, detail) => {
    const refused = await put("bad", document);
    expect(refused).toMatchObject({ status: 422, body: { code: "policy_invalid" } });
    expect(refused.body.fields[0].path).toBe(path);
    expect(refused.body.fields[0].detail).toContain(detail);
    expect((await send("GET", `${TENANT}/policies/bad`)).status).toBe(404);
  });

  test("rejects an execution, whose node decides what follows, and leaves a verdict", async () => {
    const { body } = await put("no-secrets", {
      on: "task_execution",
      when: only("secrets", "result.text.contains('secret')"),
      action: "REJECT_EXECUTION",
    });
    const { path, id } = await begin({ text: "a secret" }, { for: "secrets" });
    expect(await end(path)).toMatchObject({
      status: "FAILED",
      reason: { code: "node_failed", detail: "echo: policy_rejected: no-secrets: no-secrets says so" },
    });
    expect(await verdictsOf(id)).toMatchObject([
      {
        policy: "no-secrets",
        version: body.version,
        action: "REJECT_EXECUTION",
        on: "task_execution",
        node: "echo",
        read: { "lifetime.labels": { for: "secrets" }, result: { text: "a secret" } },
        exec_id: expect.any(String),
      },
    ]);
    const { items } = (await send("GET", `${TENANT}/executions?lifetime=${id}`)).body;
    expect(items[0]).toMatchObject({ node: "echo", status: "REJECTED", result: { text: "a secret" } });
    expect(await end((await begin({ text: "fine" }, { for: "secrets" })).path)).toMatchObject({
      status: "SUCCEEDED",
    });
  });

  test("rejects an input before it is sent to anybody", async () => {
    await put("no-echo", {
      on: "task_input",
      scope: { graph: "echo", node: "echo" },
      when: only("inputs", "input.value.n > 3"),
      action: "REJECT_EXECUTION",
    });
    const { path, id } = await begin({ n: 4 }, { for: "inputs" });
    expect(await end(path)).toMatchObject({ status: "FAILED", reason: { code: "node_failed" } });
    expect(await verdictsOf(id)).toMatchObject([{ read: { "input.value": { n: 4 } }, input_id: `${id}:2` }]);
    expect(await end((await begin({ n: 3 }, { for: "inputs" })).path)).toMatchObject({ status: "SUCCEEDED" });
  });

  test("pauses a lifetime until it is resumed, and is asked again then", async () => {
    await put("hold", { on: "task_input", when: only("hold"), action: "PAUSE_LIFETIME" });
    const { path } = await begin(1, { for: "hold" });
    const held = { status: "PAUSED", reason: { code: "lifetime_paused", detail: "hold: hold says so" } };
    expect((await send("GET", path)).body).toMatchObject(held);
    const again = (await send("POST", `${path}:resume`)).body;
    expect(again).toMatchObject({ status: "PAUSED", reason: { code: "lifetime_paused" } });
    expect(again.reason.detail).toContain(
      "hold: hold says so (it was resumed, and this policy, asked again,",
    );
    expect((await send("POST", `${path}:resume`)).body.reason.detail).toBe(again.reason.detail);
    await send("DELETE", `${TENANT}/policies/hold`);
    await send("POST", `${path}:resume`);
    expect(await end(path)).toMatchObject({ status: "SUCCEEDED" });
  });

  test("aborts a lifetime as it starts", async () => {
    await put("stop", {
      on: "lifetime_start",
      when: only("stop", "input.value == 7"),
      action: "ABORT_LIFETIME",
    });
    const { path } = await begin(7, { for: "stop" });
    expect(await end(path)).toMatchObject({
      status: "FAILED",
      reason: { code: "policy_aborted", detail: "stop: stop says so" },
    });
  });

  test("that observes is recorded, and not acted on", async () => {
    await put("watch", { on: "task_input", when: only("watch"), action: "ABORT_LIFETIME", mode: "observe" });
    const { path, id } = await begin(1, { for: "watch" });
    expect(await end(path)).toMatchObject({ status: "SUCCEEDED" });
    expect(await verdictsOf(id)).toMatchObject([{ policy: "watch", mode: "observe" }]);
  });

  test("that asks people holds the input until they agree", async () => {
    await put("ask", { on: "task_input", when: only("ask"), action: "REQUIRE_APPROVAL" });
    const { path } = await begin(1, { for: "ask" });
    const { body } = await send("GET", path);
    expect(body).toMatchObject({ status: "WAITING" });
    const approval = `${TENANT}/approvals/${body.why.inputs[0].approval}`;
    expect(await send("POST", `${approval}:approve`, { key: "operator-key", json: {} })).toMatchObject({
      status: 200,
    });
    expect(await end(path)).toMatchObject({ status: "SUCCEEDED" });
  });

  test("that fails counts as a match, where it fails closed", async () => {
    await put("closed", {
      on: "task_execution",
      when: only("closed", "result.n / 0 > 1 || result.n > 1"),
      action: "REJECT_EXECUTION",
    }).then(({ status }) => expect(status).toBe(422));
    await put("closed", {
      on: "task_execution",
      when: only("closed", "result.missing > 1"),
      action: "REJECT_EXECUTION",
      on_error: "closed",
      scope: { graph: "echo" },
    });
    const { path, id } = await begin({ n: 1 }, { for: "closed" });
    expect(await end(path)).toMatchObject({ status: "FAILED" });
    expect((await verdictsOf(id))[0].error).toContain("missing");
  });
});

test("starter policies hold only once they are enabled", async () => {
  const { items } = (await send("GET", `${TENANT}/policies:starters`)).body;
  expect(items.length).toBeGreaterThan(7);
  for (const { name } of items)
    expect((await send("POST", `${TENANT}/policies/${name}:enable`)).status, name).toBe(201);
  expect(await end((await begin(1)).path)).toMatchObject({ status: "SUCCEEDED" });
  for (const { name } of items) await send("DELETE", `${TENANT}/policies/${name}`);
});

test("a loop that only rejections keep going goes on, a turn at a time, until a bound of its graph ends it", async () => {
  const dot = `digraph loop {
    iterations_max=130
    A [type="plan", kind="parallel", entry=true]
    t [type="task", kind="transform", expression="input", on_failure="route"]
    A -> t
    t -> A
  }`;
  expect((await send("POST", `${TENANT}/graphs`, { json: { dot } })).status).toBe(201);
  await put("never", { on: "task_input", scope: { graph: "loop" }, action: "REJECT_EXECUTION" });
  const { body } = await send("POST", `${TENANT}/graphs/loop/lifetimes`, { json: { input: 1 } });
  expect(await end(`${TENANT}/lifetimes/${body.lifetime}`)).toMatchObject({
    status: "FAILED",
    reason: { code: "iterations_exceeded" },
  });
});

test("what the tenant has spent is kept when another policy changes", async () => {
  const when = only("spent", "tenant.spent.day.calls >= 0");
  await put("spent", { on: "lifetime_start", when, action: "WARN" });
  const calls = async () => {
    const { id, path } = await begin(1, { for: "spent" });
    await end(path);
    return (await verdictsOf(id))[0].read["tenant.spent.day.calls"] as number;
  };
  const before = await calls();
  const other = { on: "task_input", when: only("another"), action: "WARN" };
  await put("another", other);
  expect(await calls()).toBe(before + 2);
  await put("another", { ...other, message: "once more" });
  await send("DELETE", `${TENANT}/policies/another`);
  expect(await calls()).toBe(before + 4);
});

test("the schema of a policy is published", async () => {
  expect((await send("GET", `${TENANT}/policies:schema`)).body).toMatchObject({
    required: expect.any(Array),
  });
});

test("every change makes another version of all policies, which inputs name that it allowed", async () => {
  const { body } = await put("named", { on: "task_input", when: only("named"), action: "WARN" });
  const { path, id } = await begin(1, { for: "named" });
  await end(path);
  expect((await verdictsOf(id))[0]).toMatchObject({ policies: body.version });
});

test("looking back tells of each lifetime the first decision that would have been another", async () => {
  const { path, id } = await begin({ words: "much" }, { for: "looking back" });
  await end(path);
  const policy = {
    name: "later",
    on: "task_execution",
    when: only("looking back", "result.words == 'much'"),
    action: "REJECT_EXECUTION",
    message: "too much",
    on_error: "open",
  };
  const { body, headers } = await send("POST", `${TENANT}/policies:backtest`, { json: { policy } });
  expect(headers.get("content-type")).toBe("application/x-ndjson");
  const lines = String(body)
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.filter(({ flip }) => flip)).toMatchObject([
    {
      flip: {
        lifetime: id,
        node: "echo",
        on: "task_execution",
        decision: "REJECT_EXECUTION",
        recorded: "NONE",
      },
    },
  ]);
  expect(lines.at(-1)).toMatchObject({ done: { flips: 1, saved: { tokens: 0 } } });
  const refused = await send("POST", `${TENANT}/policies:backtest`, {
    json: { policy: { ...policy, when: "no" } },
  });
  expect(refused).toMatchObject({ status: 422, body: { code: "policy_invalid" } });
});
