// Without this, what is read of Kafka might differ from what was written in some record that few producers write.
import { createRequire } from "node:module";
import fc from "fast-check";
import type { KafkaMessage } from "kafkajs";
import { expect, test } from "vitest";
import { encodeProduce } from "../../bridge/kafka/produce-request.ts";
import { decodeBatches, fetchedOf } from "../../bridge/kafka/records.ts";

const require = createRequire(import.meta.url);
const Encoder = require("kafkajs/src/protocol/encoder.js");
const Decoder = require("kafkajs/src/protocol/decoder.js");
const { RecordBatch } = require("kafkajs/src/protocol/recordBatch/v0/index.js");
const Record = require("kafkajs/src/protocol/recordBatch/record/v0/index.js");
const theirs = require("kafkajs/src/protocol/requests/fetch/v4/decodeMessages.js");
const { lookupCodecByAttributes } = require("kafkajs/src/protocol/message/compression/index.js");

const GZIP = 1;
const bytes = fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each));
const record = fc.record({
  offsetDelta: fc.nat(),
  timestampDelta: fc.integer(),
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.dictionary(
    // Under a name that every object has, kafkajs finds more than there is.
    fc.string({ maxLength: 20, unit: "grapheme" }).filter((name) => !(name in {})),
    fc.oneof(bytes, fc.array(bytes, { minLength: 2, maxLength: 3 })),
  ),
});
const batch = fc.record({
  compression: fc.constantFrom(0, GZIP),
  firstOffset: fc.nat(),
  firstTimestamp: fc.integer({ min: 0, max: 9_999_999_999_999 }),
  maxTimestamp: fc.integer({ min: 0, max: 9_999_999_999_999 }),
  transactional: fc.boolean(),
  producerId: fc.bigInt({ min: -1n, max: 2n ** 62n }).map(String),
  records: fc.array(record, { minLength: 1, maxLength: 20 }),
});
const LOG_APPEND_TIME = 0x08;
const ATTRIBUTES = 22;

type Batch = typeof batch extends fc.Arbitrary<infer T> ? T : never;

const encoded = async ({ records, ...of }: Batch, appended: boolean): Promise<Buffer> => {
  const { buffer } = await RecordBatch({ ...of, records: records.map((each) => Record(each)) });
  const written = Buffer.from(buffer);
  if (appended) written[ATTRIBUTES] = (written[ATTRIBUTES] as number) | LOG_APPEND_TIME;
  return written;
};

const seen = (
  message: KafkaMessage & { isControlRecord?: boolean; batchContext?: Record<string, unknown> },
) => {
  const { offset, timestamp, key, value, headers, isControlRecord, batchContext } = message;
  const { producerId, inTransaction } = batchContext ?? {};
  return { offset, timestamp, key, value, headers, isControlRecord, producerId, inTransaction };
};

const given = fc.array(fc.tuple(batch, fc.boolean()), { minLength: 1, maxLength: 4 });

test("records are those that kafkajs reads, also compressed, and where the last are not there whole", async () => {
  await fc.assert(
    fc.asyncProperty(given, fc.nat(), async (batches, cut) => {
      const all = Buffer.concat(await Promise.all(batches.map((each) => encoded(...each))));
      const part = all.subarray(0, all.length - (cut % 100));
      const sized = new Encoder().writeBytes(part).buffer;
      const expected: KafkaMessage[] = await theirs(new Decoder(sized));
      const read = await decodeBatches(part, lookupCodecByAttributes);
      expect(read.map(seen)).toEqual(expected.map(seen));
    }),
  );
});

test("a record is the same without the texts of kafkajs, and has a header as often as it was written", async () => {
  const headers = { once: Buffer.from("a"), twice: [Buffer.from("b"), Buffer.from("c")] };
  const of = { offsetDelta: 2, timestampDelta: 3, key: null, value: Buffer.from("v"), headers };
  const [one] = await decodeBatches(
    Buffer.from((await RecordBatch({ firstOffset: 40, firstTimestamp: 500, records: [Record(of)] })).buffer),
    lookupCodecByAttributes,
  );
  const { offset, timestamp, key, value, headers: had } = fetchedOf(one as KafkaMessage);
  expect({ offset, timestamp, key: String(key), value: String(value) }).toEqual({
    offset: 42,
    timestamp: 503,
    key: "",
    value: "v",
  });
  expect(had.map((each) => `${each.name}=${each.value}`)).toEqual(["once=a", "twice=b", "twice=c"]);
});

/** Of a produce request with one topic of one letter. */
const BEFORE_BATCHES = 27;

test("headers are told apart whatever their names and however many", async () => {
  const many = Array.from({ length: 50_000 }, () => Buffer.from("x"));
  const headers = { ["__proto__"]: Buffer.from("a"), constructor: Buffer.from("b"), none: null, many };
  const topicData = [{ topic: "t", partitions: [{ partition: 0, messages: [{ headers }] }] }];
  const request = encodeProduce({ acks: -1, timeout: 1, topicData });
  const batches = request.subarray(BEFORE_BATCHES);
  const [one] = (await decodeBatches(batches, lookupCodecByAttributes)) as [KafkaMessage];
  const { none, many: read, ...named } = one.headers ?? {};
  expect(Object.entries(named).map(([name, value]) => [name, String(value)])).toEqual([
    ["__proto__", "a"],
    ["constructor", "b"],
  ]);
  expect([none, read?.length]).toEqual([null, 50_000]);
  const fetched = fetchedOf(one).headers;
  expect(fetched.slice(0, 3).map(({ name, value }) => [name, String(value)])).toEqual([
    ["__proto__", "a"],
    ["constructor", "b"],
    ["none", ""],
  ]);
  expect(fetched).toHaveLength(50_003);
});
