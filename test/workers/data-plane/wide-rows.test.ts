// Without this, a page of executions with very many parents could take more memory than an isolate has.
import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { PAGE_BYTES_MAX } from "../../../src/limits.ts";
import type { Page, Paging } from "../../../workers/data-plane/page.ts";
import { Queries } from "../../../workers/data-plane/queries.ts";
import { logOf, plan, started, task, type Unplaced } from "../../core/data-plane/records.ts";
import { flushed } from "./asked.ts";

const TENANT = "wide";
/** In KB: those of plans alone, of both kinds in turn, and narrow ones after wide ones. */
const WIDTHS = [700, 700, 1, 700, 650, 1, 1, 700, 300, 1, 700, 700, 700, 700, 700, 1, 1, 1];
const LIFETIMES = 120;
const WIDEST = 2_000_000;

const idOf = (i: number) => `e${i}`;

const isTask = (i: number) => WIDTHS[i] === 1 && i % 2 === 1;

/** Each of them came of the one before it; the last one of the first alone. */
const steps: Unplaced[] = WIDTHS.map((width, i) => {
  const parent = idOf(i === WIDTHS.length - 1 ? 0 : i - 1);
  const head = { execId: idOf(i), inputId: `L1:${i}` };
  if (isTask(i)) return task(head, { parentPlanExecId: parent });
  const others = Array.from({ length: width * 5 }, (_, n) => `${n}`.padEnd(197, "x"));
  return plan(head, { parentTaskExecIds: [...others, parent], parentTaskNames: [] });
});

const labels = Object.fromEntries(
  Array.from({ length: 32 }, (_, n) => [`${n}`.padEnd(256, "…"), "…".repeat(256)]),
);

beforeAll(async () => {
  await flushed(
    TENANT,
    logOf([
      ...steps,
      ...Array.from({ length: LIFETIMES }, (_, n) => started(`W${1_000 + n}`, "essay", labels)),
    ]),
  );
});

/** D1, and how much of it was in memory at once. */
const measuredD1 = () => {
  const seen = { bytes: 0 };
  const noted = <T>(results: T): T => {
    seen.bytes = Math.max(seen.bytes, JSON.stringify(results).length);
    return results;
  };
  const measured = (statement: D1PreparedStatement): D1PreparedStatement =>
    new Proxy(statement, {
      get: (real, key) => {
        if (key === "bind") return (...params: unknown[]) => measured(real.bind(...params));
        if (key === "raw" || key === "all") return async () => noted(await real[key]());
        return Reflect.get(real, key);
      },
    });
  const db = new Proxy(env.DB, {
    get: (real, key) =>
      key === "batch"
        ? async (statements: D1PreparedStatement[]) => noted(await real.batch(statements))
        : (sql: string) => measured(real.prepare(sql)),
  });
  return { seen, queries: new Queries(db) };
};

/** Of both kinds a page, and the two rows that it ends before. */
const READ_BYTES_MAX = 2 * (PAGE_BYTES_MAX + 2 * WIDEST);

type List = (queries: Queries, paging: Paging<never>) => Promise<Page<object, unknown>>;

const names = WIDTHS.map((_, i) => idOf(i));
const plans = names.filter((_, i) => !isTask(i));

test.each<[string, List, string[]]>([
  ["executions", (queries, page) => queries.listExecutions(TENANT, {}, page), names.toReversed()],
  [
    "executions of a kind",
    (queries, page) => queries.listExecutions(TENANT, { kind: "plan" }, page),
    plans.toReversed(),
  ],
  [
    "executions by what has no index",
    (queries, page) => queries.listExecutions(TENANT, { statuses: ["SUCCEEDED"] }, page),
    names.toReversed(),
  ],
  [
    "executions of a lifetime",
    (queries, page) => queries.listExecutions(TENANT, { lifetime: "L1" }, page),
    names.toReversed(),
  ],
  ["a timeline", (queries, page) => queries.timeline(TENANT, "L1", page), names],
  [
    "lifetimes",
    (queries, page) => queries.listLifetimes(TENANT, {}, page),
    Array.from({ length: LIFETIMES }, (_, n) => `W${1_000 + LIFETIMES - 1 - n}`),
  ],
])("pages of %s end early over so many bytes, and miss none", async (_, list, expected) => {
  const { seen, queries } = measuredD1();
  const found: unknown[] = [];
  let pages = 0;
  for (let after: unknown; ; pages++) {
    const page = await list(queries, { limit: 1_000, after: after as never });
    const items = page.items as readonly { execId?: string; lifetime: string }[];
    expect(items.length).toBeGreaterThan(0);
    expect(JSON.stringify(items).length).toBeLessThan(PAGE_BYTES_MAX + 100_000);
    found.push(...items.map(({ execId, lifetime }) => execId ?? lifetime));
    after = page.next;
    if (after === undefined) break;
  }
  expect(found).toEqual(expected);
  expect(pages).toBeGreaterThan(0);
  expect(seen.bytes).toBeLessThan(READ_BYTES_MAX);
});

test("a line is followed past them, and as much of it is told as fits", async () => {
  const { seen, queries } = measuredD1();
  const line = async (execId: string, which: "ancestors" | "descendants", limit = 1_000) => {
    const found = await queries.lineage(TENANT, execId, which, limit);
    return [found?.items.map((each) => each.execId), found?.truncated];
  };
  const last = WIDTHS.length - 1;
  const [all, truncated] = await line(idOf(last - 1), "ancestors");
  expect(truncated).toBe(true);
  expect((all as string[]).length).toBeGreaterThan(3);
  expect(all).toEqual(
    names
      .slice(0, last - 1)
      .toReversed()
      .slice(0, (all as string[]).length),
  );
  expect(await line(idOf(last - 1), "ancestors", 3)).toEqual([
    names.slice(last - 4, last - 1).toReversed(),
    true,
  ]);
  expect(await line(idOf(last), "ancestors")).toEqual([[idOf(0)], false]);
  expect(await line(idOf(last - 2), "descendants")).toEqual([[idOf(last - 1)], false]);
  expect(seen.bytes).toBeLessThan(READ_BYTES_MAX);
});
