// Without this, a reader of the topics could miss a record, see one twice, or get what it cannot decode.
import { describe, expect, test } from "vitest";
import { TOPIC_NAMES, TOPICS } from "../../../src/topics/topics.ts";
import { decode } from "../../../src/wire/codec.ts";
import { answered, ECHO, freshTenant, inOwnTenant } from "./client.ts";

const LIFETIMES = 7;

describe("a topic", () => {
  test.for(TOPIC_NAMES)("%s has one record of its message for each step, in order", async (topic) => {
    const { start, read } = await freshTenant(ECHO);
    await Promise.all(Array.from({ length: LIFETIMES }, (_, i) => start("echo", i)));
    const records = await read(topic);
    expect(records).toHaveLength(LIFETIMES);
    for (const { key, value } of records) {
      expect(answered(decode(TOPICS[topic].message, value)).header?.name).toBe(key);
      expect(key).toBe(TOPICS[topic].kind === "plan" ? "begin" : "say");
    }
    const offsets = records.map((record) => record.offset);
    expect(offsets).toEqual([...new Set(offsets)].sort((a, b) => a - b));
  });

  test.for([1, 2, 3, 1_000])("is read as the same records in pages of %i", async (limit) => {
    const { start, read } = await freshTenant(ECHO);
    await Promise.all(Array.from({ length: LIFETIMES }, (_, i) => start("echo", i)));
    expect(await read("task-inputs", limit)).toEqual(await read("task-inputs"));
  });

  test("answers its executions again as persisted", async () => {
    const { start, read } = await freshTenant(ECHO);
    await start("echo");
    expect(await read("persisted-plan-executions")).toEqual(await read("plan-executions"));
    expect(await read("persisted-task-executions")).toEqual(await read("task-executions"));
  });

  test("ends a page early when its messages are large, and loses none", async () => {
    const { start, read, object } = await freshTenant(ECHO);
    const large = "x".repeat(100_000);
    await Promise.all(Array.from({ length: 60 }, () => start("echo", large)));
    const page = await object.readTopic({ topic: "task-inputs", offset: 0, limit: 1_000, waitMs: 0 });
    const { records } = answered(page);
    expect(records.length).toBeLessThan(60);
    expect(await read("task-inputs")).toHaveLength(60);
  });

  test("wakes a reader that waits at its end", () =>
    inOwnTenant({}, [ECHO], async ({ object, begin, read }) => {
      const waiting = object.readTopic({ topic: "plan-inputs", offset: 0, limit: 10, waitMs: 20_000 });
      await begin("echo");
      expect(answered(await waiting).records).toHaveLength(1);
      expect(await read("plan-inputs")).toHaveLength(1);
    }));

  test("answers a reader in vain after its time", () =>
    inOwnTenant({}, [], async ({ object }) => {
      const page = await object.readTopic({ topic: "plan-inputs", offset: 5, limit: 10, waitMs: 1 });
      expect(answered(page)).toEqual({ records: [], nextOffset: 5, firstOffset: 1 });
    }));
});
