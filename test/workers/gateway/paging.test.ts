// Without these a walk over pages misses items, repeats them, or goes on in another list.
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { ECHO, send } from "./client.ts";

const TENANT = "/v1/tenants/paging";
const COUNT = 7;

let last: string;

beforeAll(async () => {
  await send("PUT", TENANT);
  for (let n = 0; n < COUNT; n++)
    await send("POST", `${TENANT}/graphs`, { json: { dot: ECHO.replace("digraph echo", `digraph g${n}`) } });
  for (let n = 0; n < COUNT; n++) await send("PUT", `/v1/tenants/paging-${n}`);
  for (let n = 0; n < COUNT; n++)
    last = (await send("POST", `${TENANT}/graphs/g${n}/lifetimes?wait=10s`, { json: {} })).body.lifetime;
  for (let n = 0; n < COUNT; n++) {
    const headers = { "content-type": "application/x-protobuf" };
    const body = Uint8Array.of(0xff, n);
    await send("POST", `${TENANT}/topics/task-executions/records`, { headers, body });
  }
});

const walk = async (path: string, limit: number): Promise<unknown[]> => {
  const items: unknown[] = [];
  const query = path.includes("?") ? "&" : "?";
  for (let cursor = ""; ; ) {
    const { status, body } = await send("GET", `${path}${query}limit=${limit}${cursor}`);
    expect(status).toBe(200);
    expect(body.items.length).toBeLessThanOrEqual(limit);
    items.push(...body.items);
    if (body.next_cursor === undefined) return items;
    cursor = `&cursor=${encodeURIComponent(body.next_cursor)}`;
  }
};

const LISTS: [list: string, path: () => string, id: string, count: number][] = [
  ["tenants", () => "/v1/tenants", "tenant", COUNT + 1],
  ["graphs", () => `${TENANT}/graphs`, "graph", COUNT],
  ["lifetimes", () => `${TENANT}/lifetimes`, "lifetime", COUNT],
  ["lifetimes of a graph", () => `${TENANT}/lifetimes?graph=g1`, "lifetime", 1],
  ["executions", () => `${TENANT}/executions`, "exec_id", 2 * COUNT],
  ["executions of a kind", () => `${TENANT}/executions?kind=task`, "exec_id", COUNT],
  ["executions of a lifetime", () => `${TENANT}/executions?lifetime=${last}`, "exec_id", 2],
  ["a timeline", () => `${TENANT}/lifetimes/${last}/timeline`, "exec_id", 2],
  ["dead letters", () => `${TENANT}/dead-letters`, "id", COUNT],
];

test.each(LISTS)(
  "walking the pages of %s yields each item once, whatever the limit",
  async (_, path, id, count) => {
    const { body } = await send("GET", `${path()}${path().includes("?") ? "&" : "?"}limit=1000`);
    expect(new Set(body.items.map((item: Record<string, unknown>) => item[id])).size).toBe(count);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: count + 2 }), async (limit) => {
        expect(await walk(path(), limit)).toEqual(body.items);
      }),
      { numRuns: 12 },
    );
  },
);

test("lifetimes are listed by one label or by several", async () => {
  const start = `${TENANT}/graphs/g0/lifetimes?wait=10s`;
  const labels = { customer: "acme:eu", tier: "gold" };
  const { lifetime } = (await send("POST", start, { json: { labels } })).body;
  const list = async (query: string) =>
    (await send("GET", `${TENANT}/lifetimes?${query}`)).body.items.map(
      (item: { lifetime: string }) => item.lifetime,
    );
  expect(await list("label=customer:acme:eu")).toEqual([lifetime]);
  expect(await list("label=tier:gold&label=customer:acme:eu")).toEqual([lifetime]);
  expect(await list("label=tier:gold&label=customer:other")).toEqual([]);
  const { body } = await send("GET", `${TENANT}/lifetimes?label=gold`);
  expect(body).toMatchObject({ status: 400, fields: [{ path: "label", detail: "write key:value" }] });
});

test("a cursor with other filters is refused", async () => {
  const { body } = await send("GET", `${TENANT}/executions?kind=task&limit=1`);
  const refused = await send("GET", `${TENANT}/executions?kind=plan&limit=1&cursor=${body.next_cursor}`);
  expect(refused.body.code).toBe("cursor_invalid");
  const other = await send("GET", `${TENANT}/executions?limit=3&kind=task&cursor=${body.next_cursor}`);
  expect(other.body.items).toHaveLength(3);
});

test("a cursor of another list is refused", async () => {
  const { body } = await send("GET", `${TENANT}/dead-letters?limit=1`);
  for (const path of [`${TENANT}/graphs`, `${TENANT}/strays`, "/v1/tenants/other/dead-letters"]) {
    const refused = await send("GET", `${path}?cursor=${body.next_cursor}`);
    expect(refused.body).toMatchObject({ status: 400, code: "cursor_invalid" });
  }
});

test("any text is a cursor or refused as one", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ maxLength: 100 }), async (cursor) => {
      const { body } = await send(
        "GET",
        `${TENANT}/graphs?cursor=${encodeURIComponent(cursor.toWellFormed())}`,
      );
      expect(body.code).toBe("cursor_invalid");
    }),
    { numRuns: 50 },
  );
});
