// Without this, what the object takes in of a frame could differ from what the contract says is in it.
import fc from "fast-check";
import { expect, test } from "vitest";
import { creditOfAll } from "../../../src/mirror/credit.ts";
import { encodeBridgeFrame, frameDecoder, topicOfWire } from "../../../src/mirror/frame.ts";
import { ORIGIN_HEADER, parseOrigin } from "../../../src/mirror/origin.ts";
import { isArrivals, readArrivals } from "../../../src/mirror/read-arrivals.ts";

const bytes = fc.uint8Array({ maxLength: 300 });
const text = fc.string({ unit: "binary", maxLength: 20 });
const header = fc.record({ name: fc.oneof(text, fc.constant(ORIGIN_HEADER)), value: bytes });
const origin = fc.constant({
  name: ORIGIN_HEADER,
  value: new TextEncoder().encode("here/acme/0/1/42/task-executions"),
});
const arrival = fc.record({
  // 7 is of a topic that is still to be thought of.
  topic: fc.integer({ min: 0, max: 7 }),
  partition: fc.integer({ min: 0, max: 0x7fffffff }),
  offset: fc.maxSafeNat().map(BigInt),
  key: bytes,
  value: bytes,
  headers: fc.array(fc.oneof(header, origin), { maxLength: 3 }),
  timestamp: fc.oneof(fc.constant(-1n), fc.maxSafeNat().map(BigInt)),
  fault: text,
});
const arrivals = fc.array(arrival, { maxLength: 6 });
type Given = typeof arrivals extends fc.Arbitrary<infer T> ? T : never;

const encoded = (records: Given) =>
  encodeBridgeFrame({ case: "arrivals", value: { records: records as never } });

const texts = new TextDecoder();
const expected = (records: Given) =>
  records.flatMap(({ topic: wire, partition, offset, value, headers, fault }) => {
    const topic = topicOfWire(wire as never);
    const first = headers.find(({ name }) => name === ORIGIN_HEADER);
    const origin = first && parseOrigin(texts.decode(first.value));
    const record = { topic, partition, offset: Number(offset), message: value, fault };
    return topic ? [{ ...record, ...(origin && { origin }) }] : [];
  });

test("a frame has the records that were written to it, and takes their credit", () => {
  fc.assert(
    fc.property(arrivals, (given) => {
      const frame = encoded(given);
      expect(isArrivals(frame)).toBe(true);
      const { records, credit } = readArrivals(frame);
      expect(records).toEqual(expected(given));
      expect(credit).toEqual({ records: given.length, bytes: creditOfAll(given) });
    }),
  );
});

test("a frame that is cut off, or longer than it says, is none", () => {
  const decode = frameDecoder(readArrivals);
  fc.assert(
    fc.property(arrivals, fc.nat(), (given, cut) => {
      const frame = encoded(given);
      expect(decode(frame.subarray(0, 1 + (cut % (frame.length - 1))))).toMatchObject({ ok: false });
      expect(decode(Uint8Array.from([...frame, 0]))).toMatchObject({ ok: false });
    }),
  );
});

test("fields that this code does not know are passed over, and an offset beyond all numbers is none", () => {
  const record = [0x08, 6, 0x18, 9, 0x7a, 2, 1, 2, 0x78, 5];
  const frame = (bytes: readonly number[]) =>
    Uint8Array.from([0x32, bytes.length + 2, 0x0a, bytes.length, ...bytes]);
  expect(readArrivals(frame(record)).records).toMatchObject([{ partition: 0, offset: 9 }]);
  const endless = [0x08, 6, 0x18, ...new Array(9).fill(0xff), 1];
  expect(() => readArrivals(frame(endless))).toThrow("none of Kafka's");
});
