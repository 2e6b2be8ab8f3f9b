// Without this a signal could be lost, delivered twice, or reach a wait of somebody else; and what failed would stay so.
import { beforeAll, describe, expect, test } from "vitest";
import { SIGNALS_KEPT_MAX } from "../../../src/limits.ts";
import { send } from "./client.ts";

const TENANT = "/v1/tenants/signals";

const APPROVAL = `digraph approval {
  begin [type=plan kind=parallel]
  approve [type=task kind=wait signal=approve]
  begin -> approve
}`;
const TWICE = `digraph twice {
  begin [type=plan kind=sequential]; next [type=plan kind=sequential]
  node [type=task kind=wait signal=go]
  first; second
  begin -> first -> next -> second
}`;
const LATER = `digraph later {
  begin [type=plan kind=parallel]; next [type=plan kind=parallel]
  first [type=task kind=wait signal=early]; last [type=task kind=wait signal=late]
  begin -> first -> next -> last
}`;
const FLAKY = `digraph flaky {
  begin [type=plan kind=parallel]; close [type=plan kind=parallel end=true]
  keep [type=task kind=transform expression="input"]
  mend [type=task kind=flaky failures=1]
  begin -> { keep mend } -> close
}`;
const UNTIL = `digraph until {
  begin [type=plan kind=parallel]
  nap [type=task kind=wait until="input.at"]
  begin -> nap
}`;

const begin = async (graph: string, input: unknown = null): Promise<string> => {
  const { body } = await send("POST", `${TENANT}/graphs/${graph}/lifetimes`, { json: { input } });
  return `${TENANT}/lifetimes/${body.lifetime}`;
};

const end = async (lifetime: string) => (await send("GET", `${lifetime}?wait=20s`)).body;

const signal = (lifetime: string, json: unknown, key?: string) =>
  send("POST", `${lifetime}:signal`, { json, ...(key && { headers: { "idempotency-key": key } }) });

const retry = (lifetime: string, key?: string) =>
  send("POST", `${lifetime}:retry`, { json: {}, ...(key && { headers: { "idempotency-key": key } }) });

beforeAll(async () => {
  await send("PUT", TENANT);
  for (const dot of [APPROVAL, TWICE, LATER, FLAKY, UNTIL])
    expect((await send("POST", `${TENANT}/graphs`, { json: { dot } })).body).toMatchObject({
      status: "ACTIVE",
    });
});

describe("a signal", () => {
  test("ends the wait for it, with its value", async () => {
    const lifetime = await begin("approval");
    const { status, body } = await signal(lifetime, { name: "approve", value: { by: "ada" } });
    expect(status).toBe(200);
    expect(body).toMatchObject({ name: "approve", kept: false, input_id: expect.stringMatching(/:2$/) });
    expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED", output: [{ result: { by: "ada" } }] });
  });

  test("that nothing waits for yet is kept, and the oldest is taken first", async () => {
    const lifetime = await begin("later");
    for (const value of [1, 2])
      expect((await signal(lifetime, { name: "late", value })).body).toMatchObject({ kept: true });
    expect((await signal(lifetime, { name: "early" })).body).toMatchObject({ kept: false });
    expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED", output: [{ node: "last", result: 1 }] });
  });

  test("with the same key is one, and with another value is refused", async () => {
    const lifetime = await begin("twice");
    const once = await signal(lifetime, { name: "other" }, "k1");
    const again = await signal(lifetime, { name: "other" }, "k1");
    expect([once, again].map(({ headers }) => headers.get("idempotency-replayed"))).toEqual([null, "true"]);
    expect([once, again].map(({ body }) => body.kept)).toEqual([true, true]);
    const conflict = await signal(lifetime, { name: "other", value: 1 }, "k1");
    expect(conflict).toMatchObject({ status: 409, body: { code: "idempotency_conflict" } });
    await signal(lifetime, { name: "go" }, "k2");
    await signal(lifetime, { name: "go" }, "k2");
    expect((await send("GET", lifetime)).body.why.inputs).toMatchObject([{ node: "second" }]);
  });

  test("is refused where nothing can take it: unknown, ended, too many, too large, nameless", async () => {
    const lifetime = await begin("approval");
    const more = () => signal(lifetime, { name: "other" });
    for (let kept = 0; kept < SIGNALS_KEPT_MAX; kept++) expect((await more()).status).toBe(200);
    const full = await more();
    expect(full).toMatchObject({ status: 429, body: { code: "too_many_signals" } });
    expect(full.headers.get("retry-after")).toBe("1");
    const large = await signal(lifetime, { name: "approve", value: "x".repeat(200_000) });
    expect(large).toMatchObject({ status: 413, body: { code: "input_too_large" } });
    expect(await signal(lifetime, { value: 1 })).toMatchObject({ status: 400 });
    expect(await signal(lifetime, { name: "approve" })).toMatchObject({ status: 200 });
    await end(lifetime);
    expect(await more()).toMatchObject({ status: 409, body: { code: "illegal_transition" } });
    const unknown = await signal(`${TENANT}/lifetimes/nobody`, { name: "approve" });
    expect(unknown).toMatchObject({ status: 404, body: { code: "lifetime_not_found" } });
  });
});

test("a wait until an instant of its input is over then, and fails where there is none", async () => {
  expect(await end(await begin("until", { at: "2001-02-03T04:05:06+02:00" }))).toMatchObject({
    output: [{ result: "2001-02-03T02:05:06.000Z" }],
  });
  expect(await end(await begin("until", { at: "soon" }))).toMatchObject({
    status: "FAILED",
    reason: {
      detail: expect.stringMatching(/input.at has to be an instant as in RFC 3339, and is other text/),
    },
  });
});

test("a lifetime that waits says what for and since when, and an answer from elsewhere is a stray", async () => {
  const lifetime = await begin("approval");
  const { body } = await send("GET", lifetime);
  expect(body).toMatchObject({ status: "WAITING", why: { outstanding: 1 } });
  const [waits] = body.why.inputs;
  expect(waits).toMatchObject({
    node: "approve",
    kind: "task",
    attempt: 1,
    phase: "waiting",
    for: 'signal "approve"',
    since: body.started_at,
  });
  const header = { name: "approve", inputId: waits.input_id, status: "EXECUTION_STATUS_SUCCEEDED" };
  const produced = await send("POST", `${TENANT}/topics/task-executions/records`, { json: { header } });
  expect(produced).toMatchObject({ status: 202, body: { outcome: "stray", reason: "unknown" } });
  await signal(lifetime, { name: "approve" });
  expect(await end(lifetime)).not.toHaveProperty("why");
});

describe("a retry", () => {
  test("continues what failed, once for a key, and lists show it", async () => {
    const lifetime = await begin("flaky", 7);
    expect(await end(lifetime)).toMatchObject({ status: "FAILED", reason: { code: "node_failed" } });
    const listed = async (status: string) => {
      const { body } = await send("GET", `${TENANT}/lifetimes?graph=flaky&status=${status}`);
      return body.items.map((item: { lifetime: string }) => item.lifetime);
    };
    const id = lifetime.split("/").at(-1);
    expect(await listed("FAILED")).toEqual([id]);
    const [once, again] = [await retry(lifetime, "r1"), await retry(lifetime, "r1")];
    expect(once).toMatchObject({ status: 200 });
    expect(once.body).not.toHaveProperty("reason");
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    const ended = await end(lifetime);
    // The plan, two tasks, one of them twice, and the plan that they join in.
    expect(ended).toMatchObject({ status: "SUCCEEDED", steps: 5 });
    expect(ended.output[0].result).toEqual([7, 2]);
    expect([await listed("FAILED"), await listed("SUCCEEDED")]).toEqual([[], [id]]);
  });

  test("is refused while it runs, after it succeeded, and of nobody", async () => {
    const lifetime = await begin("approval");
    expect(await retry(lifetime)).toMatchObject({ status: 409, body: { code: "illegal_transition" } });
    await signal(lifetime, { name: "approve" });
    await end(lifetime);
    expect(await retry(lifetime)).toMatchObject({
      status: 409,
      body: { detail: expect.stringMatching(/cannot be retried: it is SUCCEEDED/) },
    });
    expect(await retry(`${TENANT}/lifetimes/nobody`)).toMatchObject({ status: 404 });
  });
});
