// Without these, whoever follows events could miss some, see some twice or another's, or never see the end.
import { exports } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { STREAM_READERS_MAX } from "../../../src/limits.ts";
import { openGate } from "../../fixtures/gates.ts";
import { follow, named, type Seen } from "../event-stream.ts";
import { ECHO, ORIGIN, send } from "./client.ts";

const TENANT = "/v1/tenants/events";

/** A plan, and a task that waits and says how far it is. */
const GATED = `digraph gated {
  begin [type="plan", kind="parallel"]
  work [type="task", kind="reporting", gate="events", last="events-last"]
  begin -> work
}`;

/** Fails where it is tried for the first time. */
const FLAKY = `digraph flaky {
  begin [type="plan", kind="parallel"]
  work [type="task", kind="flaky"]
  begin -> work
}`;

const open = async (path: string, headers: Record<string, string> = {}) => {
  const init = { headers: { authorization: "Bearer reader-key", ...headers } };
  const response = await exports.default.fetch(new Request(`${ORIGIN}${path}`, init));
  if (!response.body || response.headers.get("content-type") !== "text/event-stream")
    throw new Error(`${response.status} ${await response.text()}`);
  return follow(response.body);
};

const start = async (graph: string, tenant = TENANT): Promise<string> =>
  (await send("POST", `${tenant}/graphs/${graph}/lifetimes`, { json: { input: { n: 1 } } })).body.lifetime;

const echoed = async (tenant = TENANT): Promise<string> =>
  (await send("POST", `${tenant}/graphs/echo/lifetimes?wait=10s`, { json: {} })).body.lifetime;

const idsOf = (events: readonly Seen[]) => events.map(({ id }) => Number(id));

const ECHO_EVENTS = [
  "lifetime_started",
  "input_issued",
  "plan_execution",
  "input_issued",
  "task_execution",
  "lifetime_ended",
];

beforeAll(async () => {
  for (const tenant of [TENANT, "/v1/tenants/bound"]) {
    expect((await send("PUT", tenant)).status).toBe(201);
    for (const dot of [ECHO, GATED, FLAKY]) await send("POST", `${tenant}/graphs`, { json: { dot } });
  }
});

describe("a lifetime's events", () => {
  test("are told from its start to its end, in the order of the log, and then the stream ends", async () => {
    const lifetime = await start("echo");
    const events = await (await open(`${TENANT}/lifetimes/${lifetime}/events`)).rest();
    expect(events.map(({ event }) => event)).toEqual(ECHO_EVENTS);
    expect(idsOf(events)).toEqual(idsOf(events).toSorted((a, b) => a - b));
    expect(events.map(({ data }) => data.lifetime)).toEqual(events.map(() => lifetime));
    const [began, planned, decided, issued, did, ended] = events;
    expect(began?.data).toMatchObject({ graph: "echo", graph_version: 1, labels: {} });
    expect(planned?.data).toMatchObject({ kind: "plan", node: "begin", carries: [Number(began?.id)] });
    expect(issued?.data).toMatchObject({ kind: "task", node: "echo", carries: [Number(decided?.id)] });
    expect(ended?.data).toMatchObject({ status: "SUCCEEDED", steps: 2, outcomes: [Number(did?.id)] });
    const { body } = await send("GET", `${TENANT}/executions/${did?.data.exec_id}`);
    const { message: _, message_base64: __, ...listed } = body;
    expect(did?.data).toEqual(listed);
  });

  test("are told the same live as when all of it is over", async () => {
    const lifetime = await start("gated");
    const live = await open(`${TENANT}/lifetimes/${lifetime}/events`);
    const before = await live.until(({ data }) => data.node === "work");
    openGate("events");
    const [report, ...more] = await live.until(named("progress"));
    expect(more).toEqual([]);
    const { input_id, attempt } = before.at(-1)?.data ?? {};
    expect(report).toEqual({
      event: "progress",
      data: { lifetime, node: "work", input_id, attempt, progress: { pages: 3 } },
    });
    openGate("events-last");
    const after = await live.rest();
    expect(after.at(-1)).toMatchObject({ event: "lifetime_ended", data: { status: "SUCCEEDED" } });
    const over = await open(`${TENANT}/lifetimes/${lifetime}/events`);
    expect(await over.rest()).toEqual([...before, ...after]);
  });

  test("go on after each of them without a gap or a double, by header or by parameter", async () => {
    const path = `${TENANT}/lifetimes/${await echoed()}/events`;
    const all = await (await open(path)).rest();
    for (const [i, { id = "" }] of all.slice(0, -1).entries()) {
      const rest = all.slice(i + 1);
      expect(await (await open(path, { "last-event-id": id })).rest()).toEqual(rest);
      expect(await (await open(`${path}?after=${id}`)).rest()).toEqual(rest);
      // An EventSource asks for its first address again, with what it has seen since.
      expect(await (await open(`${path}?after=0`, { "last-event-id": id })).rest()).toEqual(rest);
    }
    const { status, body } = await send("GET", `${path}?after=${all.at(-1)?.id}`);
    expect({ status, body }).toEqual({ status: 204, body: "" });
  });

  test("go on where it is retried after its end", async () => {
    const { body } = await send("POST", `${TENANT}/graphs/flaky/lifetimes?wait=10s`, { json: {} });
    expect(body.status).toBe("FAILED");
    const path = `${TENANT}/lifetimes/${body.lifetime}`;
    const failed = await (await open(`${path}/events`)).rest();
    await send("POST", `${path}:retry`, { json: {} });
    await send("GET", `${path}?wait=10s`);
    const all = await (await open(`${path}/events`)).rest();
    expect(all.slice(0, failed.length)).toEqual(failed);
    expect(all.filter(named("lifetime_ended")).map(({ data }) => data.status)).toEqual([
      "FAILED",
      "SUCCEEDED",
    ]);
    const rest = all.slice(failed.length);
    expect(rest[0]).toMatchObject({ event: "lifetime_retried" });
    expect(await (await open(`${path}/events?after=${failed.at(-1)?.id}`)).rest()).toEqual(rest);
  });

  test("are its own, however many others there are and whatever they are named", async () => {
    const lifetimes = await Promise.all(Array.from({ length: 20 }, () => start("echo")));
    const streams = await Promise.all(lifetimes.map((id) => open(`${TENANT}/lifetimes/${id}/events`)));
    for (const [i, stream] of streams.entries()) {
      const events = await stream.rest();
      expect(events.map(({ event }) => event)).toEqual(ECHO_EVENTS);
      expect(new Set(events.map(({ data }) => data.lifetime))).toEqual(new Set([lifetimes[i]]));
    }
    // One that speaks of another in its labels is not the other.
    const [spoken = ""] = lifetimes;
    const json = { labels: { of: spoken }, input: spoken };
    await send("POST", `${TENANT}/graphs/echo/lifetimes?wait=10s`, { json });
    const events = await (await open(`${TENANT}/lifetimes/${spoken}/events`)).rest();
    expect(events).toHaveLength(ECHO_EVENTS.length);
  });
});

describe("a tenant's events", () => {
  test("are told from the beginning on, and go on with what happens then", async () => {
    const stream = await open(`${TENANT}/events?after=0`);
    const [registered] = await stream.until(named("graph_registered"));
    expect(registered?.data).toMatchObject({ graph: "echo", version: 1, status: "ACTIVE" });
    const lifetime = await start("echo");
    const isEnd = (seen: Seen) => seen.event === "lifetime_ended" && seen.data.lifetime === lifetime;
    const events = await stream.until(isEnd);
    expect(events.filter(({ data }) => data.lifetime === lifetime).map(({ event }) => event)).toEqual(
      ECHO_EVENTS,
    );
    // Nothing of the log is left out.
    expect(idsOf(events)).toEqual(idsOf(events).map((_, i) => Number(registered?.id) + 1 + i));
  });

  test("are told from now on where nobody says from where", async () => {
    await echoed();
    const stream = await open(`${TENANT}/events`);
    const lifetime = await start("echo");
    const [first] = await stream.until(() => true);
    expect(first).toMatchObject({ event: "lifetime_started", data: { lifetime } });
  });

  test("are the same for ten readers, and those of one tenant alone", async () => {
    const streams = await Promise.all(Array.from({ length: 10 }, () => open(`${TENANT}/events`)));
    const [elsewhere, ...own] = await Promise.all([
      start("echo", "/v1/tenants/bound"),
      ...Array.from({ length: 5 }, () => echoed()),
    ]);
    await echoed("/v1/tenants/bound");
    const last = await echoed();
    const isEnd = (seen: Seen) => seen.event === "lifetime_ended" && seen.data.lifetime === last;
    const [first, ...others] = await Promise.all(streams.map((stream) => stream.until(isEnd)));
    expect(new Set(first?.map(({ data }) => data.lifetime))).toEqual(new Set([...own, last]));
    expect(JSON.stringify(first)).not.toContain(elsewhere);
    for (const other of others) expect(other).toEqual(first);
  });

  test("can be followed after any of them", async () => {
    const stream = await open(`${TENANT}/events?after=0`);
    await echoed();
    const last = await echoed();
    const isEnd = (seen: Seen) => seen.event === "lifetime_ended" && seen.data.lifetime === last;
    const all = await stream.until(isEnd);
    for (let i = 0; i < all.length - 1; i += 7) {
      const resumed = await open(`${TENANT}/events`, { "last-event-id": all[i]?.id ?? "" });
      expect(await resumed.until(isEnd)).toEqual(all.slice(i + 1));
    }
  });
});

test.each([
  [`${TENANT}/lifetimes/nothing/events`, 404, "lifetime_not_found"],
  ["/v1/tenants/nobody/events", 404, "tenant_not_found"],
  [`${TENANT}/events?after=x`, 400, "invalid_request"],
  [`${TENANT}/events?after=999999`, 400, "cursor_invalid"],
])("%s answers %i %s", async (path, status, code) => {
  const answer = await send("GET", path);
  expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
});

test("a key for one tenant follows no other", async () => {
  expect((await send("GET", `${TENANT}/events`, { key: "bound-key" })).status).toBe(403);
});

test("over the bound of readers one is told to come back", async () => {
  const tenant = "/v1/tenants/crowded";
  await send("PUT", tenant);
  const all = await Promise.all(Array.from({ length: STREAM_READERS_MAX }, () => open(`${tenant}/events`)));
  expect((await send("GET", `${tenant}/counters`)).body.stream_readers).toBe(STREAM_READERS_MAX);
  const refused = await send("GET", `${tenant}/events`);
  expect(refused).toMatchObject({ status: 429, body: { code: "too_many_readers" } });
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  await Promise.all(all.map((each) => each.stop()));
});
