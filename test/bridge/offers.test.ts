// Without this, records could be left out at the edge, or be fetched again and again that are there already.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Arrivals } from "../../bridge/inbound/arrivals.ts";
import { creditOfAll } from "../../src/mirror/credit.ts";
import { type BridgeFrameInit, decodeBridgeFrame, wireTopic } from "../../src/mirror/frame.ts";
import { type Mark, RefusalCode } from "../../src/wire/gen/escapement/bridge/v1/frame_pb.ts";

const PLACE = { topic: "task-executions", partition: 1 } as const;
const CREDIT = { records: 8n, bytes: 4096n };

interface Beginning {
  /** Of the tenant. */
  readonly generation?: bigint;
  /** Up to which it was taken, as the welcome says. */
  readonly mark?: number;
}

/** One partition at an object that takes what is new to it, and says so. */
const edge = ({ generation = 1n, mark: begin }: Beginning = {}) => {
  let mark = begin ?? 0;
  let generations = 0n;
  let refuses = 0;
  const taken: number[] = [];
  const asked: BridgeFrameInit[] = [];
  const markFrame = () =>
    ({ topic: wireTopic(PLACE.topic), partition: 1, next: BigInt(mark), generation: generations }) as Mark;
  const take = (bytes: Uint8Array) => {
    const frame = decodeBridgeFrame(bytes);
    if (!frame.ok || frame.value.case !== "arrivals") throw new Error("no arrivals");
    const { records } = frame.value.value;
    const refused = refuses-- > 0;
    for (const { offset } of records) {
      if (refused || Number(offset) < mark) continue;
      taken.push(Number(offset));
      mark = Number(offset) + 1;
    }
    const credit = { records: BigInt(records.length), bytes: BigInt(creditOfAll(records)) };
    setImmediate(() => {
      if (refused)
        arrivals.refused({
          ...markFrame(),
          code: RefusalCode.NO_ROOM,
          detail: "",
          retryAfterMs: 1n,
        } as never);
      else arrivals.received([markFrame()]);
      arrivals.credit(credit as never);
    });
  };
  const link = {
    closed: new Promise<never>(() => {}),
    send: (frame: BridgeFrameInit) => {
      asked.push(frame);
      setImmediate(() => arrivals.received([markFrame()]));
    },
    sendFrame: take,
  };
  const welcome = { credit: CREDIT, generation, marks: begin === undefined ? [] : [markFrame()] };
  const arrivals = new Arrivals(link, welcome as never, {
    log: () => {},
    end: async () => 1e9,
    moved: () => {},
  });
  return {
    arrivals,
    taken,
    asked,
    refuse: (times: number) => {
      refuses = times;
    },
    renew: () => {
      mark = 0;
      generations++;
      arrivals.received([markFrame()]);
    },
  };
};

const record = (offset: number) => ({
  offset,
  timestamp: 1,
  key: new Uint8Array(1),
  value: new Uint8Array(10),
  headers: [],
});

/** Reads a partition to its end as a consumer does; answers where it was sent to. */
const readAll = async (
  { arrivals }: ReturnType<typeof edge>,
  partition: { readonly offsets: readonly number[]; readonly end: number; readonly begin?: number },
  sizes: readonly number[] = [1],
): Promise<readonly number[]> => {
  const { offsets, end, begin = 0 } = partition;
  const seeks: number[] = [];
  let turn = 0;
  for (let from = begin; from < end; ) {
    const next = Math.min(end, from + (sizes[turn++ % sizes.length] ?? 1));
    const records = offsets.filter((each) => each >= from && each < next).map(record);
    const verdict = await arrivals.offer(PLACE, { records, from, next, end });
    if ("seek" in verdict) {
      seeks.push(verdict.seek);
      from = verdict.seek;
      continue;
    }
    await verdict.until;
    from = (await (verdict.taken ?? true)) ? verdict.next : from;
  }
  return seeks;
};

test("offsets without a record, as transactions leave them, are passed once", async () => {
  const at = edge();
  const offsets = Array.from({ length: 50 }, (_, n) => n * 3);
  expect(await readAll(at, { offsets, end: 150 }, [2, 1, 3])).toEqual([]);
  expect(at.taken).toEqual(offsets);
});

test("every record is taken once and in order, however it is fetched and whatever is refused", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.nat(60), { maxLength: 40 }),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 }),
      fc.nat(3),
      async (found, sizes, refused) => {
        const at = edge();
        at.refuse(refused);
        const offsets = found.sort((a, b) => a - b);
        await readAll(at, { offsets, end: 61 }, sizes);
        expect(at.taken).toEqual(offsets);
      },
    ),
    { numRuns: 50 },
  );
});

test("a partition that goes on where the welcome says is not asked about", async () => {
  const at = edge({ mark: 20 });
  expect(await readAll(at, { begin: 10, offsets: [15, 25], end: 30 }, [5])).toEqual([20]);
  expect(at.taken).toEqual([25]);
  expect(at.asked).toEqual([]);
});

test("a new generation is taken from its beginning, also where nothing was in the way before", async () => {
  const at = edge();
  const offsets = [0, 1, 2, 3, 8, 9];
  await readAll(at, { offsets, end: 10 }, [4]);
  at.renew();
  expect(await readAll(at, { begin: 6, offsets, end: 10 }, [2])).toEqual([0]);
  expect(at.taken).toEqual([...offsets, ...offsets]);
});

test.each([
  ["made again begins where bridges were with the one before", 2n, [], [40, 45]],
  ["of the first generation is given all", 1n, [0], [10, 40, 45]],
])("a tenant %s", async (_, generation, seeks, taken) => {
  const at = edge({ generation });
  expect(await readAll(at, { begin: 40, offsets: [10, 40, 45], end: 50 }, [3])).toEqual(seeks);
  expect(at.taken).toEqual(taken);
  // A new generation of its partition begins at nothing.
  at.renew();
  expect(await readAll(at, { begin: 48, offsets: [10, 40, 45], end: 50 }, [3])).toEqual([0]);
});

test("a fetch that begins above the mark, though it was sent there, is where Kafka begins", async () => {
  const at = edge();
  const { arrivals } = at;
  const first = { records: [record(30)], from: 30, next: 31, end: 31 };
  expect(await arrivals.offer(PLACE, first)).toEqual({ seek: 0 });
  expect(await arrivals.offer(PLACE, first)).toMatchObject({ next: 31 });
  expect(at.taken).toEqual([30]);
});
