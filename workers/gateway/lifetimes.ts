/** Lifetimes: started, read, waited for, listed, told in order, canceled. */

import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { isTerminal, LIFETIME_STATUSES } from "../../src/control-plane/status.ts";
import { CANCEL_REASON_CHARS_MAX, LABEL_CHARS_MAX, LABELS_MAX } from "../../src/limits.ts";
import type { Rejection } from "../../src/rejection.ts";
import { FIRST_PARTITION, objectOf, objectOfLifetime } from "./address.ts";
import { Api, type GatewayEnv, route } from "./api.ts";
import { encodeJson } from "./encode-json.ts";
import { findEarlier, findLifetime } from "./find-lifetime.ts";
import { idempotencyHeader, keyed } from "./idempotency.ts";
import { lifetimeJson, lifetimeSchema, summaryOf, summarySchema } from "./lifetime-json.ts";
import { answerList } from "./list.ts";
import { newLifetime } from "./new-lifetime.ts";
import { id, labels, ofTenant, paging, period, periodOf, statuses, TENANT, wait } from "./parameters.ts";
import { problem } from "./problem.ts";
import { json, jsonBody, listOf } from "./responses.ts";

export const LIFETIMES = `${TENANT}/lifetimes` as const;

const label = z
  .string()
  .max(LABEL_CHARS_MAX)
  .refine((text) => text.isWellFormed(), "half a surrogate pair is no text");

const startBody = z.strictObject({
  input: z.any().optional().openapi({ description: "Any JSON; null where absent" }),
  labels: z
    .record(label, label)
    .refine((labels) => Object.keys(labels).length <= LABELS_MAX, `at most ${LABELS_MAX} labels`)
    .default({}),
  version: z.int().min(1).optional().openapi({ description: "The newest active one where absent" }),
});

export const ofLifetime = ofTenant.extend({ lifetime: id });

const startLifetime = route("operator", {
  method: "post",
  path: `${TENANT}/graphs/{graph}/lifetimes`,
  summary: "Start a lifetime of a graph",
  request: {
    params: ofTenant.extend({ graph: id }),
    query: z.strictObject({ wait }),
    headers: idempotencyHeader,
    body: jsonBody(startBody),
  },
  responses: {
    200: json("It has ended", lifetimeSchema),
    202: json("It runs; `Location` says where to ask for it", lifetimeSchema),
  },
});

const getLifetime = route("reader", {
  method: "get",
  path: `${LIFETIMES}/{lifetime}`,
  summary: "Read a lifetime, waiting for its end where asked to",
  request: { params: ofLifetime, query: z.strictObject({ wait }) },
  responses: { 200: json("The lifetime as it is now", lifetimeSchema) },
});

const listLifetimes = route("reader", {
  method: "get",
  path: LIFETIMES,
  summary: "Lifetimes, newest first",
  request: {
    params: ofTenant,
    query: z.strictObject({
      graph: id.optional(),
      status: statuses(LIFETIME_STATUSES),
      label: labels,
      ...period("started"),
      ...paging,
    }),
  },
  responses: { 200: listOf("lifetimes", summarySchema) },
});

const cancelLifetime = route("operator", {
  method: "post",
  path: `${LIFETIMES}/{lifetime}:cancel`,
  summary: "Cancel a lifetime and what it has at work",
  request: {
    params: ofLifetime,
    body: jsonBody(z.strictObject({ reason: z.string().max(CANCEL_REASON_CHARS_MAX).optional() })),
  },
  responses: { 200: json("It is canceled", lifetimeSchema) },
});

const retryLifetime = route("operator", {
  method: "post",
  path: `${LIFETIMES}/{lifetime}:retry`,
  summary: "Continue a lifetime that has failed from where it did",
  request: {
    params: ofLifetime,
    headers: idempotencyHeader,
    body: jsonBody(z.strictObject({ reason: z.string().max(CANCEL_REASON_CHARS_MAX).optional() })),
  },
  responses: { 200: json("It runs again", lifetimeSchema) },
});

const deleteLifetime = route("operator", {
  method: "delete",
  path: `${LIFETIMES}/{lifetime}`,
  summary: "Delete what there is of a lifetime that has ended",
  request: { params: ofLifetime },
  responses: { 204: { description: "It is gone: its records, its executions and its blobs" } },
});

/** To a request whose key came before: as it is kept where its object has it no more. */
const answerEarlier = async (c: Context<GatewayEnv>, tenant: string, rejection: Rejection) => {
  const earlier = await findEarlier(c.env, tenant, rejection);
  if (!earlier.ok) return problem(c, earlier.error);
  c.header("idempotency-replayed", "true");
  return c.json(earlier.value, 200);
};

export const lifetimes = new Api()
  .openapi(startLifetime, async (c) => {
    const { tenant, graph } = c.req.valid("param");
    const { input = null, labels, version } = c.req.valid("json");
    const encoded = encodeJson("input", input);
    if (!encoded.ok) return problem(c, encoded.error);
    const started = await objectOf(c.env, tenant).start({
      graph,
      lifetime: newLifetime(FIRST_PARTITION),
      input: encoded.value,
      labels,
      waitMs: c.req.valid("query").wait ?? 0,
      ...(version !== undefined && { version }),
      ...keyed(c),
    });
    if (!started.ok) return answerEarlier(c, tenant, started.error);
    const { lifetime, replayed } = started.value;
    if (replayed) c.header("idempotency-replayed", "true");
    if (isTerminal(lifetime.status)) return c.json(lifetimeJson(lifetime), 200);
    c.header("location", `/v1/tenants/${tenant}/lifetimes/${lifetime.lifetime}`);
    return c.json(lifetimeJson(lifetime), 202);
  })
  .openapi(getLifetime, async (c) => {
    const { tenant, lifetime } = c.req.valid("param");
    const found = await findLifetime(c.env, tenant, lifetime, c.req.valid("query").wait ?? 0);
    return found.ok ? c.json(found.value, 200) : problem(c, found.error);
  })
  .openapi(deleteLifetime, async (c) => {
    const { tenant, lifetime } = c.req.valid("param");
    const removed = await objectOfLifetime(c.env, tenant, lifetime).removeLifetime(lifetime);
    return removed.ok ? c.body(null, 204) : problem(c, removed.error);
  })
  .openapi(listLifetimes, async (c) => {
    const { tenant } = c.req.valid("param");
    const query = c.req.valid("query");
    const filter = {
      graph: query.graph,
      statuses: query.status,
      labels: query.label,
      ...periodOf("started", query),
    };
    return answerList(
      c,
      tenant,
      query,
      z.strictObject({ startedAt: z.int(), lifetime: z.string() }),
      (queries, page) => queries.listLifetimes(tenant, filter, page),
      summaryOf,
    );
  })
  .openapi(cancelLifetime, async (c) => {
    const { tenant, lifetime } = c.req.valid("param");
    const reason = c.req.valid("json").reason ?? `canceled with key ${c.get("credential").name}`;
    const canceled = await objectOfLifetime(c.env, tenant, lifetime).cancel(lifetime, reason);
    return canceled.ok ? c.json(lifetimeJson(canceled.value), 200) : problem(c, canceled.error);
  })
  .openapi(retryLifetime, async (c) => {
    const { tenant, lifetime } = c.req.valid("param");
    const detail = c.req.valid("json").reason ?? `retried with key ${c.get("credential").name}`;
    const retried = await objectOfLifetime(c.env, tenant, lifetime).retry({
      lifetime,
      detail,
      ...keyed(c),
    });
    if (!retried.ok) return answerEarlier(c, tenant, retried.error);
    if (retried.value.replayed) c.header("idempotency-replayed", "true");
    return c.json(lifetimeJson(retried.value.lifetime), 200);
  });
