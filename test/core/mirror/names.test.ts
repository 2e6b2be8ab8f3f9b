// Without this a record could be given to another tenant, or an echo be taken for a producer's record.
import { describe, expect, it } from "vitest";
import {
  decodeBridgeFrame,
  decodeEdgeFrame,
  encodeBridgeFrame,
  encodeEdgeFrame,
  topicOfWire,
  wireTopic,
} from "../../../src/mirror/frame.ts";
import { kafkaTopic, parseKafkaTopic, progressGroup, transactionalId } from "../../../src/mirror/names.ts";
import { isOwnOrigin, originHeader, parseOrigin } from "../../../src/mirror/origin.ts";
import { TOPIC_NAMES, type Topic } from "../../../src/topics/topics.ts";

const ORIGIN = {
  deployment: "west-1",
  tenant: "a-b",
  partition: 0,
  generation: 2,
  offset: 9_007_199_254,
  topic: "task-inputs" as Topic,
};

describe("names in Kafka", () => {
  it("give back the topic and the tenant that they were made of", () => {
    for (const topic of TOPIC_NAMES)
      for (const tenant of ["acme", "a-b", "plan-inputs", "-"])
        expect(parseKafkaTopic(kafkaTopic(topic, tenant))).toEqual({ topic, tenant });
  });

  it.each(["task-inputs-", "task-inputs", "dead-letters-acme", "plan-inputs-a.b", "other-acme"])(
    "%s is no topic of a tenant",
    (name) => expect(parseKafkaTopic(name)).toBeUndefined(),
  );

  it("differ for streams that only differ in where a hyphen belongs", () => {
    const [one, other] = [
      { ...ORIGIN, deployment: "a-b", tenant: "c" },
      { ...ORIGIN, deployment: "a", tenant: "b-c" },
    ];
    expect(transactionalId(one)).not.toBe(transactionalId(other));
    expect(progressGroup(one)).not.toBe(progressGroup(other));
  });
});

describe("an origin", () => {
  it("reads as it was written", () => expect(parseOrigin(originHeader(ORIGIN))).toEqual(ORIGIN));

  it("of before it said its topic is read as well", () =>
    expect(parseOrigin("west/acme/0/1/2")).toEqual({
      deployment: "west",
      tenant: "acme",
      partition: 0,
      generation: 1,
      offset: 2,
    }));

  it.each<[boolean, Partial<typeof ORIGIN>]>([
    [true, {}],
    [true, { generation: 9, deployment: "east" }],
    [false, { topic: "task-executions" }],
    [false, { topic: "plan-inputs" }],
    [false, { tenant: "other" }],
  ])("is of its record: %s, where it differs in %j", (own, differs) => {
    const { topic, tenant } = ORIGIN;
    expect(isOwnOrigin({ ...ORIGIN, ...differs }, { topic, tenant })).toBe(own);
  });

  it.each([
    "",
    "west",
    "west/acme/0/1",
    "west/acme/0/1/x",
    "west/acme/0/1/2/",
    "west/acme/0/1/2/task-inputs/3",
    "we st/acme/0/1/2",
    "west//0/1/2",
  ])("is not read from %j", (header) => expect(parseOrigin(header)).toBeUndefined());
});

describe("a frame", () => {
  it("reads as it was written, each way", () => {
    const resume = { case: "resume" as const, value: { after: 7n } };
    const credit = { case: "credit" as const, value: { records: 1n, bytes: 2n } };
    expect(decodeBridgeFrame(encodeBridgeFrame(resume))).toMatchObject({ ok: true, value: resume });
    expect(decodeEdgeFrame(encodeEdgeFrame(credit))).toMatchObject({ ok: true, value: credit });
  });

  it("that is none is a value, not a throw", () =>
    expect(decodeBridgeFrame(new Uint8Array([255, 255]))).toMatchObject({ ok: false }));

  it("names every topic", () => {
    for (const topic of TOPIC_NAMES) expect(topicOfWire(wireTopic(topic))).toBe(topic);
    expect(topicOfWire(0)).toBeUndefined();
  });
});
