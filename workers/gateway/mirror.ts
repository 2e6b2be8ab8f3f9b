/** The mirror of a tenant in Kafka: how it stands, what executors elsewhere have to do, and topics made anew. */
import { z } from "@hono/zod-openapi";
import type { Mark } from "../../src/mirror/mark.ts";
import type { MirrorState } from "../../src/mirror/state.ts";
import { TOPIC_NAMES, type Topic } from "../../src/topics/topics.ts";
import { objectOf } from "./address.ts";
import { Api, route } from "./api.ts";
import { ofTenant, partition, TENANT } from "./parameters.ts";
import { problem } from "./problem.ts";
import { json } from "./responses.ts";

const topic = z.enum(TOPIC_NAMES as [Topic, ...Topic[]]);

const partitionSchema = z
  .object({
    topic,
    partition: z.int(),
    generation: z.int().openapi({ description: "How often the topic was made anew" }),
    next: z.int().openapi({ description: "The next offset that is taken" }),
    regressed: z.boolean().openapi({ description: "It ended below that, and needs its next generation" }),
  })
  .openapi("KafkaPartition");

const stateSchema = z
  .object({
    deployment: z.string(),
    connections: z.int().openapi({ description: "Bridges that are connected" }),
    lease: z
      .object({ holder: z.string(), epoch: z.int() })
      .optional()
      .openapi({ description: "The bridge that sends the log to Kafka" }),
    acknowledged: z.int().openapi({ description: "The last offset of the log that Kafka has" }),
    lag: z.int().openapi({ description: "Records of the log after it" }),
    gap: z
      .object({
        from: z.int(),
        to: z.int(),
        passed: z.boolean().openapi({ description: "Kafka has what was left of them" }),
      })
      .optional()
      .openapi({
        description:
          "Offsets that Kafka was not waited for, the last time: it never gets what was trimmed of them",
      }),
    partitions: z.array(partitionSchema).readonly(),
  })
  .openapi("MirrorState");

const openInputsSchema = z
  .object({
    items: z
      .array(
        z.object({
          graph: z.string(),
          kind: z.enum(["plan", "task"]),
          node: z.string(),
          inputs: z.int(),
        }),
      )
      .readonly(),
  })
  .openapi("OpenInputs");

const getMirror = route("reader", {
  method: "get",
  path: `${TENANT}/mirror`,
  summary: "How the mirror in Kafka stands",
  request: { params: ofTenant },
  responses: { 200: json("As of now", stateSchema) },
});

const getOpenInputs = route("reader", {
  method: "get",
  path: `${TENANT}/open-inputs`,
  summary: "Open inputs of nodes that executors elsewhere run, by node",
  request: { params: ofTenant },
  responses: { 200: json("Nodes that have any", openInputsSchema) },
});

const renewPartition = route("operator", {
  method: "post",
  path: `${TENANT}/mirror/partitions/{topic}/{partition}/generations`,
  summary: "Begin a new generation of a partition whose topic was made anew",
  request: { params: ofTenant.extend({ topic, partition }) },
  responses: { 201: json("Taken from its beginning", partitionSchema) },
});

type Shown = z.input<typeof stateSchema>;

const showState = ({ lease, gap, ...state }: MirrorState): Shown => ({
  ...state,
  ...(lease && { lease }),
  ...(gap && { gap }),
});

export const mirror = new Api()
  .openapi(getMirror, async (c) => {
    const state = await objectOf(c.env, c.req.valid("param").tenant).mirror();
    return state.ok ? c.json(showState(state.value), 200) : problem(c, state.error);
  })
  .openapi(getOpenInputs, async (c) => {
    const open = await objectOf(c.env, c.req.valid("param").tenant).openElsewhere();
    return open.ok ? c.json({ items: open.value }, 200) : problem(c, open.error);
  })
  .openapi(renewPartition, async (c) => {
    const { tenant, topic, partition } = c.req.valid("param");
    const renewed = await objectOf(c.env, tenant).renewPartition(topic, partition);
    return renewed.ok ? c.json(renewed.value satisfies Mark, 201) : problem(c, renewed.error);
  });
