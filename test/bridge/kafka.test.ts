// Without this, records could reach Kafka without their progress, twice, or from a bridge that was replaced, and topics of a
// tenant be deleted that was made since.
import { expect } from "vitest";
import { isFenced, isRefusedForGood } from "../../bridge/kafka/failure.ts";
import { Reader, type Taken, type Verdict } from "../../bridge/kafka/reader.ts";
import { deleteTopics, topicIds } from "../../bridge/kafka/topic-ids.ts";
import { Topics } from "../../bridge/kafka/topics.ts";
import { Writer } from "../../bridge/kafka/writer.ts";
import { brokerTest, ONCE, testKafka, unique } from "./broker-test.ts";
import { consume } from "./consume.ts";

const SETTINGS = { partitions: 3, replication: 1, config: {} };

const record = (topic: string, text: string, key = "k") => ({
  topic,
  key: Buffer.from(key),
  value: Buffer.from(text),
  headers: { "escapement-origin": "here" },
  timestamp: 1_700_000_000_000,
});

const place = async () => {
  const kafka = testKafka();
  const topics = new Topics(kafka);
  await topics.connect();
  const topic = unique("place");
  await topics.provision([topic], SETTINGS);
  const progress = { group: unique("progress"), topic };
  /** A commit is answered before it is seen: whoever opens a writer waits for that, and these tests do. */
  const reaches = (next: number) => expect.poll(() => topics.progress(progress)).toBe(next);
  return { kafka, topics, topic, progress, reaches, [Symbol.asyncDispose]: () => topics.close() };
};

brokerTest("records and their progress are written together, in order per key", async () => {
  await using at = await place();
  const { kafka, topic, progress, reaches } = at;
  const writer = await Writer.open(kafka, topic);
  expect(await at.topics.progress(progress)).toBe(undefined);
  for (let next = 10; next <= 50; next += 10) {
    const keys = ["a", "b"].flatMap((key) => [
      record(topic, `${next} first`, key),
      record(topic, `${next} then`, key),
    ]);
    await writer.write(keys, { ...progress, next });
  }
  // Nothing to write, but the log went on.
  await writer.write([], { ...progress, next: 60 });
  await reaches(60);
  await writer.close();
  const found = await consume(kafka, [topic]);
  for (const key of ["a", "b"])
    expect(found.filter((each) => String(each.key) === key).map(({ value }) => String(value))).toEqual(
      [10, 20, 30, 40, 50].flatMap((next) => [`${next} first`, `${next} then`]),
    );
  expect(found[0]?.headers).toEqual({ "escapement-origin": "here" });
});

brokerTest(
  "whoever opens a writer anew fences the one before, and nothing of its transaction is seen",
  async () => {
    await using at = await place();
    const { kafka, topic, progress, reaches } = at;
    const first = await Writer.open(kafka, topic);
    await first.write([record(topic, "before")], { ...progress, next: 1 });
    const second = await Writer.open(kafka, topic);
    const late = first.write([record(topic, "fenced")], { ...progress, next: 2 });
    await expect(late).rejects.toSatisfy(isFenced);
    await reaches(1);
    await second.write([record(topic, "after")], { ...progress, next: 2 });
    await reaches(2);
    const found = async () => (await consume(kafka, [topic])).map(({ value }) => String(value));
    await expect.poll(found).toEqual(["before", "after"]);
    await first.close();
    await second.close();
  },
);

brokerTest("a record that is too large for the broker fails as such, and the writer goes on", async () => {
  await using at = await place();
  const { kafka, topic, progress, reaches } = at;
  const writer = await Writer.open(kafka, topic);
  const large = record(topic, "x".repeat(1_200_000));
  await expect(writer.write([large], { ...progress, next: 1 })).rejects.toSatisfy(isRefusedForGood);
  await expect(writer.takes(large)).rejects.toSatisfy(isRefusedForGood);
  expect(await writer.takes(record(topic, "small"))).toBe(true);
  // Together over what one batch at the broker takes.
  const many = Array.from({ length: 30 }, (_, n) => record(topic, `${n} ${"x".repeat(100_000)}`));
  await writer.write(many, { ...progress, next: 2 });
  await reaches(2);
  const found = await consume(kafka, [topic]);
  expect(found.map(({ value }) => Number.parseInt(String(value), 10))).toEqual(many.map((_, n) => n));
  await writer.close();
});

brokerTest("where a coordinator is, is not asked before each request to it", async () => {
  await using at = await place();
  const { kafka, topic, progress } = at;
  let asked = 0;
  const producerOf = kafka.producer.bind(kafka);
  kafka.producer = (settings) => {
    const producer = producerOf(settings);
    producer.on("producer.network.request", ({ payload }) => {
      if (payload.apiName === "GroupCoordinator") asked++;
    });
    return producer;
  };
  const writer = await Writer.open(kafka, topic);
  const transactions = 20;
  for (let next = 1; next <= transactions; next++)
    await writer.write([record(topic, String(next))], { ...progress, next });
  await writer.close();
  // By itself kafkajs asks four times for each, and more where it tries again.
  expect(asked).toBeLessThan(4 * transactions);
  expect(asked).toBeGreaterThan(0);
});

/** One bridge's reader of one partition; `take` says what becomes of each fetch. */
const reading = async (take: (taken: Taken) => Promise<Verdict>) => {
  const kafka = testKafka();
  const topics = new Topics(kafka);
  await topics.connect();
  const [topic, group] = [unique("read"), unique("reader")];
  await topics.provision([topic], { ...SETTINGS, partitions: 1 });
  const producer = kafka.producer(ONCE);
  await producer.connect();
  const produce = (...texts: readonly string[]) =>
    producer.send({ topic, messages: texts.map((value) => ({ value })) });
  const reader = new Reader({
    kafka,
    group,
    log: () => {},
    take,
    standing: () => ({ tenants: [], leads: [] }),
    assigned: () => {},
  });
  await reader.follow([topic]);
  const committed = () => topics.progress({ group, topic });
  const end = async () => {
    await reader.stop();
    await producer.disconnect();
    await topics.close();
  };
  return { produce, committed, [Symbol.asyncDispose]: end };
};

const textsOf = ({ messages }: Taken) => messages.map(({ value }) => String(value));

brokerTest(
  "what was handed over and is refused is fetched again, also where nothing follows it",
  async () => {
    const refused = Promise.withResolvers<boolean>();
    const fetched: (readonly string[])[] = [];
    await using at = await reading(async (taken) => {
      fetched.push(textsOf(taken));
      return { next: taken.next, taken: fetched.length === 1 ? refused.promise : Promise.resolve(true) };
    });
    await at.produce("a", "b");
    await expect.poll(() => fetched).toEqual([["a", "b"]]);
    refused.resolve(false);
    await expect
      .poll(() => fetched)
      .toEqual([
        ["a", "b"],
        ["a", "b"],
      ]);
    await expect.poll(at.committed).toBe(2);
  },
);

brokerTest("what was fetched behind what is refused waits for it, and comes after it once more", async () => {
  const refused = Promise.withResolvers<boolean>();
  const fetched: (readonly string[])[] = [];
  const taken: string[] = [];
  await using at = await reading(async (offered) => {
    const texts = textsOf(offered);
    fetched.push(texts);
    // The first is on its way, and the second is there too early.
    if (fetched.length === 1) return { next: offered.next, taken: refused.promise };
    if (fetched.length === 2) return { next: offered.from, until: refused.promise };
    taken.push(...texts);
    return { next: offered.next };
  });
  await at.produce("a", "b");
  await expect.poll(() => fetched.length).toBe(1);
  await at.produce("c");
  await expect.poll(() => fetched).toEqual([["a", "b"], ["c"]]);
  expect(await at.committed()).toBeUndefined();
  refused.resolve(false);
  await expect.poll(() => taken).toEqual(["a", "b", "c"]);
  await expect.poll(at.committed).toBe(3);
});

brokerTest(
  "a topic that was made anew outlives the deletion of the one before, however late that comes",
  async () => {
    await using at = await place();
    const { kafka, topics, topic } = at;
    const before = await topicIds(kafka, [topic, unique("nowhere")]);
    expect([...before.keys()]).toEqual([topic]);
    await deleteTopics(kafka, before);
    await expect.poll(() => topics.list()).not.toContain(topic);
    await topics.provision([topic], SETTINGS);
    await deleteTopics(kafka, before);
    const now = await topicIds(kafka, [topic]);
    expect(now.get(topic)).toBeDefined();
    expect(now).not.toEqual(before);
  },
);
