// Without this, a list could skip or repeat what it pages over, mix tenants, or read a whole table for a page.
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { rowsOf } from "../../../src/data-plane/row.ts";
import { ExecutionStatus } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { Projection } from "../../../workers/data-plane/projection.ts";
import {
  type ExecutionFilter,
  type ExecutionPosition,
  type LifetimeFilter,
  type LifetimePosition,
  type Page,
  type Paging,
  Queries,
  type TenantPosition,
  type TimelinePosition,
} from "../../../workers/data-plane/queries.ts";
import { ended, logOf, plan, started, task, type Unplaced } from "../../core/data-plane/records.ts";

/** Every statement that was asked of D1, with what was bound to it. */
const asked: { sql: string; params: unknown[] }[] = [];
const recording = new Proxy(env.DB, {
  get: (db, key) => {
    if (key === "batch") return db.batch.bind(db);
    return (sql: string) =>
      new Proxy(db.prepare(sql), {
        get: (statement, name) => {
          if (name !== "bind") return Reflect.get(statement, name);
          return (...params: unknown[]) => {
            asked.push({ sql, params });
            return statement.bind(...params);
          };
        },
      });
  },
});

const queries = new Queries(recording);

const NAMES = ["draft", "send"];
const STATUSES = [ExecutionStatus.SUCCEEDED, ExecutionStatus.FAILED];
const LIFETIMES = ["L1", "L2", "L3"];

const steps: Unplaced[] = Array.from({ length: 40 }, (_, i) =>
  (i % 2 ? task : plan)({
    name: NAMES[i % 3 === 0 ? 0 : 1]!,
    status: STATUSES[i % 5 === 0 ? 1 : 0]!,
    lifetimeId: LIFETIMES[i % 3]!,
    inputId: `${LIFETIMES[i % 3]}:${i}`,
  }),
);

const LOG = logOf([
  ...LIFETIMES.map((lifetime, i) =>
    started(lifetime, i === 1 ? "poem" : "essay", { n: String(i), "of:a": "b", 'quo"te': "$" }),
  ),
  ...steps,
  ended("L1", {
    outcomes: [
      { kind: "task", execId: "L1:3/1", offset: 7 },
      { kind: "plan", execId: "L1:0/1", offset: 4 },
    ],
  }),
  ended("L2", { status: "FAILED", reason: { code: "node_failed", detail: "it did" } }),
]);
const at = (offset: number) => LOG[offset - 1]!.at;

const folded = rowsOf(LOG);
const executions = [
  ...folded.planExecutions.map(({ message, ...row }) => ({ kind: "plan" as const, ...row })),
  ...folded.taskExecutions.map(({ message, ...row }) => ({ kind: "task" as const, ...row })),
].sort((a, b) => b.offset - a.offset);

beforeAll(async () => {
  const projection = new Projection(env.DB);
  for (const tenant of ["acme", "other"]) {
    const address = { tenant, partition: 0, generation: 1 };
    await projection.provision({ ...address, createdAt: 1 });
    await projection.flush(address, LOG, { after: 0, upTo: LOG.length });
  }
});

/** All pages of a list, each of so many items. */
const all = async <Item, Position>(
  limit: number,
  list: (paging: Paging<Position>) => Promise<Page<Item, Position>>,
): Promise<Item[]> => {
  const items: Item[] = [];
  let after: Position | undefined;
  do {
    const page = await list({ limit, after });
    expect(page.items.length).toBeLessThanOrEqual(limit);
    items.push(...page.items);
    after = page.next;
  } while (after !== undefined);
  return items;
};

describe("executions", () => {
  const FILTERS: ExecutionFilter[] = [
    {},
    { kind: "plan" },
    { kind: "task", node: "draft" },
    { lifetime: "L1" },
    { lifetime: "L2", status: "FAILED" },
    { lifetime: "L3", kind: "task", from: at(10), until: at(30) },
    { node: "send", status: "SUCCEEDED" },
    { from: at(10) },
    { until: at(30) },
    { from: at(10), until: at(30), node: "draft", status: "FAILED" },
    { lifetime: "nobody" },
  ];
  const matches = ({ lifetime, node, kind, status, from, until }: ExecutionFilter) =>
    executions.filter(
      (row) =>
        row.lifetime === (lifetime ?? row.lifetime) &&
        row.node === (node ?? row.node) &&
        row.kind === (kind ?? row.kind) &&
        row.status === (status ?? row.status) &&
        row.receivedAt >= (from ?? 0) &&
        row.receivedAt < (until ?? Number.POSITIVE_INFINITY),
    );

  test.each(FILTERS)(
    "of %j are listed newest first, each once, whatever the size of a page",
    async (filter) => {
      const expected = matches(filter);
      for (const limit of [1, 3, 7, 100]) {
        const items = await all(limit, (paging: Paging<ExecutionPosition>) =>
          queries.listExecutions("acme", filter, paging),
        );
        expect(items.map((each) => each.offset)).toEqual(expected.map((each) => each.offset));
        expect(items).toMatchObject(expected.map(({ usageCustom, warnings, ...row }) => row));
      }
    },
  );

  test("are found by their id, with the message as it came", async () => {
    const { message } = LOG[3] as { message: Uint8Array } & (typeof LOG)[number];
    expect(await queries.getExecution("acme", "L1:0/1")).toMatchObject({ kind: "plan", offset: 4, message });
    expect(await queries.getExecution("acme", "L2:1/1")).toMatchObject({ kind: "task", offset: 5 });
    expect(await queries.getExecution("acme", "nobody")).toBeUndefined();
    expect(await queries.getExecution("nobody", "L1:0/1")).toBeUndefined();
  });

  test("of a lifetime are told in the order of the log", async () => {
    for (const limit of [1, 4, 100]) {
      const items = await all(limit, (paging: Paging<TimelinePosition>) =>
        queries.timeline("acme", "L1", paging),
      );
      const expected = matches({ lifetime: "L1" }).map((each) => each.offset);
      expect(items.map((each) => each.offset)).toEqual(expected.reverse());
    }
  });
});

describe("lifetimes", () => {
  const FILTERS: [LifetimeFilter, string[]][] = [
    [{}, ["L3", "L2", "L1"]],
    [{ graph: "essay" }, ["L3", "L1"]],
    [{ status: "RUNNING" }, ["L3"]],
    [{ graph: "poem", status: "FAILED" }, ["L2"]],
    [{ graph: "poem", status: "RUNNING" }, []],
    [{ from: at(3) }, ["L3"]],
    [{ until: at(3) }, ["L2", "L1"]],
    [{ labels: ["n:1"] }, ["L2"]],
    [{ labels: ["n:1", "n:2"] }, []],
    [{ labels: ["of:a:b"] }, ["L3", "L2", "L1"]],
    [{ labels: ["of:a:b", "n:0"], graph: "essay" }, ["L1"]],
    [{ labels: ["of:a"] }, []],
    [{ labels: ['quo"te:$'] }, ["L3", "L2", "L1"]],
  ];

  test.each(FILTERS)("of %j are listed newest first: %j", async (filter, expected) => {
    for (const limit of [1, 2, 100]) {
      const items = await all(limit, (paging: Paging<LifetimePosition>) =>
        queries.listLifetimes("acme", filter, paging),
      );
      expect(items.map((each) => each.lifetime)).toEqual(expected);
    }
  });

  test("are looked for in so many rows a page, which then may have none, and none is missed", async () => {
    for (const [filter, expected] of FILTERS)
      for (const limit of [1, 2]) {
        const items = await all(limit, (paging: Paging<LifetimePosition>) =>
          queries.listLifetimes("acme", filter, paging, limit + 1),
        );
        expect(items.map((each) => each.lifetime)).toEqual(expected);
      }
    const page = await queries.listLifetimes("acme", { labels: ["n:0"] }, { limit: 2 }, 2);
    expect(page).toEqual({ items: [], next: { startedAt: at(2), lifetime: "L2" } });
  });

  test("say how they ended, with the messages where their branches ended, in order", async () => {
    expect(await queries.getLifetime("acme", "L1")).toMatchObject({
      status: "SUCCEEDED",
      graph: "essay",
      graphVersion: 1,
      labels: { n: "0" },
      input: { text: "ok" },
      root: (LOG[0] as { root: Uint8Array } & (typeof LOG)[number]).root,
      startedAt: at(1),
      endedAt: at(44),
      steps: 2,
      outcomes: [
        { kind: "task", message: (LOG[6] as { message: Uint8Array } & (typeof LOG)[number]).message },
        { kind: "plan", message: (LOG[3] as { message: Uint8Array } & (typeof LOG)[number]).message },
      ],
    });
    expect(await queries.getLifetime("acme", "L2")).toMatchObject({
      reasonCode: "node_failed",
      reasonDetail: "it did",
      outcomes: [],
    });
    expect(await queries.getLifetime("acme", "L3")).toMatchObject({
      status: "RUNNING",
      endedAt: null,
      steps: null,
      outcomes: [],
    });
    expect(await queries.getLifetime("acme", "nobody")).toBeUndefined();
  });
});

test("tenants are listed by name, in pages", async () => {
  const items = await all(1, (paging: Paging<TenantPosition>) => queries.listTenants(paging));
  expect(items.map((each) => each.tenant)).toEqual(["acme", "other"]);
  expect(await queries.getTenant("acme")).toEqual({
    tenant: "acme",
    status: "ACTIVE",
    generation: 1,
    createdAt: 1,
  });
  expect(await queries.getTenant("nobody")).toBeUndefined();
});

// Runs last: everything above has been asked by then.
describe("the plan of each statement", () => {
  const plans: { sql: string; steps: string[] }[] = [];
  beforeAll(async () => {
    for (const { sql, params } of new Map(asked.map((each) => [each.sql, each])).values()) {
      const { results } = await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .bind(...params)
        .all<{ detail: string }>();
      plans.push({ sql, steps: results.map((each) => each.detail) });
    }
  });

  test("searches an index, and scans no table", () => {
    expect(plans.length).toBeGreaterThan(20);
    // What a co-routine yields is read as it comes, and no further than the page needs.
    const scan = /^SCAN (?!json_each|scanned$)/;
    const scans = plans.filter(({ steps }) => steps.some((step) => scan.test(step)));
    expect(scans).toEqual([]);
    const looked = plans.filter(({ steps }) => steps.includes("SCAN scanned"));
    for (const { steps } of looked) expect(steps).toContain("CO-ROUTINE scanned");
  });

  test("takes rows in the order of an index, and sorts none", () => {
    expect(plans.filter(({ steps }) => steps.some((step) => step.includes("TEMP B-TREE")))).toEqual([]);
  });

  test.each([
    ["lifetimes_by_time", /from "lifetimes".*order by/],
    ["plan_executions_by_id", /from "plan_executions".*"exec_id" = /],
    ["plan_executions_by_time", /from "plan_executions"(?!.*"lifetime" = ).*order by/],
    ["sqlite_autoindex_task_executions_1", /from "task_executions".*"lifetime" = .*order by/],
  ])("goes by %s where that is meant", (index, statement) => {
    const meant = plans.filter(({ sql }) => statement.test(sql));
    expect(meant.length).toBeGreaterThan(0);
    for (const { steps } of meant) expect(steps.join()).toContain(index);
  });
});
