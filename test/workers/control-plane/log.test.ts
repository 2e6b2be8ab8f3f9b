// Without this, a record could be lost, changed or mixed up in the row that it shares with others.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PACK_BYTES_MAX } from "../../../src/limits.ts";
import type { LogRecord } from "../../../src/topics/record.ts";
import { putField, written } from "../../../src/wire/fields.ts";
import { entryOf, lifetimeOf, recordOf } from "../../../workers/control-plane/entry.ts";
import { Log, type Range, sizeOf } from "../../../workers/control-plane/log.ts";
import { freshName, inOwnTenant, type Own } from "./client.ts";

const LIFETIMES = ["one", 'an "odd" one', "one more"];
const TYPES: readonly LogRecord["type"][] = ["input", "execution", "mirrored", "lifetime_ended"];

const utf8 = (text: string) => new TextEncoder().encode(text);

/** Of the field of a header that has the lifetime, and as much else as is wanted. */
const headerOf = (lifetime: string, bytes: number): Uint8Array =>
  written((writer) => {
    putField(writer, 4, utf8(lifetime));
    putField(writer, 100, new Uint8Array(bytes));
  });

type Draft = (offset: number, at: number) => LogRecord;

const draft: fc.Arbitrary<Draft> = fc
  .record({
    type: fc.constantFrom(...TYPES),
    kind: fc.constantFrom("plan" as const, "task" as const),
    lifetime: fc.constantFrom(...LIFETIMES),
    bytes: fc.oneof({ weight: 9, arbitrary: fc.nat(500) }, { weight: 1, arbitrary: fc.nat(PACK_BYTES_MAX) }),
    warnings: fc.option(fc.array(fc.string()), { nil: undefined }),
  })
  .map(({ type, kind, lifetime, bytes, warnings }) => (offset, at) => {
    const header = headerOf(lifetime, bytes);
    const message = written((writer) => putField(writer, 1, header));
    switch (type) {
      case "input":
        return { type, kind, offset, at, header, carries: [offset - 1], withoutResult: [] };
      case "execution":
        return { type, kind, offset, at, message, ...(warnings && { warnings }) };
      case "mirrored":
        return { type, kind, offset, at, message, topic: `${kind}-inputs` as const };
      default:
        return { type: "lifetime_ended", offset, at, lifetime, status: "FAILED", steps: bytes, outcomes: [] };
    }
  });

type Step =
  | { readonly commit: readonly Draft[]; readonly redo: boolean }
  /** Shares of what there is: where records go, and how many of them stay in between. */
  | { readonly drop: readonly (readonly [from: number, length: number])[] };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ commit: fc.array(draft, { maxLength: 40 }), redo: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ drop: fc.array(fc.tuple(fc.nat(20), fc.nat(20)), { maxLength: 6 }) }),
  },
);

/** Does it to the log, and to what it should be then. */
const take = (step: Step, log: Log, { records, n }: { records: LogRecord[]; n: number }) => {
  if ("commit" in step) {
    const made = step.commit.map((make, i) => make(log.tail + i, 1_000 + 7 * n - i));
    log.append(made, step.redo ? "{}" : undefined);
    log.advance(made);
    return [...records, ...made];
  }
  const ranges: Range[] = [];
  let next = records[0]?.offset ?? 1;
  for (const [gap, length] of step.drop) {
    const among = records.filter(({ offset }) => offset >= next + gap && offset <= next + gap + length);
    const [first, last] = [among[0], among.at(-1)];
    if (first === undefined || last === undefined) continue;
    ranges.push([first.offset, last.offset]);
    next = last.offset + 2;
  }
  log.drop(ranges)();
  return records.filter(({ offset }) => !ranges.some(([from, to]) => from <= offset && offset <= to));
};

const expectHas = (log: Log, records: readonly LogRecord[], from: number, limit: number) => {
  const end = log.tail;
  for (let offset = 1; offset < end; offset++)
    expect(log.get(offset)).toEqual(records.find((each) => each.offset === offset));
  const later = records.filter(({ offset }) => offset >= from);
  for (const type of TYPES) {
    const wanted = later.filter((each) => each.type === type);
    const read = log.read([type], undefined, from, limit, Number.POSITIVE_INFINITY);
    expect(read).toEqual({ records: wanted.slice(0, limit), whole: wanted.length < limit });
    const bytes = wanted
      .filter(({ type }) => type !== "lifetime_ended")
      .reduce((sum, each) => sum + sizeOf(each), 0);
    if (type !== "lifetime_ended") expect(log.bytesAfter(from - 1, [type])).toBe(bytes);
  }
  const plans = later.filter((each) => each.type === "input" && each.kind === "plan");
  expect(log.read(["input"], "plan", from, 1_000, Number.POSITIVE_INFINITY).records).toEqual(plans);
  const until = from + limit;
  for (const id of LIFETIMES) {
    const own = later.filter((each) => each.offset < until && lifetimeOf(entryOf(each)) === id);
    expect(log.ofLifetime(id, from, until, 1_000, Number.POSITIVE_INFINITY).records).toEqual(own);
  }
  const owned = later.filter(({ offset }) => offset <= until);
  expect([...log.owned(from, until)].map(({ offset, at }) => [offset, at])).toEqual(
    owned.map(({ offset, at }) => [offset, at]),
  );
};

const emptied = ({ state }: Own): Log => {
  for (const table of ["log", "marks"]) state.storage.sql.exec(`DELETE FROM ${table}`);
  return new Log(state.storage.sql);
};

describe("the log", () => {
  test(
    "has after any commits and any deletions what is left of them, also after a restart",
    () =>
      inOwnTenant({}, [], async (own) =>
        fc.assert(
          fc.property(
            fc.array(step, { maxLength: 12 }),
            fc.nat(120),
            fc.integer({ min: 1, max: 60 }),
            (steps, from, limit) => {
              const log = emptied(own);
              let records: LogRecord[] = [];
              steps.forEach((each, n) => {
                records = take(each, log, { records, n });
              });
              for (const each of [log, new Log(own.state.storage.sql)])
                expectHas(each, records, from + 1, limit);
            },
          ),
          { numRuns: 60 },
        ),
      ),
    60_000,
  );

  test("has the records of one commit in one row, as far as they are small", () =>
    inOwnTenant({}, [], async (own) => {
      const log = emptied(own);
      const made = (bytes: number, count: number): LogRecord[] =>
        Array.from({ length: count }, (_, i) => ({
          type: "execution",
          kind: "task",
          offset: log.tail + i,
          at: 1,
          message: new Uint8Array(bytes),
        }));
      const rowsFor = (records: LogRecord[]): number => {
        const before = rowsIn(own);
        log.append(records);
        log.advance(records);
        return rowsIn(own) - before;
      };
      expect(rowsFor(made(100, 200))).toBe(1);
      expect(rowsFor(made(PACK_BYTES_MAX, 3))).toBe(3);
    }));

  test("reads what was written when each record had a row of its own", () =>
    inOwnTenant({}, [], async (own) => {
      const log = emptied(own);
      const lifetime = freshName("lifetime");
      const message = written((writer) => putField(writer, 1, headerOf(lifetime, 3)));
      const insert = "INSERT INTO log (offset, type, at, meta, body) VALUES (?, ?, ?, ?, ?)";
      own.state.storage.sql.exec(insert, 1, 3, 5, '["odd"]', message);
      own.state.storage.sql.exec(insert, 2, 1, 6, "[[1],[]]", headerOf(lifetime, 3));
      const old = new Log(own.state.storage.sql);
      const later = [1, 2].map((n): LogRecord => recordOf({ ...entryOf(execution(message)), offset: 2 + n }));
      old.append(later);
      old.advance(later);
      expect(log.get(1)).toEqual({
        type: "execution",
        kind: "plan",
        offset: 1,
        at: 5,
        message,
        warnings: ["odd"],
      });
      expect(log.get(2)).toMatchObject({ type: "input", kind: "plan", offset: 2, at: 6, carries: [1] });
      const { records } = old.ofLifetime(lifetime, 1, 5, 10, 10_000);
      expect(records.map(({ offset }) => offset)).toEqual([1, 2, 3, 4]);
    }));
});

const execution = (message: Uint8Array): LogRecord => ({
  type: "execution",
  kind: "plan",
  offset: 0,
  at: 1,
  message,
});

const rowsIn = ({ state }: Own): number =>
  Number(state.storage.sql.exec("SELECT COUNT(*) AS n FROM log").one().n);
