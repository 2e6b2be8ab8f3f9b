// Without this, a list could skip or repeat what it pages over, mix tenants, or read a whole table for a page.
import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { rowsOf } from "../../../src/data-plane/row.ts";
import { ExecutionStatus } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import type { ExecutionFilter, ExecutionPosition } from "../../../workers/data-plane/execution-list.ts";
import type { Page, Paging, Period } from "../../../workers/data-plane/page.ts";
import {
  type LifetimeFilter,
  type LifetimePosition,
  Queries,
  type TenantPosition,
  type TimelinePosition,
} from "../../../workers/data-plane/queries.ts";
import { ended, logOf, plan, started, task, type Unplaced } from "../../core/data-plane/records.ts";
import { flushed, type Plan, recordingD1, scansOf, sortsOf } from "./asked.ts";

const { db, plans } = recordingD1();
const queries = new Queries(db);

const NONE = { nil: undefined };
const NAMES = ["draft", "send"];
const STATUSES = [ExecutionStatus.SUCCEEDED, ExecutionStatus.FAILED];
const LIFETIMES = ["L1", "L2", "L3"];

const CREATED = (i: number) => new Date(Date.UTC(2026, 9, 31, 23, 59, 59, i * 7)).toISOString();

const steps: Unplaced[] = Array.from({ length: 40 }, (_, i) =>
  (i % 2 ? task : plan)({
    name: NAMES[i % 3 === 0 ? 0 : 1]!,
    status: STATUSES[i % 5 === 0 ? 1 : 0]!,
    lifetimeId: LIFETIMES[i % 3]!,
    inputId: `${LIFETIMES[i % 3]}:${i}`,
    graphId: i % 3 === 1 ? "poem" : "essay",
    attempt: i % 7 === 6 ? 2 : 1,
    // With and without an offset, and now and then no time at all.
    createdAt: [CREATED(i), `${CREATED(i).slice(0, -1)}`, "soon"][i % 11 === 10 ? 2 : i % 2]!,
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
  for (const tenant of ["acme", "other"]) await flushed(tenant, LOG);
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
    { lifetime: "L2", statuses: ["FAILED"] },
    { lifetime: "L3", kind: "task", from: at(10), until: at(30) },
    { node: "send", statuses: ["SUCCEEDED"] },
    { from: at(10) },
    { until: at(30) },
    { from: at(10), until: at(30), node: "draft", statuses: ["FAILED"] },
    { lifetime: "nobody" },
    { graph: "poem", statuses: ["SUCCEEDED", "FAILED"] },
    { attempt: 2, labels: ["n:0"] },
    { created: { from: Date.parse(CREATED(10)), until: Date.parse(CREATED(20)) } },
  ];
  const isIn = (period: Period = {}, at: number) =>
    at >= (period.from ?? Number.NEGATIVE_INFINITY) && at < (period.until ?? Number.POSITIVE_INFINITY);
  const createdAt = (text: string) => Date.parse(text.endsWith("Z") ? text : `${text}Z`);
  const labelsOf = (lifetime: string) => [`n:${LIFETIMES.indexOf(lifetime)}`, "of:a:b", 'quo"te:$'];
  const matches = ({
    lifetime,
    graph,
    node,
    kind,
    statuses,
    attempt,
    created,
    labels = [],
    from,
    until,
  }: ExecutionFilter) =>
    executions.filter(
      (row) =>
        row.graph === (graph ?? row.graph) &&
        row.attempt === (attempt ?? row.attempt) &&
        labels.every((label) => labelsOf(row.lifetime).includes(label)) &&
        ((created?.from ?? created?.until) === undefined || isIn(created, createdAt(row.createdAt))) &&
        row.lifetime === (lifetime ?? row.lifetime) &&
        row.node === (node ?? row.node) &&
        row.kind === (kind ?? row.kind) &&
        (statuses ?? [row.status]).includes(row.status) &&
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

  test("that match any filter are listed, however few rows a page looks through", async () => {
    const time = fc.integer({ min: 1, max: LOG.length }).map(at);
    const created = fc.nat({ max: 40 }).map((i) => Date.parse(CREATED(i)));
    const periodOf = (when: fc.Arbitrary<number>) => ({
      from: fc.option(when, NONE),
      until: fc.option(when, NONE),
    });
    const filters: fc.Arbitrary<ExecutionFilter> = fc.record(
      {
        lifetime: fc.constantFrom(...LIFETIMES),
        graph: fc.constantFrom("essay", "poem"),
        node: fc.constantFrom(...NAMES),
        kind: fc.constantFrom("plan", "task"),
        statuses: fc.subarray(["SUCCEEDED", "FAILED", "CANCELED"], { minLength: 1 }),
        attempt: fc.integer({ min: 1, max: 3 }),
        created: fc.record(periodOf(created)),
        labels: fc.subarray(["n:0", "of:a:b", "of:a", 'quo"te:$']),
        ...periodOf(time),
      },
      { requiredKeys: [] },
    );
    const sizes = fc.integer({ min: 1, max: 50 });
    await fc.assert(
      fc.asyncProperty(filters, sizes, sizes, async (filter, limit, scannedMax) => {
        const items = await all(limit, (paging: Paging<ExecutionPosition>) =>
          queries.listExecutions("acme", filter, paging, scannedMax),
        );
        expect(items.map((each) => each.offset)).toEqual(matches(filter).map((each) => each.offset));
      }),
      { numRuns: 60 },
    );
  });

  test.each([0, 1, 2])("that go while they are looked for hide none that stay: %j", async (after) => {
    const tenant = `leaving-${after}`;
    await flushed(tenant, LOG);
    const deletions = ["plan_executions", "task_executions"].map((table) =>
      env.DB.prepare(`DELETE FROM ${table} WHERE tenant = ? AND "offset" > 30`).bind(tenant),
    );
    let batches = 0;
    const db = new Proxy(env.DB, {
      get: (real, key) => {
        if (key !== "batch") return real.prepare.bind(real);
        return async (statements: D1PreparedStatement[]) => {
          const results = await real.batch(statements);
          if (batches++ === after) await real.batch(deletions);
          return results;
        };
      },
    });
    const filter = { statuses: ["FAILED"] };
    const items = await all(3, (paging: Paging<ExecutionPosition>) =>
      new Queries(db).listExecutions(tenant, filter, paging, 4),
    );
    const stayed = matches(filter).filter(({ offset }) => offset <= 30);
    const found = new Set(items.map((each) => each.offset));
    expect(stayed.map((each) => each.offset).filter((offset) => !found.has(offset))).toEqual([]);
  });

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
    [{ statuses: ["RUNNING"] }, ["L3"]],
    [{ graph: "poem", statuses: ["FAILED"] }, ["L2"]],
    [{ graph: "poem", statuses: ["RUNNING"] }, []],
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
  expect(items.map((each) => each.tenant)).toEqual(["acme", "leaving-0", "leaving-1", "leaving-2", "other"]);
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
  let all: Plan[];
  beforeAll(async () => {
    all = await plans();
  });

  test("searches an index, and scans no table", () => {
    expect(all.length).toBeGreaterThan(20);
    expect(scansOf(all)).toEqual([]);
  });

  test("takes rows in the order of an index, and sorts none", () => {
    expect(sortsOf(all)).toEqual([]);
  });

  test.each([
    ["lifetimes_by_time", /^select .* from "lifetimes" where rowid.*ORDER BY/],
    ["sqlite_autoindex_lifetimes_1", /EXISTS \(SELECT 1 FROM "lifetimes"/],
    ["plan_executions_by_id", /from "plan_executions".*"exec_id" = /],
    ["plan_executions_by_time", /FROM "plan_executions"(?!.*"lifetime" = \?).*ORDER BY/],
    ["sqlite_autoindex_task_executions_1", /FROM "task_executions".*"lifetime" = \?.*ORDER BY/],
  ])("goes by %s where that is meant", (index, statement) => {
    const meant = all.filter(({ sql }) => statement.test(sql));
    expect(meant.length).toBeGreaterThan(0);
    for (const { steps } of meant) expect(steps.join()).toContain(index);
  });
});
