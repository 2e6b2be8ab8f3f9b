// Without this, an object could fill up until nothing can be written, not even what would make room.
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import { TRIM_EVERY_MS } from "../../../src/limits.ts";
import { app } from "../../../workers/gateway/app.ts";
import { openGate, started } from "../../fixtures/gates.ts";
import { clockAhead, ECHO, freshName, inOwnTenant, withTask } from "./client.ts";

const full = { ok: false, error: { code: "storage_full", retryAfterMs: expect.any(Number) } };
const fine = { ok: true };
const THROWS = withTask("throws", "throws");
const WAITS = withTask("waits", "wait", { signal: "go" });

describe("an object that is so full", () => {
  test.for([
    [0.4, undefined, fine, fine],
    [0.6, "storage_half_full", fine, fine],
    [0.85, "storage_starts_refused", full, fine],
    [0.95, "storage_routing_held", full, full],
  ] as const)("%d says so, and refuses what it has no room for", ([share, event, starts, arrives]) =>
    inOwnTenant({}, [ECHO, THROWS, WAITS], async ({ state, start, begin, again }) => {
      const [failed, waiting] = [await start("throws"), await begin("waits")];
      const said = vi.spyOn(console, "error");
      const { object, tryStart } = again({
        limits: { storageBytesMax: state.storage.sql.databaseSize / share },
      });
      const events = said.mock.calls.map(([line]) => JSON.parse(String(line)).event);
      said.mockRestore();
      expect(events.filter((each) => each.startsWith("storage"))).toEqual(event ? [event] : []);
      expect(await tryStart("echo")).toMatchObject(starts);
      expect(await object.produce("task-executions", new Uint8Array([0xff]))).toMatchObject(arrives);
      expect(await object.retry({ lifetime: failed.lifetime, detail: "" })).toMatchObject(starts);
      const signal = { lifetime: waiting.lifetime, name: "go", value: new Uint8Array(), by: "test" };
      expect(await object.signal(signal)).toMatchObject(arrives);
      expect(await object.setGraphStatus({ graph: "echo", status: "ARCHIVED" })).toMatchObject(fine);
    }),
  );
});

const STORAGE_BYTES = 10_000_000;
const LARGE = `INSERT INTO dead_letters (at, reason, detail, topic, message)
  VALUES (0, 'internal', '', '', zeroblob(${STORAGE_BYTES / 10}))`;

test("what is out is recorded while routing is held, and what follows is sent once there is room", () => {
  const gate = freshName("gate");
  const relay = `digraph relay {
    node [type=plan kind=parallel] first; second
    node [type=task] work [kind=gated gate="${gate}"] after [kind=transform expression="input"]
    first -> work -> second -> after
  }`;
  const clock = clockAhead();
  const limits = { storageBytesMax: STORAGE_BYTES };
  return inOwnTenant({ limits, now: clock.now }, [ECHO, relay], async (own) => {
    const { lifetime } = await own.begin("relay");
    await expect.poll(() => started.includes(`${lifetime}:2`)).toBe(true);
    for (let n = 0; n < 9; n++) own.state.storage.sql.exec(LARGE);
    const atOnce = { waitMs: 0 };
    while ((await own.tryStart("echo", null, atOnce)).ok);
    expect(await own.tryStart("echo", null, atOnce)).toMatchObject(full);

    openGate(gate);
    await expect.poll(async () => (await own.read("task-inputs")).map(({ key }) => key)).toContain("after");
    const answers = await own.read("task-executions");
    // Longer than the lease of what waits, and time to look for what can be trimmed.
    clock.at += TRIM_EVERY_MS;
    expect((await own.read("task-executions")).length).toBe(answers.length);
    expect(await own.view(lifetime)).toMatchObject({ status: "RUNNING" });
    do await own.object.wake();
    while ((await own.counters()).storage_bytes > STORAGE_BYTES / 2);
    expect(await own.end(lifetime)).toMatchObject({ status: "SUCCEEDED", steps: 4 });
    expect(await own.tryStart("echo")).toMatchObject(fine);
  });
});

test("what has been started once is answered for its key, also where nothing starts", () =>
  inOwnTenant({}, [THROWS], async ({ state, begin, again }) => {
    const idempotency = { key: "k", bodyHash: "a" };
    const { lifetime } = await begin("throws", { idempotency });
    const { tryStart } = again({ limits: { storageBytesMax: state.storage.sql.databaseSize } });
    expect(await tryStart("throws", null, { idempotency, waitMs: 0 })).toMatchObject({
      value: { lifetime: { lifetime } },
    });
    expect(await tryStart("throws")).toMatchObject(full);
  }));

test.for([
  ["storage_full", (bytes: number) => ({ storageBytesMax: bytes / 0.85 })],
  ["data_plane_behind", () => ({ backlogBytesMax: 0 })],
] as const)("a start that is refused as %s answers 503 over HTTP, and when to try again", ([code, limits]) =>
  inOwnTenant({}, [ECHO], async ({ tenant, state, again }) => {
    const { object } = again({ limits: limits(state.storage.sql.databaseSize) });
    const request = new Request(`http://gateway/v1/tenants/${tenant}/graphs/echo/lifetimes`, {
      method: "POST",
      headers: { authorization: "Bearer admin-key", "content-type": "application/json" },
      body: "{}",
    });
    // The real gateway and the real object, which this test has made with less room.
    const reached = { ...env, TENANTS: { getByName: () => object } } as unknown as Env;
    const response = await app.fetch(request, reached, createExecutionContext());
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "60"]);
    expect(await response.json()).toMatchObject({ code });
  }),
);
