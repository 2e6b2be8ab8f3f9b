// Without this, the line of an execution could miss what led to it or came of it, or take in what did not.
import * as fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { Queries } from "../../../workers/data-plane/queries.ts";
import { logOf, plan, task } from "../../core/data-plane/records.ts";
import { flushed, type Plan, recordingD1, scansOf, sortsOf } from "./asked.ts";

const { db, plans } = recordingD1();
const queries = new Queries(db);

describe("the line of an execution", () => {
  /** Executions of one lifetime in which each may have any parents that the log had before it. */
  const families = fc.array(
    fc.record({
      kind: fc.constantFrom("plan", "task"),
      back: fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 25 },
  );
  const linesOf = (parents: readonly (readonly number[])[]) => {
    const above = (i: number): Set<number> =>
      new Set(parents[i]!.flatMap((parent) => [parent, ...above(parent)]));
    const ancestors = parents.map((_, i) => above(i));
    return {
      ancestors: (i: number) => [...ancestors[i]!].sort((a, b) => b - a),
      descendants: (i: number) => [...parents.keys()].filter((each) => ancestors[each]!.has(i)),
    };
  };
  let family = 0;

  test("is what following its parents finds, and nothing of another lifetime or tenant", async () => {
    await fc.assert(
      fc.asyncProperty(families, fc.nat(), fc.integer({ min: 1, max: 30 }), async (drawn, which, limit) => {
        const parents = drawn.map(({ kind, back }, i) =>
          back
            .map((each) => i - each)
            .filter((each) => each >= 0)
            .slice(0, kind === "plan" ? 3 : 1),
        );
        const idsOf = (i: number) => parents[i]!.map((each) => `e${each}`);
        const recordOf = (kind: string, i: number, lifetimeId: string) =>
          kind === "plan"
            ? plan(
                { execId: `e${i}`, lifetimeId, inputId: `${lifetimeId}:${i}` },
                { parentTaskExecIds: idsOf(i) },
              )
            : task(
                { execId: `e${i}`, lifetimeId, inputId: `${lifetimeId}:${i}` },
                { parentPlanExecId: idsOf(i)[0] ?? "root" },
              );
        const tenant = `family-${family++}`;
        const log = logOf(
          drawn.flatMap(({ kind }, i) => [
            recordOf(kind, i, "L1"),
            task(
              { execId: `other${i}`, lifetimeId: "L2", inputId: `L2:${i}` },
              { parentPlanExecId: `e${i}` },
            ),
          ]),
        );
        await flushed(tenant, log);
        const i = which % drawn.length;
        for (const line of ["ancestors", "descendants"] as const) {
          const expected = linesOf(parents)[line](i);
          const found = await queries.lineage(tenant, `e${i}`, line, limit);
          expect(found?.items.map((each) => each.execId)).toEqual(
            expected.slice(0, limit).map((each) => `e${each}`),
          );
          expect(found?.truncated).toBe(expected.length > limit);
        }
      }),
      { numRuns: 25 },
    );
  });

  test("is followed through more executions than are read at a time", async () => {
    // Three chains that take turns.
    const log = logOf(
      Array.from({ length: 2_997 }, (_, i) => {
        const head = { execId: `e${i}`, inputId: `L1:${i}` };
        const parent = `e${i - 3}`;
        return Math.floor(i / 3) % 2
          ? task(head, { parentPlanExecId: parent })
          : plan(head, { parentTaskExecIds: [parent] });
      }),
    );
    await flushed("chains", log);
    const chain = Array.from({ length: 999 }, (_, i) => `e${3 * i + 1}`);
    const descendants = await queries.lineage("chains", "e1", "descendants", 1_000);
    expect(descendants).toMatchObject({ truncated: false });
    expect(descendants?.items.map((each) => each.execId)).toEqual(chain.slice(1));
    const ancestors = await queries.lineage("chains", chain.at(-1)!, "ancestors", 1_000);
    expect(ancestors?.items.map((each) => each.execId)).toEqual(chain.slice(0, -1).reverse());
    expect(await queries.lineage("chains", "nobody", "ancestors", 1)).toBeUndefined();
  });
});

// Runs last: everything above has been asked by then.
describe("the plan of each statement", () => {
  let all: Plan[];
  beforeAll(async () => {
    all = await plans();
  });

  test("reads no table, and sorts nothing", () => {
    expect(all.length).toBeGreaterThan(4);
    expect([...scansOf(all), ...sortsOf(all)]).toEqual([]);
  });

  test.each([
    ["plan_executions_by_id", /"exec_id" = /],
    ["task_executions_by_id", /"exec_id" = /],
    ["sqlite_autoindex_plan_executions_1", /FROM "plan_executions".*ORDER BY/],
    ["sqlite_autoindex_task_executions_1", /FROM "task_executions".*ORDER BY/],
  ])("goes by %s where that is meant", (index, statement) => {
    const meant = all.filter(({ sql }) => statement.test(sql));
    expect(meant.length).toBeGreaterThan(0);
    for (const { steps } of meant) expect(steps.join()).toContain(index);
  });
});
