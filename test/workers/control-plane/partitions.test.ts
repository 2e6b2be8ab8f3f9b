// Without this a partition of Kafka could be taken in twice, with gaps, or no further because of one record.
import { abortAllDurableObjects, runInDurableObject } from "cloudflare:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { MIRROR_CREDIT_RECORDS } from "../../../src/limits.ts";
import { wireTopic } from "../../../src/mirror/frame.ts";
import { RefusalCode } from "../../../src/wire/gen/escapement/bridge/v1/frame_pb.ts";
import { TaskInputSchema } from "../../../src/wire/gen/escapement/v1/input_pb.ts";
import { arrivals, connect } from "./bridge-client.ts";
import { answered, ECHO, stubOf, tenantOf } from "./client.ts";
import { bring, ready, record, start } from "./from-kafka.ts";

/** What has this in it goes into no transaction. */
const poisoned = (tenant: string, word: string) =>
  runInDurableObject(stubOf(tenant), (_, { storage }) => {
    const trigger = `CREATE TRIGGER poison BEFORE INSERT ON log WHEN instr(NEW.meta, '${word}')`;
    storage.sql.exec(`${trigger} BEGIN SELECT RAISE(ABORT, 'it is poison'); END`);
  });

describe("a partition", () => {
  test("goes on over a crash of the object where it was, whether that was said or not", async () => {
    const { tenant, bridge, ...before } = await ready(ECHO);
    await bring(bridge, record("plan-inputs", start({ lifetime: "first" }), 0));
    // On disk, and the bridge does not hear of it.
    bridge.say(arrivals([record("plan-inputs", start({ lifetime: "second" }), 1)]));
    await expect.poll(async () => (await before.read("plan-inputs")).length).toBe(2);
    await abortAllDurableObjects();
    const { end, read } = tenantOf(tenant);
    const again = await connect(tenant);
    const { marks } = await again.hello();
    expect(marks).toMatchObject([{ topic: wireTopic("plan-inputs"), partition: 0, next: 2n }]);
    const records = ["first", "second", "third"].map((lifetime, i) =>
      record("plan-inputs", start({ lifetime }), i),
    );
    expect(await bring(again, ...records)).toEqual([3]);
    for (const lifetime of ["first", "second", "third"])
      expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED", steps: 2 });
    expect(await read("plan-inputs")).toHaveLength(3);
  });

  test("that ends below its mark is refused until its next generation", async () => {
    const { object, bridge, read } = await ready(ECHO);
    const topic = wireTopic("plan-inputs");
    const ends = (end: bigint) =>
      bridge.say({ case: "logEnds", value: { ends: [{ topic, partition: 0, end }] } });
    ends(9n);
    expect((await bridge.next("received")).marks).toMatchObject([{ next: 0n }]);
    await bring(bridge, record("plan-inputs", start({ lifetime: "old" }), 8));
    ends(2n);
    expect(await bridge.next("refusal")).toMatchObject({ code: RefusalCode.OFFSET_REGRESSED, topic });
    bridge.say(arrivals([record("plan-inputs", start({ lifetime: "new" }), 9)]));
    expect(await bridge.next("refusal")).toMatchObject({ code: RefusalCode.OFFSET_REGRESSED });
    expect(await read("plan-inputs")).toHaveLength(1);
    answered(await object.renewPartition("plan-inputs", 0));
    expect((await bridge.next("received")).marks).toMatchObject([{ topic, next: 0n, generation: 1n }]);
    expect(await bring(bridge, record("plan-inputs", start({ lifetime: "new" }), 0))).toEqual([1]);
    expect(await read("plan-inputs")).toHaveLength(2);
    // It was asked for twice, and the first time was heard.
    const again = await object.renewPartition("plan-inputs", 0);
    expect(again).toMatchObject({ error: { code: "illegal_transition" } });
    expect(await bring(bridge, record("plan-inputs", start(), 0))).toEqual([1]);
    expect(await read("plan-inputs")).toHaveLength(2);
  });

  test("takes all of a batch but what no transaction takes, which is a dead letter", async () => {
    const { tenant, bridge, end, deadLetters, read } = await ready(ECHO);
    await poisoned(tenant, "poison");
    const lifetimes = ["first", "poison", "last"];
    const records = lifetimes.map((lifetime, i) => record("plan-inputs", start({ lifetime }), i));
    const next = toBinary(TaskInputSchema, create(TaskInputSchema, { taskName: "say" }));
    expect(await bring(bridge, ...records, record("task-inputs", next, 4))).toEqual([3, 5]);
    expect(await bridge.next("credit")).toMatchObject({ records: 4n });
    for (const lifetime of ["first", "last"])
      expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED", steps: 2 });
    expect(await deadLetters()).toMatchObject([
      { reason: "internal", topic: "plan-inputs", partition: 0, offset: 1, message: records[1]?.value },
    ]);
    expect(await read("task-inputs")).toHaveLength(3);
    // Each was counted once, though it was tried again.
    const families = answered(await tenantOf(tenant).object.metrics());
    const { samples = [] } = families.find(({ name }) => name === "escapement_mirror_records_total") ?? {};
    const arrived = samples.filter(({ labels }) => labels?.direction === "in");
    expect(arrived.filter(({ value }) => value > 0)).toMatchObject([
      { labels: { topic: "plan-inputs" }, value: 3 },
      { labels: { topic: "task-inputs" }, value: 1 },
    ]);
  });

  test("is not brought more than there is credit for", async () => {
    const { bridge, read } = await ready();
    const one = record("task-inputs", new Uint8Array([255]), 0);
    bridge.say(arrivals(Array.from({ length: MIRROR_CREDIT_RECORDS + 1 }, () => one)));
    expect(await bridge.next("refusal")).toMatchObject({ code: RefusalCode.MALFORMED });
    await bridge.closed();
    expect(await read("task-inputs")).toEqual([]);
  });

  test("waits for its frame before, also where that fails, and for none of other partitions", async () => {
    const { tenant, bridge, end, deadLetters } = await ready(ECHO);
    await poisoned(tenant, "poison");
    const frame = (partition: number, from: number, ...lifetimes: readonly string[]) =>
      arrivals(
        lifetimes.map((lifetime, i) => record("plan-inputs", start({ lifetime }), from + i, { partition })),
      );
    for (const each of [frame(0, 0, "one", "poison"), frame(1, 0, "two"), frame(0, 2, "three")])
      bridge.say(each);
    const marks: [partition: number, next: number][] = [];
    while (marks.length < 3)
      for (const { partition, next } of (await bridge.next("received")).marks)
        marks.push([partition, Number(next)]);
    expect(marks.filter(([partition]) => partition === 0)).toEqual([
      [0, 2],
      [0, 3],
    ]);
    expect(marks).toContainEqual([1, 1]);
    for (const lifetime of ["one", "two", "three"])
      expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED" });
    expect(await deadLetters()).toMatchObject([{ partition: 0, offset: 1 }]);
  });

  test("gives its credit back with every frame", async () => {
    const { bridge } = await ready(ECHO);
    bridge.say(arrivals([record("plan-inputs", start(), 0), record("plan-inputs", start(), 1)]));
    expect(await bridge.next("credit")).toMatchObject({ records: 2n });
  });
});
