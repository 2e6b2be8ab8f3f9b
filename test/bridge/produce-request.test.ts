// Without this, what goes to Kafka might differ from what kafkajs writes in some byte that a broker only sometimes minds.
import { createRequire } from "node:module";
import fc from "fast-check";
import { expect, test } from "vitest";
import { murmur2 } from "../../bridge/kafka/partitioner.ts";
import { encodeProduce } from "../../bridge/kafka/produce-request.ts";
import { installRequest, RoomyBody } from "../../bridge/kafka/request.ts";

const require = createRequire(import.meta.url);
const theirs = require("kafkajs/src/protocol/requests/produce/v3/request.js");
const requestOf = require("kafkajs/src/protocol/request.js");
const theirMurmur2 = require("kafkajs/src/producer/partitioners/default/murmur2.js");

const bytes = fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each));
const message = fc.record(
  {
    key: fc.oneof(bytes, fc.string(), fc.constant(null)),
    value: fc.oneof(bytes, fc.string(), fc.constant(null)),
    headers: fc.dictionary(
      fc.string({ maxLength: 20, unit: "grapheme" }),
      fc.oneof(fc.string({ unit: "grapheme" }), bytes, fc.array(bytes, { maxLength: 3 })),
    ),
    // As many digits each: kafkajs compares them as text.
    timestamp: fc.integer({ min: 1_000_000_000_000, max: 9_999_999_999_999 }).map(String),
  },
  { requiredKeys: ["key", "value", "timestamp"] },
);
const partition = fc.record({
  partition: fc.nat(),
  firstSequence: fc.nat(),
  messages: fc.array(message, { minLength: 1, maxLength: 80 }),
});
const fields = fc.record({
  acks: fc.constantFrom(-1, 0, 1),
  timeout: fc.nat(),
  transactionalId: fc.option(fc.string({ unit: "grapheme" })),
  producerId: fc.bigInt({ min: -1n, max: 2n ** 62n }).map(String),
  producerEpoch: fc.nat({ max: 32_767 }),
  topicData: fc.array(fc.record({ topic: fc.string(), partitions: fc.array(partition, { maxLength: 4 }) }), {
    maxLength: 4,
  }),
});

test("a produce request is the same bytes as that of kafkajs", async () => {
  await fc.assert(
    fc.asyncProperty(fields, async (each) => {
      const { buffer } = await theirs(each).encode();
      expect(encodeProduce(each).equals(buffer)).toBe(true);
    }),
  );
});

test("a request is the same bytes, with its header in the room before it or not", async () => {
  installRequest();
  const numbers = { correlationId: fc.nat(), clientId: fc.option(fc.string({ maxLength: 80 })) };
  await fc.assert(
    fc.asyncProperty(fc.record(numbers), fields, async (of, each) => {
      const request = theirs(each);
      const expected = (await requestOf({ ...of, request })).buffer;
      const encode = async () => new RoomyBody(encodeProduce(each));
      const found = (await requestOf({ ...of, request: { ...request, encode } })).buffer;
      expect(found.equals(expected)).toBe(true);
    }),
  );
});

test("a key has the partition that it has with kafkajs, and so with Java", () => {
  fc.assert(fc.property(bytes, (key) => murmur2(key) === theirMurmur2(key)));
});
