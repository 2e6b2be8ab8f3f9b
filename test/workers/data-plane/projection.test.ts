// Without this, D1 could say something else than the log: after a repeated, late or reordered flush, after a
// deletion, or where a row is too large for what D1 takes.
import { env } from "cloudflare:workers";
import { eq } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import * as fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { rowsOf } from "../../../src/data-plane/row.ts";
import { taskExecutions } from "../../../src/data-plane/schema.ts";
import { FLUSH_PARAMETER_BYTES_MAX, MESSAGE_BYTES_MAX } from "../../../src/limits.ts";
import { Projection } from "../../../workers/data-plane/projection.ts";
import { Queries } from "../../../workers/data-plane/queries.ts";
import { INSERT_ROWS } from "../../../workers/data-plane/statements.ts";
import { ended, logOf, logs, plan, registered, started, task } from "../../core/data-plane/records.ts";
import { folded, stored } from "./fold.ts";

const projection = new Projection(env.DB);
const queries = new Queries(env.DB);
const db = drizzle(env.DB);

let names = 0;
/** Each test, and each run of a property, has a tenant of its own. */
const provisioned = async () => {
  const address = { tenant: `t${++names}`, partition: 0, generation: 1 };
  await projection.provision({ ...address, createdAt: 1 });
  return address;
};

interface Cutting {
  readonly cuts: readonly number[];
  readonly extra: readonly (readonly [number, number])[];
  readonly ranks: readonly number[];
}

const position = fc.nat(40);
const cuttings: fc.Arbitrary<Cutting> = fc.record({
  cuts: fc.array(position, { maxLength: 8 }),
  extra: fc.array(fc.tuple(position, position), { maxLength: 4 }),
  ranks: fc.array(fc.nat(), { minLength: 13, maxLength: 13 }),
});

/** Pieces that make up the whole, and some more that overlap them, in any order. */
const rangesOf = ({ cuts, extra, ranks }: Cutting, length: number): (readonly [number, number])[] => {
  const within = [0, ...cuts.filter((cut) => cut < length).sort((a, b) => a - b), length];
  const pieces = within.slice(1).map((to, i) => [within[i] ?? 0, to] as const);
  const more = extra.map(([a, b]) => [Math.min(a, b), Math.min(length, Math.max(a, b))] as const);
  return [...pieces, ...more]
    .map((range, i) => ({ range, rank: ranks[i] ?? 0 }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ range }) => range);
};

const LOG = logOf([registered(), started(), plan(), task(), ended()]);

let address = { tenant: "", partition: 0, generation: 0 };
beforeEach(async () => {
  address = await provisioned();
});

describe("a flush", () => {
  test("leaves D1 equal to the fold of the log, whatever else is flushed twice, late or out of order", async () => {
    await fc.assert(
      fc.asyncProperty(logs, cuttings, async (log, cutting) => {
        const here = await provisioned();
        const flush = (from: number, to: number) =>
          projection.flush(here, log.slice(from, to), { after: from, upTo: to });
        const any = rangesOf(cutting, log.length);
        for (const [from, to] of any) {
          await flush(from, to);
          const cursor = await projection.cursor(here);
          await flush(cursor, Math.max(cursor, to));
        }
        for (const [from, to] of any) await flush(from, to);
        expect(await stored(here.tenant)).toEqual(folded(rowsOf(log)));
        expect(await projection.cursor(here)).toBe(log.length);
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  test("that is late says where D1 is, and brings back nothing that was deleted", async () => {
    await projection.flush(address, LOG, { after: 0, upTo: LOG.length });
    await db.delete(taskExecutions).where(eq(taskExecutions.tenant, address.tenant));
    const late = await projection.flush(address, LOG, { after: 0, upTo: LOG.length });
    expect(late).toEqual({ rowsWritten: 0, cursor: LOG.length, refused: [] });
    expect((await stored(address.tenant)).taskExecutions).toEqual([]);
  });

  test("without records moves the cursor", async () => {
    await projection.flush(address, [], { after: 0, upTo: 7 });
    expect(await projection.cursor(address)).toBe(7);
  });

  test("passes over a record that does not decode", async () => {
    const [broken] = logOf([{ ...task(), message: new Uint8Array([0xff]) }]);
    await projection.flush(address, [{ ...broken!, offset: 9 }, ...LOG], { after: 0, upTo: 9 });
    expect(await projection.cursor(address)).toBe(9);
    expect(await stored(address.tenant)).toEqual(folded(rowsOf(LOG)));
  });

  test("keeps the partitions of a tenant apart", async () => {
    const second = { ...address, partition: 1 };
    await projection.flush(address, LOG, { after: 0, upTo: 5 });
    await projection.flush(second, logOf([started("L2-1"), task({ lifetimeId: "L2-1" })]), {
      after: 0,
      upTo: 2,
    });
    expect(await projection.cursor(address)).toBe(5);
    expect(await projection.cursor(second)).toBe(2);
  });

  test("takes the largest message, and several that need a parameter each", async () => {
    const large = (n: number, errorMessage: string) =>
      plan({ inputId: `L1:${n}` }, { result: { nextTaskNames: ["draft"], errorMessage } });
    const text = "x".repeat(MESSAGE_BYTES_MAX - 400);
    const log = logOf([large(1, text), large(2, text), large(3, "")]);
    await projection.flush(address, log, { after: 0, upTo: 3 });
    const { items } = await queries.timeline(address.tenant, "L1", { limit: 10 });
    expect(items).toHaveLength(3);
    const found = await queries.getExecution(address.tenant, "L1:1/1");
    expect(found?.message).toEqual((log[0] as { message: Uint8Array }).message);
  });

  test("of more results than one answer takes is read in part, and how many are missing is said", async () => {
    const large = (n: number) =>
      plan({ inputId: `L1:${n}` }, { result: { errorMessage: "x".repeat(MESSAGE_BYTES_MAX - 400) } });
    const ends = Array.from({ length: 6 }, (_, n) => ({ kind: "plan" as const, execId: "", offset: n + 2 }));
    const log = logOf([started(), ...ends.map((_, n) => large(n)), ended("L1", { outcomes: ends })]);
    await projection.flush(address, log, { after: 0, upTo: log.length });
    const found = await queries.getLifetime(address.tenant, "L1");
    expect(found).toMatchObject({
      omitted: 2,
      outcomes: Array.from({ length: 4 }, () => ({ kind: "plan" })),
    });
  });

  test("leaves the JSON of a row out, and nothing else, where no parameter would hold it", async () => {
    const names = [..."ab"].map((each) => each.repeat(MESSAGE_BYTES_MAX / 2 - 400));
    const log = logOf([plan({}, { result: { nextTaskNames: names } })]);
    const [parameter = "", ...more] = INSERT_ROWS.planExecutions.parameters(rowsOf(log).planExecutions);
    expect(more).toEqual([]);
    expect(parameter.length).toBeLessThan(FLUSH_PARAMETER_BYTES_MAX);
    await projection.flush(address, log, { after: 0, upTo: 1 });
    const found = await queries.getExecution(address.tenant, "L1:1/1");
    expect(found).toMatchObject({ kind: "plan", node: "review", nextTaskNames: null });
    expect(found?.message).toEqual((log[0] as { message: Uint8Array }).message);
  });
});

describe("a generation", () => {
  const refused = /does not list tenant/;

  test.each([
    ["an older one", -1],
    ["a later one", 1],
  ])("is the only one that writes: %s changes nothing and says so", async (_, by) => {
    await projection.provision({ ...address, generation: 2, createdAt: 2 });
    const other = { ...address, generation: 2 + by };
    await expect(projection.flush(other, LOG, { after: 0, upTo: 5 })).rejects.toThrow(refused);
    expect(await stored(address.tenant)).toEqual(folded(rowsOf([])));
    expect(await projection.cursor(other)).toBe(0);
  });

  test("is not listed again by what is late", async () => {
    await projection.provision({ ...address, generation: 2, createdAt: 2 });
    await projection.provision({ ...address, generation: 1, createdAt: 1 });
    expect(await queries.getTenant(address.tenant)).toMatchObject({ generation: 2, createdAt: 2 });
  });
});

describe("a removal", () => {
  const remove = async (here = address) => {
    let slices = 1;
    while (await projection.removeSlice(here, false, 2)) slices++;
    return slices;
  };

  test("goes on in slices until nothing is left, and touches no other tenant", async () => {
    const other = await provisioned();
    const log = logOf([registered(), started(), ...[1, 2, 3, 4, 5].map((n) => task({ inputId: `L1:${n}` }))]);
    await projection.flush(address, log, { after: 0, upTo: 7 });
    await projection.flush(other, log, { after: 0, upTo: 7 });
    expect(await remove()).toBe(3);
    expect(await stored(address.tenant)).toEqual(folded(rowsOf([])));
    expect(await stored(other.tenant)).toEqual(folded(rowsOf(log)));
    expect(await queries.getTenant(address.tenant)).toBeUndefined();
  });

  test("refuses flushes from its first slice on, and provisioning of its generation for ever", async () => {
    await projection.flush(address, logOf([1, 2, 3].map((n) => task({ inputId: `L1:${n}` }))), {
      after: 0,
      upTo: 3,
    });
    expect(await projection.removeSlice(address, false, 2)).toBe(true);
    expect(await queries.getTenant(address.tenant)).toMatchObject({ status: "DELETING" });
    await expect(projection.flush(address, LOG, { after: 0, upTo: 5 })).rejects.toThrow();
    await remove();
    await projection.provision({ ...address, createdAt: 1 });
    await expect(projection.flush(address, LOG, { after: 0, upTo: 5 })).rejects.toThrow();
    expect(await queries.getTenant(address.tenant)).toBeUndefined();
  });

  test("that is late leaves the next generation alone", async () => {
    await remove();
    const next = { ...address, generation: 2 };
    await projection.provision({ ...next, createdAt: 2 });
    await projection.flush(next, LOG, { after: 0, upTo: 5 });
    expect(await projection.removeSlice(address)).toBe(false);
    expect(await stored(address.tenant)).toEqual(folded(rowsOf(LOG)));
    expect(await projection.cursor(next)).toBe(5);
  });

  test("that overtakes the provisioning of its own generation stays in force", async () => {
    const unknown = { ...address, tenant: `${address.tenant}-unknown` };
    expect(await projection.removeSlice(unknown)).toBe(false);
    await projection.provision({ ...unknown, createdAt: 1 });
    expect(await queries.getTenant(unknown.tenant)).toBeUndefined();
  });
});
