/** The six topics of a tenant: read by offset, and produced to under the same admission as every arrival. */

import type { JsonValue } from "@bufbuild/protobuf";
import { base64Encode } from "@bufbuild/protobuf/wire";
import { z } from "@hono/zod-openapi";
import type { Disposition, TopicPage } from "../../src/control-plane/tenant.ts";
import { type Rejection, reject } from "../../src/rejection.ts";
import { ok, type Result } from "../../src/result.ts";
import { type ExecutionTopic, isTopic, TOPIC_NAMES, TOPICS, type Topic } from "../../src/topics/topics.ts";
import { isoOf } from "../../src/wire/timestamp.ts";
import { objectOf } from "./address.ts";
import { Api, mediaType, route } from "./api.ts";
import { readJson } from "./body.ts";
import { readMessage, showMessage } from "./message-json.ts";
import { limit, offset, ofTenant, TENANT, wait } from "./parameters.ts";
import { problem } from "./problem.ts";
import { json } from "./responses.ts";

const PROTOBUF = "application/x-protobuf";
const RECORDS = `${TENANT}/topics/{topic}/records` as const;

const ofTopic = ofTenant.extend({ topic: z.string().openapi({ enum: TOPIC_NAMES }) });

const recordsSchema = z
  .object({
    records: z
      .array(
        z.object({
          offset: z.int(),
          at: z.string().openapi({ format: "date-time" }),
          key: z.string(),
          value: z.any().optional().openapi({ description: "Proto JSON of the topic's message" }),
          value_base64: z.string(),
          executor_version: z.string().optional().openapi({ description: "Of the code that ran it" }),
        }),
      )
      .readonly(),
    next_offset: z
      .int()
      .openapi({ description: "Where to read on; offsets of one topic rise but are not dense" }),
    first_offset: z
      .int()
      .openapi({ description: "What is older was trimmed, and is asked of the executions" }),
  })
  .openapi("Records");

const dispositionSchema = z
  .object({
    outcome: z.enum(["recorded", "stray", "dead_letter", "ignored"]),
    reason: z.string().optional(),
    exec_id: z.string().optional(),
    offset: z.int().optional(),
  })
  .openapi("Disposition");

const readRecords = route("reader", {
  method: "get",
  path: RECORDS,
  summary: "Read a topic from an offset, waiting for records when there are none",
  request: { params: ofTopic, query: z.strictObject({ offset, limit, wait }) },
  responses: { 200: json("Records in the order of the log", recordsSchema) },
});

const produceRecord = route("operator", {
  method: "post",
  path: RECORDS,
  summary: "Produce an execution, as protobuf or as its JSON",
  request: {
    params: ofTopic,
    body: {
      content: {
        "application/json": { schema: { type: "object", description: "Proto JSON of the topic's message" } },
        [PROTOBUF]: { schema: { type: "string", format: "binary" } },
      },
    },
  },
  responses: { 202: json("What became of it", dispositionSchema) },
});

const topicOf = (name: string): Result<Topic, Rejection> =>
  isTopic(name)
    ? ok(name)
    : reject("topic_not_found", `no topic ${name}; there are ${TOPIC_NAMES.join(", ")}`);

const isProducible = (topic: Topic): topic is ExecutionTopic => TOPICS[topic].producible;

const producible = (name: string): Result<ExecutionTopic, Rejection> => {
  const topic = topicOf(name);
  if (!topic.ok) return topic;
  if (isProducible(topic.value)) return ok(topic.value);
  const names = TOPIC_NAMES.filter(isProducible).join(" and ");
  return reject("topic_not_writable", `only the runtime writes to ${name}; produce to ${names}`);
};

const showPage = (topic: Topic, page: TopicPage): z.input<typeof recordsSchema> => ({
  records: page.records.map(({ offset, at, key, value, executorVersion }) => ({
    offset,
    at: isoOf(at),
    key,
    value: showMessage(TOPICS[topic].message, value),
    value_base64: base64Encode(value),
    ...(executorVersion !== undefined && { executor_version: executorVersion }),
  })),
  next_offset: page.nextOffset,
  first_offset: page.firstOffset,
});

const encodeJson = (topic: ExecutionTopic, body: Uint8Array): Result<Uint8Array, Rejection> => {
  const { message } = TOPICS[topic];
  const value = readJson(body);
  if (!value.ok) return value;
  const encoded = readMessage(message, value.value as JsonValue);
  return encoded.ok ? encoded : reject("invalid_request", `not a ${message.name}: ${encoded.error}`);
};

/** Bytes that do not decode are kept among the dead letters, and yet their producer has to learn of it. */
const refusalOf = (disposition: Disposition, topic: ExecutionTopic): Rejection | undefined =>
  disposition.outcome === "dead_letter" && disposition.reason === "undecodable"
    ? {
        code: "undecodable",
        detail: `the bytes are not a ${TOPICS[topic].message.name}; they are kept in dead-letters`,
      }
    : undefined;

export const topics = new Api()
  .openapi(readRecords, async (c) => {
    const { tenant, topic: name } = c.req.valid("param");
    const topic = topicOf(name);
    if (!topic.ok) return problem(c, topic.error);
    const { offset, limit, wait = 0 } = c.req.valid("query");
    const read = await objectOf(c.env, tenant).readTopic({ topic: topic.value, offset, limit, waitMs: wait });
    return read.ok ? c.json(showPage(topic.value, read.value), 200) : problem(c, read.error);
  })
  .openapi(produceRecord, async (c) => {
    const { tenant, topic: name } = c.req.valid("param");
    const topic = producible(name);
    if (!topic.ok) return problem(c, topic.error);
    const encoded = mediaType(c) === PROTOBUF ? ok(c.get("body")) : encodeJson(topic.value, c.get("body"));
    if (!encoded.ok) return problem(c, encoded.error);
    const produced = await objectOf(c.env, tenant).produce(topic.value, encoded.value);
    if (!produced.ok) return problem(c, produced.error);
    const refusal = refusalOf(produced.value, topic.value);
    return refusal ? problem(c, refusal) : c.json(produced.value, 202);
  });
