// Without this, credit could run dry or grow without bound, or a frame could be larger than the object takes.
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Arriving, chunkOf } from "../../bridge/inbound/chunk.ts";
import { arrivalsFrame } from "../../bridge/inbound/frame.ts";
import { MESSAGE_BYTES_MAX, MIRROR_FRAME_BYTES_MAX } from "../../src/limits.ts";
import { creditOfAll } from "../../src/mirror/credit.ts";
import { decodeBridgeFrame, encodeBridgeFrame, wireTopic } from "../../src/mirror/frame.ts";
import { ORIGIN_HEADER } from "../../src/mirror/origin.ts";

const TOPIC = wireTopic("task-executions");

const arriving = (offset: number, key: number, value: number, header: number): Arriving => ({
  offset,
  timestamp: 1,
  key: new Uint8Array(key),
  value: new Uint8Array(value),
  headers: [
    { name: ORIGIN_HEADER, value: new Uint8Array(20) },
    { name: "trace-of-a-producer", value: new Uint8Array(header) },
  ],
});

/** As the object has it. */
const received = (records: ReturnType<typeof chunkOf>["records"]) => {
  const bytes = arrivalsFrame(TOPIC, 1, records);
  const frame = decodeBridgeFrame(bytes);
  if (!frame.ok || frame.value.case !== "arrivals") throw new Error("not taken");
  return { records: frame.value.value.records, bytes: bytes.byteLength };
};

test("ten thousand records, large and small, leave the credit as it began", () => {
  const sizes = [0, 10, 1_000, MESSAGE_BYTES_MAX + 1];
  const records = Array.from({ length: 10_000 }, (_, n) =>
    arriving(n, n % 7, n % 97 === 0 ? (sizes[n % 4] ?? 0) : n % 50, n % 11),
  );
  let credit = { records: 2_048, bytes: 4 * 1024 * 1024 };
  const began = { ...credit };
  for (let sent = 0; sent < records.length; ) {
    const chunk = chunkOf(records, sent, credit.records, credit.bytes);
    credit = { records: credit.records - chunk.records.length, bytes: credit.bytes - chunk.bytes };
    const { records: had } = received(chunk.records);
    credit = { records: credit.records + had.length, bytes: credit.bytes + creditOfAll(had) };
    expect(credit).toEqual(began);
    sent += had.length;
  }
});

test("a record goes in one frame whatever its size, and says what is missing of it", () => {
  const size = fc.constantFrom(0, 5, 70_000, MESSAGE_BYTES_MAX, 3 * MESSAGE_BYTES_MAX);
  fc.assert(
    fc.property(size, size, size, (key, value, header) => {
      const { records } = chunkOf([arriving(1, key, value, header)], 0, 1, 1);
      const { records: had, bytes } = received(records);
      expect(bytes).toBeLessThan(MIRROR_FRAME_BYTES_MAX);
      const whole = key <= 5 && header <= 5 && value <= MESSAGE_BYTES_MAX;
      expect(had[0]?.fault === "").toBe(whole);
      expect(had[0]?.headers[0]?.name).toBe(ORIGIN_HEADER);
    }),
    { numRuns: 125 },
  );
});

test.each([
  ["whole", 7_000, ""],
  ["in part", 60_000, "headers of"],
])("records with thousands of headers go %s, in frames that the object takes", (_, count, fault) => {
  const headers = Array.from({ length: count }, () => ({ name: "h", value: new Uint8Array() }));
  const records = Array.from({ length: 40 }, (_, n) => ({ ...arriving(n, 1, 1, 1), headers }));
  const { records: sent } = chunkOf(records, 0, 40, Number.MAX_SAFE_INTEGER);
  const { records: had, bytes } = received(sent);
  expect(bytes).toBeLessThan(MIRROR_FRAME_BYTES_MAX);
  expect(had[0]?.fault.slice(0, fault.length)).toBe(fault);
});

test("a frame is the one that its contract describes, byte by byte, however many came before it", () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  const record = fc.record({
    offset: fc.maxSafeNat(),
    // Kafka has -1 where there is none.
    timestamp: fc.oneof(fc.constant(-1), fc.maxSafeNat()),
    key: bytes,
    value: bytes,
    headers: fc.array(fc.record({ name: fc.string({ unit: "binary" }), value: bytes }), { maxLength: 3 }),
    fault: fc.string({ unit: "binary" }),
  });
  fc.assert(
    fc.property(fc.nat({ max: 100_000 }), fc.array(record, { maxLength: 5 }), (partition, records) => {
      const wire = records.map((each) => {
        const [offset, timestamp] = [BigInt(each.offset), BigInt(each.timestamp)];
        return { topic: TOPIC, partition, ...each, offset, timestamp };
      });
      const described = encodeBridgeFrame({ case: "arrivals", value: { records: wire } });
      expect(Buffer.compare(arrivalsFrame(TOPIC, partition, records), described)).toBe(0);
    }),
  );
});
