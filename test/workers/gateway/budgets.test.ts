// Without this, a budget could let one step too many through, lose count over a restart, or pause what nothing resumes.
import { abortAllDurableObjects } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { openGate, started } from "../../fixtures/gates.ts";
import { follow, streamOf } from "../event-stream.ts";
import { send } from "./client.ts";

vi.setConfig({ testTimeout: 120_000 });

/** A machine may be busy. */
const WHILE = { timeout: 60_000 };

let tenant = "";
let count = 0;
const path = (rest: string) => `/v1/tenants/${tenant}${rest}`;

const COST = 1_000;

/** A plan and a task that costs what it says that it will. */
const SPEND = `digraph spend {
  begin [type=plan kind=parallel]
  pay [type=task kind=spends micros=${COST} tokens=10 estimate_cost_usd_micros=${COST} estimate_tokens=10 estimate_time=0]
  begin -> pay
}`;

/** Goes round until somebody stops it. */
const LOOP = `digraph loop {
  begin [type=plan kind=parallel entry=true]
  again [type=task kind=spends tokens=10 estimate_tokens=10]
  begin -> again -> begin
}`;

const call = async (method: string, rest: string, json?: unknown) => {
  const { status, body } = await send(method, path(rest), json === undefined ? {} : { json });
  if (status >= 300) throw new Error(`${status} ${JSON.stringify(body)}`);
  return body;
};
const budget = (name: string, json: object) => call("PUT", `/budgets/${name}`, json);
const begin = async (graph: string) => call("POST", `/graphs/${graph}/lifetimes`, {});
const run = async (graph: string) => call("POST", `/graphs/${graph}/lifetimes?wait=60s`, {});
const view = (lifetime: string) => call("GET", `/lifetimes/${lifetime}`);
const ended = (lifetime: string) => call("GET", `/lifetimes/${lifetime}?wait=60s`);

beforeEach(async () => {
  tenant = `budgets-${Date.now()}-${count++}`;
  await call("PUT", "");
  for (const dot of [SPEND, LOOP]) await call("POST", "/graphs", { dot });
});

describe("a budget", () => {
  test("for 50 lets exactly 50 of 200 that start together succeed, and is spent to the last cent", async () => {
    await budget("money", { limits: { cost_usd_micros: 50 * COST } });
    const lifetimes = await Promise.all(Array.from({ length: 200 }, () => run("spend")));
    const of = (status: string) => lifetimes.filter((each) => each.status === status);
    expect(of("SUCCEEDED")).toHaveLength(50);
    expect(of("FAILED")).toHaveLength(150);
    expect(new Set(of("FAILED").map(({ reason }) => reason.code))).toEqual(new Set(["node_failed"]));
    expect(of("FAILED")[0].reason.detail).toMatch(/^pay: budget_rejected: budget money has no room for 1000/);
    const spent = await call("GET", "/budgets/money");
    expect(spent).toMatchObject({ spent: { cost_usd_micros: 50 * COST, tokens: 500 }, reserved: {} });
    expect(spent.runs_out_at).toEqual(expect.any(String));
    const rejected = await call("GET", "/executions?status=REJECTED&limit=1000");
    expect(rejected.items).toHaveLength(150);
  });

  test("goes on counting where an object that was killed had stopped", async () => {
    await budget("money", { limits: { cost_usd_micros: 2 * COST } });
    expect((await run("spend")).status).toBe("SUCCEEDED");
    await abortAllDurableObjects();
    expect((await run("spend")).status).toBe("SUCCEEDED");
    await abortAllDurableObjects();
    expect((await run("spend")).status).toBe("FAILED");
  });

  test("of lifetimes stops each that goes round for ever, and no other", async () => {
    await budget("each", { scope: "lifetime", limits: { tokens: 95 }, over: "abort" });
    const loops = await Promise.all([run("loop"), run("loop")]);
    for (const { status, reason } of loops) {
      expect({ status, code: reason.code }).toEqual({ status: "FAILED", code: "budget_aborted" });
      expect(reason.detail).toContain("of 95, 90 are spent");
    }
    expect((await run("spend")).status).toBe("SUCCEEDED");
  });

  test("that pauses lets go on when it is raised", async () => {
    await budget("calls", { limits: { calls: 1 }, over: "pause" });
    const { lifetime } = await begin("spend");
    await expect.poll(async () => (await view(lifetime)).status, WHILE).toBe("PAUSED");
    const paused = await view(lifetime);
    expect(paused.reason.code).toBe("budget_paused");
    expect(paused.paused).toMatchObject([{ scope: "budget" }]);
    await budget("calls", { limits: { calls: 2 }, over: "pause" });
    expect((await ended(lifetime)).status).toBe("SUCCEEDED");
    expect(await call("GET", "/budgets/calls")).toMatchObject({ spent: { calls: 2 }, reserved: {} });
  });

  test("that pauses lets go on when it is deleted, also after its object was killed meanwhile", async () => {
    await budget("calls", { limits: { calls: 1 }, over: "pause" });
    const { lifetime } = await begin("spend");
    await expect.poll(async () => (await view(lifetime)).status, WHILE).toBe("PAUSED");
    await abortAllDurableObjects();
    expect((await view(lifetime)).status).toBe("PAUSED");
    await call("DELETE", "/budgets/calls");
    expect((await ended(lifetime)).status).toBe("SUCCEEDED");
    expect(await call("GET", "/budgets")).toEqual({ items: [] });
  });

  test("keeps what is at work reserved, and charges all of it when it is canceled", async () => {
    const gate = `${tenant}-gate`;
    await call("POST", "/graphs", {
      dot: `digraph gated {
        begin [type=plan kind=parallel]
        work [type=task kind=gated gate="${gate}" estimate_tokens=70]
        begin -> work
      }`,
    });
    await budget("tokens", { scope: "graph", graph: "gated", limits: { tokens: 100 } });
    await budget("each", { scope: "lifetime", limits: { calls: 10 } });
    const { lifetime } = await begin("gated");
    await expect.poll(() => started.includes(`${lifetime}:2`), WHILE).toBe(true);
    expect(await call("GET", "/budgets/tokens")).toMatchObject({ spent: {}, reserved: { tokens: 70 } });
    expect((await view(lifetime)).budgets).toEqual([
      {
        budget: "each",
        spent: expect.objectContaining({ calls: 1 }),
        reserved: expect.objectContaining({ calls: 1 }),
      },
    ]);
    await call("POST", `/lifetimes/${lifetime}:cancel`, {});
    expect(await call("GET", "/budgets/tokens")).toMatchObject({ spent: { tokens: 70 }, reserved: {} });
    openGate(gate);
  });
});

test("whoever follows the tenant is told of each threshold once, and the metrics count them", async () => {
  const following = follow(await streamOf(env.TENANTS.getByName(`${tenant}/0`) as never, { after: 0 }));
  await budget("money", { limits: { cost_usd_micros: 5 * COST }, thresholds: [100, 40] });
  for (let i = 0; i < 5; i++) await run("spend");
  const seen = await following.until(({ data }) => data.percent === 100);
  await following.stop();
  expect(
    seen.filter(({ event }) => event.startsWith("budget")).map(({ event, data }) => ({ event, ...data })),
  ).toMatchObject([
    { event: "budget_set", budget: "money", limits: { cost_usd_micros: 5 * COST }, thresholds: [40, 100] },
    { event: "budget_threshold", budget: "money", measure: "cost_usd_micros", percent: 40, spent: 2 * COST },
    { event: "budget_threshold", percent: 100, spent: 5 * COST, limit: 5 * COST },
  ]);
  expect((await send("GET", path("/metrics"))).body).toMatch(/^escapement_budget_thresholds_total\S* 2$/m);
});

describe("costs", () => {
  const DIAMOND = `digraph diamond {
    begin [type=plan kind=parallel]
    { node [type=task kind=spends] left [micros=3 tokens=2]; right [micros=5] }
    join [type=plan kind=parallel]
    after [type=task kind=spends micros=1]
    begin -> {left right} -> join -> after
  }`;
  const sums = async (by: string) =>
    (await call("GET", `/costs?by=${by}&graph=diamond`)).items.map((item: Record<string, unknown>) =>
      [item.from, item.node, item.executions, item.tokens, item.cost_usd_micros]
        .filter((each) => each !== undefined)
        .join(" "),
    );

  test("are summed up by node and by edge, those that cost most first", async () => {
    await call("POST", "/graphs", { dot: DIAMOND });
    for (let i = 0; i < 2; i++) expect((await run("diamond")).status).toBe("SUCCEEDED");
    expect(await sums("node")).toEqual([
      "right 2 0 10",
      "left 2 4 6",
      "after 2 0 2",
      "begin 2 0 0",
      "join 2 0 0",
    ]);
    expect(await sums("edge")).toEqual([
      "begin right 2 0 10",
      "begin left 2 4 6",
      "join after 2 0 2",
      "$input begin 2 0 0",
      "left join 2 0 0",
      "right join 2 0 0",
    ]);
  });

  test("of what does not say what it used are as estimated, and marked", async () => {
    await budget("tokens", { limits: { tokens: 100 } });
    await call("POST", "/graphs", {
      dot: `digraph elsewhere {
        begin [type=plan kind=parallel]
        far [type=task kind=far executor=external estimate_tokens=40 estimate_cost_usd_micros=8]
        begin -> far
      }`,
    });
    const { lifetime } = await begin("elsewhere");
    const header = { name: "far", status: "EXECUTION_STATUS_SUCCEEDED", input_id: `${lifetime}:2` };
    await call("POST", "/topics/task-executions/records", { header });
    expect((await ended(lifetime)).status).toBe("SUCCEEDED");
    const { items } = await call("GET", `/executions?lifetime=${lifetime}&node=far`);
    expect(items).toMatchObject([{ estimated: { tokens: 40, cost_usd_micros: 8 } }]);
    expect(await call("GET", `/costs?lifetime=${lifetime}`)).toMatchObject({
      items: [
        { node: "far", tokens: 40, cost_usd_micros: 8, estimated: 1 },
        { node: "begin", estimated: 0 },
      ],
      truncated: false,
    });
    expect(await call("GET", "/budgets/tokens")).toMatchObject({ spent: { tokens: 40 }, reserved: {} });
  });
});

describe("a node", () => {
  test("is told what it may use where a budget limits it, and nothing where none does", async () => {
    await call("POST", "/graphs", {
      dot: `digraph told {
        begin [type=plan kind=parallel]
        say [type=task kind=allowance estimate_tokens=70 estimate_cost_usd_micros=9]
        begin -> say
      }`,
    });
    const told = async () => (await run("told")).output[0].result;
    expect(await told()).toEqual({});
    await budget("tokens", { limits: { tokens: 1_000, calls: 100 } });
    expect(await told()).toEqual({ tokens: 70 });
    await budget("money", { scope: "lifetime", limits: { cost_usd_micros: 1_000 } });
    expect(await told()).toEqual({ tokens: 70, costUsdMicros: 9 });
  });

  test("whose author has declared nothing is cut off by no guess", async () => {
    await call("POST", "/graphs", {
      dot: "digraph untold { begin [type=plan kind=parallel]; say [type=task kind=allowance]; begin -> say }",
    });
    await budget("all", { limits: { tokens: 100_000, cost_usd_micros: 1_000_000, wall_ms: 1_000_000 } });
    for (let runs = 0; runs < 9; runs++) expect((await run("untold")).output[0].result).toEqual({});
  });
});

describe("the routes of budgets", () => {
  test("set, change, show and delete", async () => {
    const created = await send("PUT", path("/budgets/day"), {
      json: { window: "day", limits: { calls: 5 } },
    });
    expect(created.status).toBe(201);
    expect(created.body).toEqual({
      budget: "day",
      scope: "tenant",
      window: "day",
      limits: { calls: 5 },
      over: "reject",
      thresholds: [50, 80, 100],
      created_at: expect.any(String),
      spent: {},
      reserved: {},
      window_ends_at: expect.stringMatching(/T00:00:00.000Z$/),
    });
    await run("spend");
    const changed = await send("PUT", path("/budgets/day"), {
      json: { window: "day", limits: { calls: 9 }, over: "abort", thresholds: [90] },
    });
    expect(changed.status).toBe(200);
    expect(changed.body).toMatchObject({ over: "abort", spent: { calls: 2 }, limits: { calls: 9 } });
    const anew = await budget("day", { window: "hour", limits: { calls: 9 } });
    expect(anew).toMatchObject({ window: "hour", spent: {} });
    await call("DELETE", "/budgets/day");
    expect((await send("GET", path("/budgets/day"))).body.code).toBe("budget_not_found");
    expect((await send("DELETE", path("/budgets/day"))).status).toBe(404);
  });

  test.each([
    [{}, "limits"],
    [{ limits: {} }, "limits"],
    [{ limits: { tokens: -1 } }, "limits.tokens"],
    [{ limits: { tokens: 1.5 } }, "limits.tokens"],
    [{ limits: { calls: 1 }, scope: "graph" }, "graph"],
    [{ limits: { calls: 1 }, scope: "node", graph: "spend" }, "node"],
    [{ limits: { calls: 1 }, graph: "spend" }, "graph"],
    [{ limits: { calls: 1 }, scope: "lifetime", window: "day" }, "window"],
    [{ limits: { calls: 1 }, over: "ignore" }, "over"],
    [{ limits: { calls: 1 }, thresholds: [0] }, "thresholds"],
  ])("refuse %j, and say that %s is wrong", async (json, field) => {
    const { status, body } = await send("PUT", path("/budgets/bad"), { json });
    expect({ status, code: body.code }).toEqual({ status: 400, code: "invalid_request" });
    expect(body.fields.map(({ path }: { path: string }) => path).join()).toContain(field);
  });
});
