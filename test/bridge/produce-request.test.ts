// Without this, what goes to Kafka might differ from what kafkajs writes in some byte that a broker only sometimes minds.
import { createRequire } from "node:module";
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeProduce } from "../../bridge/kafka/produce-request.ts";

const require = createRequire(import.meta.url);
const theirs = require("kafkajs/src/protocol/requests/produce/v3/request.js");

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
