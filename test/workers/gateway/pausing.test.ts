// Without this, a pause could let something through, forget it over a restart, or leave a lifetime held for ever.
import { abortAllDurableObjects } from "cloudflare:test";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { openGate, started } from "../../fixtures/gates.ts";
import { ECHO, send } from "./client.ts";

vi.setConfig({ testTimeout: 120_000 });

/** A machine may be busy. */
const WHILE = { timeout: 60_000 };

let tenant = "";
let count = 0;
const path = (rest: string) => `/v1/tenants/${tenant}${rest}`;

/** A task that waits for a gate, and another plan and task after it. */
const gated = (gate: string) => `digraph gated {
  begin [type=plan kind=parallel]; then [type=plan kind=parallel]
  node [type=task] work [kind=gated gate="${gate}"] after [kind=transform expression="'done'"]
  begin -> work -> then -> after
}`;

const post = async (rest: string, json?: unknown) => {
  const { status, body } = await send("POST", path(rest), json === undefined ? {} : { json });
  if (status >= 300) throw new Error(`${status} ${JSON.stringify(body)}`);
  return body;
};
const get = async (rest: string) => (await send("GET", path(rest))).body;
const begin = async (graph = "gated"): Promise<string> =>
  (await post(`/graphs/${graph}/lifetimes`, {})).lifetime;
const end = (lifetime: string) => get(`/lifetimes/${lifetime}?wait=30s`);
const statuses = async (): Promise<string[]> =>
  (await get("/lifetimes?limit=1000")).items.map(({ status }: { status: string }) => status);
const atWork = (lifetime: string) => expect.poll(() => started.includes(`${lifetime}:2`), WHILE).toBe(true);
const executions = async (lifetime: string): Promise<string[]> =>
  (await get(`/lifetimes/${lifetime}/timeline`)).items.map(({ node }: { node: string }) => node);

const GATE = () => `${tenant}-gate`;

beforeEach(async () => {
  tenant = `pausing-${Date.now()}-${count++}`;
  await send("PUT", path(""));
  for (const dot of [ECHO, gated(GATE())]) await post("/graphs", { dot });
});

describe("a lifetime that is paused", () => {
  test("lets what is at work end, runs nothing after it, and goes on when it is resumed", async () => {
    const lifetime = await begin();
    await atWork(lifetime);
    const paused = await post(`/lifetimes/${lifetime}:pause`, { reason: "look at it" });
    expect(paused).toMatchObject({
      status: "PAUSED",
      reason: { code: "lifetime_paused", detail: "look at it", since: expect.any(String) },
      paused: [{ scope: "lifetime", reason: "look at it", since: expect.any(String) }],
    });
    openGate(GATE());
    await expect.poll(() => executions(lifetime), WHILE).toEqual(["begin", "work"]);
    expect(await get("/lifetimes?status=PAUSED")).toMatchObject({
      items: [{ lifetime, reason: { code: "lifetime_paused", detail: "look at it" } }],
    });
    expect(await post(`/lifetimes/${lifetime}:resume`)).not.toHaveProperty("paused");
    expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED", steps: 4 });
    expect(await executions(lifetime)).toEqual(["begin", "work", "then", "after"]);
    expect(await get("/lifetimes?status=PAUSED")).toMatchObject({ items: [] });
  });

  test("keeps its first reason, and says who paused it where there is none", async () => {
    const lifetime = await begin();
    const { reason } = await post(`/lifetimes/${lifetime}:pause`);
    expect(reason.detail).toBe("paused with key admin");
    expect((await post(`/lifetimes/${lifetime}:pause`, { reason: "again" })).reason).toEqual(reason);
    expect((await post(`/lifetimes/${lifetime}:resume`)).status).toBe("RUNNING");
    expect((await post(`/lifetimes/${lifetime}:resume`)).status).toBe("RUNNING");
  });

  test("can be canceled", async () => {
    const lifetime = await begin();
    await post(`/lifetimes/${lifetime}:pause`);
    expect(await post(`/lifetimes/${lifetime}:cancel`)).toMatchObject({ status: "CANCELED" });
    expect(await statuses()).toEqual(["CANCELED"]);
  });

  test("and has ended can be neither paused nor resumed", async () => {
    const { lifetime } = await post("/graphs/echo/lifetimes?wait=10s", {});
    for (const verb of ["pause", "resume"]) {
      const { body } = await send("POST", path(`/lifetimes/${lifetime}:${verb}`));
      expect(body).toMatchObject({ status: 409, code: "illegal_transition" });
      expect(body.detail).toBe(`lifetime ${lifetime} is SUCCEEDED; it cannot be ${verb}d any more`);
    }
  });
});

describe("a graph that is paused", () => {
  test("holds its lifetimes and no others, and all of its versions say so", async () => {
    const held = await begin();
    await atWork(held);
    const { items } = await post("/graphs/gated:pause", { reason: "a bad release" });
    expect(items).toMatchObject([{ version: 1, paused: { reason: "a bad release" } }]);
    expect((await get("/graphs")).items).toMatchObject([
      { graph: "echo" },
      { graph: "gated", paused: { reason: "a bad release" } },
    ]);
    expect((await get("/graphs")).items[0]).not.toHaveProperty("paused");
    const { lifetime: free } = await post("/graphs/echo/lifetimes", {});
    expect(await end(free)).toMatchObject({ status: "SUCCEEDED" });
    expect(await get(`/lifetimes/${held}`)).toMatchObject({
      status: "PAUSED",
      paused: [{ scope: "graph", reason: "a bad release" }],
    });
    openGate(GATE());
    const { items: resumed } = await post("/graphs/gated:resume");
    expect(resumed[0]).not.toHaveProperty("paused");
    expect(await end(held)).toMatchObject({ status: "SUCCEEDED" });
  });

  test("has to be one that there is", async () => {
    for (const verb of ["pause", "resume"])
      expect((await send("POST", path(`/graphs/nothing:${verb}`))).body.code).toBe("graph_not_found");
  });
});

describe("a tenant that is paused", () => {
  test("holds 100 running lifetimes, and lets all of them go on", async () => {
    const begun = await Promise.all(Array.from({ length: 100 }, () => begin()));
    await expect.poll(() => begun.every((id) => started.includes(`${id}:2`)), WHILE).toBe(true);
    const { paused } = await post(":pause", { reason: "an incident" });
    expect(paused).toEqual({ reason: "an incident", by: "admin", since: expect.any(String) });
    expect(await get("")).toMatchObject({ status: "ACTIVE", paused });
    expect(new Set(await statuses())).toEqual(new Set(["PAUSED"]));
    openGate(GATE());
    const worked = async () => (await get("/executions?node=work&limit=1000")).items.length;
    await expect.poll(worked, WHILE).toBe(begun.length);
    expect((await get("/executions?node=then")).items).toEqual([]);
    expect(await post(":resume")).not.toHaveProperty("paused");
    for (const id of begun) expect(await end(id)).toMatchObject({ status: "SUCCEEDED", steps: 4 });
  });

  test("is not paused when it is deleted and provisioned anew", async () => {
    await post(":pause");
    const gone = async () => (await send("DELETE", path(""))).status;
    await expect.poll(gone, WHILE).toBe(204);
    await send("PUT", path(""));
    expect(await get("")).not.toHaveProperty("paused");
    await post("/graphs", { dot: ECHO });
    expect(await post("/graphs/echo/lifetimes?wait=30s", {})).toMatchObject({ status: "SUCCEEDED" });
  });

  test("lets a lifetime start that runs nothing until it is resumed", async () => {
    await post(":pause");
    const started = await send("POST", path("/graphs/echo/lifetimes"), { json: { input: 7 } });
    expect(started).toMatchObject({ status: 202, body: { status: "PAUSED", steps: 0 } });
    const { lifetime } = started.body;
    expect(await get("/topics/plan-inputs/records")).toMatchObject({ records: [] });
    expect(await get("/lifetimes?status=PAUSED")).toMatchObject({ items: [{ lifetime }] });
    await post(":resume");
    expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED", output: [{ result: 7 }] });
  });

  test("is still paused after a restart, and a lifetime waits for the last of its pauses", async () => {
    const [own, other] = [await begin(), await begin()];
    await Promise.all([atWork(own), atWork(other)]);
    await post(":pause");
    await post("/graphs/gated:pause");
    await post(`/lifetimes/${own}:pause`);
    await abortAllDurableObjects();
    openGate(GATE());
    await expect.poll(() => executions(own), WHILE).toEqual(["begin", "work"]);
    const scopes = async (id: string) =>
      (await get(`/lifetimes/${id}`)).paused?.map(({ scope }: { scope: string }) => scope);
    expect(await scopes(own)).toEqual(["lifetime", "graph", "tenant"]);
    expect(await scopes(other)).toEqual(["graph", "tenant"]);
    await post(":resume");
    await post("/graphs/gated:resume");
    expect(await end(other)).toMatchObject({ status: "SUCCEEDED" });
    expect(await scopes(own)).toEqual(["lifetime"]);
    await post(`/lifetimes/${own}:resume`);
    expect(await end(own)).toMatchObject({ status: "SUCCEEDED" });
  });
});

describe("the switch that holds a whole tenant", () => {
  test("says who has thrown it and why, over a restart, and asks policies of what it has held", async () => {
    const lifetime = await begin();
    await atWork(lifetime);
    const thrown = await send("POST", path(":pause"), { key: "operator-key", json: { reason: "it spends" } });
    const paused = { reason: "it spends", by: "operator", since: expect.any(String) };
    expect(thrown).toMatchObject({ status: 200, body: { paused } });
    openGate(GATE());
    await expect.poll(() => executions(lifetime), WHILE).toEqual(["begin", "work"]);
    await abortAllDurableObjects();
    expect(await get("")).toMatchObject({ paused });
    const later = await begin("echo");
    for (const each of [lifetime, later])
      expect(await get(`/lifetimes/${each}`)).toMatchObject({
        status: "PAUSED",
        paused: [{ scope: "tenant", ...paused }],
      });
    const refusing = {
      name: "no-more",
      scope: { graph: "gated", node: "then" },
      on: "plan_input",
      action: "REJECT_EXECUTION",
      message: "enough is spent",
    };
    expect((await send("PUT", path("/policies/no-more"), { json: refusing })).status).toBe(201);
    await post(":resume");
    expect(await end(lifetime)).toMatchObject({
      status: "FAILED",
      reason: { detail: expect.stringMatching(/policy_rejected: no-more: enough is spent/) },
    });
    expect(await end(later)).toMatchObject({ status: "SUCCEEDED" });
  });
});
