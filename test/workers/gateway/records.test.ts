// Without these an export loses or repeats rows, shows those of another tenant, or reads on for nobody.
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { Projection } from "../../../workers/data-plane/projection.ts";
import { app } from "../../../workers/gateway/app.ts";
import { logOf, plan, started, task } from "../../core/data-plane/records.ts";
import { faultyD1 } from "../../fixtures/faulty-d1.ts";
import { ORIGIN, send } from "./client.ts";

const TENANT = "/v1/tenants/records";
const COUNT = 3_000;
const LIFETIMES = 600;

type Item = Record<string, unknown>;

const LOG = logOf([
  ...Array.from({ length: LIFETIMES }, (_, n) => started(`L${n}`, "essay", { n: String(n % 2) })),
  ...Array.from({ length: COUNT }, (_, n) => {
    const head = { inputId: `L${n % LIFETIMES}:${n}`, lifetimeId: `L${n % LIFETIMES}` };
    return n % 3 ? task(head) : plan(head);
  }),
]);

const provisioned = async (tenant: string) => {
  await send("PUT", `/v1/tenants/${tenant}`);
  const projection = new Projection(env.DB);
  const address = { tenant, partition: 0, generation: 1 };
  for (let after = 0; after < LOG.length; after += 1_000)
    await projection.flush(address, LOG.slice(after, after + 1_000), {
      after,
      upTo: Math.min(after + 1_000, LOG.length),
    });
};

beforeAll(async () => {
  for (const tenant of ["records", "neighbour"]) await provisioned(tenant);
});

const askedLines = (path: string, on: Env = env as unknown as Env, tenant = TENANT) =>
  app.fetch(
    new Request(`${ORIGIN}${tenant}/${path}`, {
      headers: { authorization: "Bearer reader-key", accept: "application/x-ndjson" },
    }),
    on,
    createExecutionContext(),
  );

const linesOf = async (path: string, on?: Env): Promise<Item[]> => {
  const response = await askedLines(path, on);
  expect(response.headers.get("content-type")).toBe("application/x-ndjson");
  // Its text() warns of what is no text by its type.
  const text = new TextDecoder().decode(await response.arrayBuffer());
  expect(text === "" || text.endsWith("\n")).toBe(true);
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
};

const paged = async (path: string): Promise<Item[]> => {
  const items: Item[] = [];
  for (let cursor = ""; ; ) {
    const { body } = await send("GET", `${TENANT}/${path}limit=1000${cursor}`);
    items.push(...body.items);
    if (body.next_cursor === undefined) return items;
    cursor = `&cursor=${body.next_cursor}`;
  }
};

test.each([
  ["executions?", COUNT],
  ["executions?kind=plan&status=SUCCEEDED&status=FAILED&", COUNT / 3],
  ["executions?lifetime=L7&", COUNT / LIFETIMES],
  ["executions?label=n:1&", COUNT / 2],
  ["executions?node=nobody&", 0],
  ["lifetimes?", LIFETIMES],
  ["lifetimes?label=n:0&", LIFETIMES / 2],
])("the lines of %s are what its pages have", async (path, count) => {
  const lines = await linesOf(path);
  expect(lines).toHaveLength(count);
  expect(lines).toEqual(await paged(path));
});

test("lines end at a limit with the cursor to go on from", async () => {
  const all = await linesOf("lifetimes?");
  const first = await linesOf("lifetimes?limit=7");
  const { next_cursor } = first.pop() as { next_cursor: string };
  expect(first).toEqual(all.slice(0, 7));
  expect(await linesOf(`lifetimes?cursor=${next_cursor}`)).toEqual(all.slice(7));
});

test("where the database fails in the middle, the last line says so and where to go on", async () => {
  const { faults, db } = faultyD1(env.DB);
  const response = await askedLines("executions?", { ...env, DB: db } as unknown as Env);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader.read()).value ?? "";
  faults.down = true;
  for (let read = await reader.read(); !read.done; read = await reader.read()) text += read.value;
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const { error } = lines.pop();
  expect(error).toMatchObject({ code: "unavailable", detail: expect.stringMatching(/./) });
  const rest = await linesOf(`executions?cursor=${error.cursor}`);
  expect([...lines, ...rest]).toEqual(await linesOf("executions?"));
});

test.each([false, true])(
  "where the tenant is deleted meanwhile, the last line says so: %j",
  async (again) => {
    const tenant = `/v1/tenants/leaving-${again}`;
    await provisioned(`leaving-${again}`);
    const reader = (await askedLines("executions?", undefined, tenant)).body!.getReader();
    let last = (await reader.read()).value;
    expect((await send("DELETE", tenant)).status).toBeLessThan(300);
    if (again) await send("PUT", tenant);
    for (let read = await reader.read(); !read.done; read = await reader.read()) last = read.value;
    const { error } = JSON.parse(new TextDecoder().decode(last));
    expect(error).toEqual({ code: "tenant_not_found", detail: expect.stringMatching(/not all of it/) });
  },
);

test("what is wrong from the beginning is a problem", async () => {
  const { faults, db } = faultyD1(env.DB);
  faults.down = true;
  const away = await askedLines("executions?", { ...env, DB: db } as unknown as Env);
  expect(away.status).toBe(503);
  const refused = await askedLines("executions?cursor=nothing");
  expect(await refused.json()).toMatchObject({ code: "cursor_invalid" });
});

test("nothing is read for a caller who has gone away", async () => {
  const { faults, db } = faultyD1(env.DB);
  const response = await askedLines("executions?", { ...env, DB: db } as unknown as Env);
  const reader = response.body!.getReader();
  await reader.read();
  expect(faults.batches).toBe(1);
  await reader.cancel();
  expect(await reader.read()).toMatchObject({ done: true });
  expect(faults.batches).toBe(1);
});

test("JSON is answered to those who do not ask for lines", async () => {
  for (const accept of ["*/*", "application/json", "application/json, application/x-ndjson;q=0.5"]) {
    const { body } = await send("GET", `${TENANT}/lifetimes?limit=1`, { headers: { accept } });
    expect(body.items).toHaveLength(1);
  }
});

const DIAMOND = `digraph diamond {
  begin [type="plan", kind="parallel"]
  left [type="task", kind="transform", expression="input"]
  right [type="task", kind="transform", expression="input"]
  meet [type="plan", kind="parallel"]
  finish [type="task", kind="transform", expression="1"]
  begin -> left
  begin -> right
  left -> meet
  right -> meet
  meet -> finish
}`;

test("ancestors and descendants are told of what was just acknowledged", async () => {
  const diamond = "/v1/tenants/diamond";
  await send("PUT", diamond);
  await send("POST", `${diamond}/graphs`, { json: { dot: DIAMOND } });
  const start = `${diamond}/graphs/diamond/lifetimes?wait=30s`;
  for (let n = 0; n < 2; n++)
    expect((await send("POST", start, { json: {} })).body).toMatchObject({ status: "SUCCEEDED" });
  const { items } = (await send("GET", `${diamond}/executions?limit=5`)).body;
  const idOf = (node: string) => items.find((each: Item) => each.node === node).exec_id;
  const line = async (node: string, path: string) => {
    const { body } = await send("GET", `${diamond}/executions/${idOf(node)}/${path}`);
    return { ...body, items: body.items.map((each: Item) => each.node) };
  };
  const [one, other] = items.slice(2, 4).map((each: Item) => each.node);
  expect(await line("finish", "ancestors")).toEqual({ items: ["meet", one, other, "begin"] });
  expect(await line("begin", "descendants")).toEqual({ items: [other, one, "meet", "finish"] });
  expect(await line("left", "ancestors")).toEqual({ items: ["begin"] });
  expect(await line("right", "descendants")).toEqual({ items: ["meet", "finish"] });
  expect(await line("finish", "ancestors?limit=2")).toEqual({ items: ["meet", one], truncated: true });
  const { body } = await send("GET", `${diamond}/executions/nobody/ancestors`);
  expect(body).toMatchObject({ status: 404, code: "execution_not_found" });
});

test.each([
  ["status=DONE", "status"],
  ["status=FAILED&status=DONE", "status"],
  ["attempt=0", "attempt"],
  ["attempt=one", "attempt"],
  ["label=n", "label"],
  [Array(33).fill("label=n:1").join("&"), "label"],
  ["created_after=yesterday", "created_after"],
  ["limit=1001", "limit"],
])("executions?%s is refused with the name of what is wrong", async (query, path) => {
  const { body } = await send("GET", `${TENANT}/executions?${query}`);
  expect(body).toMatchObject({ code: "invalid_request", fields: [{ path: expect.stringContaining(path) }] });
});

test("as many filters are taken together as there are", async () => {
  const labels = Array.from({ length: 32 }, (_, n) => `label=key${n}:value`).join("&");
  const statuses = "status=SUCCEEDED&status=FAILED&status=CANCELED";
  const times = ["created", "received"].map(
    (at) => `${at}_after=2020-01-01T00:00:00Z&${at}_before=2030-01-01T00:00:00Z`,
  );
  const others = "graph=essay&node=draft&attempt=1";
  for (const lifetime of ["", "lifetime=L1&"])
    expect(
      (await send("GET", `${TENANT}/executions?${lifetime}${[labels, statuses, ...times, others].join("&")}`))
        .body,
    ).toEqual({ items: [] });
});
