/** Tenants: provisioned, read, listed and deleted. The tenant's object is the truth, D1 lists them. */
import { z } from "@hono/zod-openapi";
import type { TenantView } from "../../src/control-plane/tenant.ts";
import { LOG_RETENTION_MS_MAX } from "../../src/limits.ts";
import { ok } from "../../src/result.ts";
import { isoOf } from "../../src/wire/timestamp.ts";
import { Queries, type TenantRow } from "../data-plane/queries.ts";
import { FIRST_PARTITION, objectOf } from "./address.ts";
import { Api, route } from "./api.ts";
import { listPage } from "./list.ts";
import { mirrorOf, mirrorSchema } from "./mirror-settings.ts";
import { ofTenant, paging, TENANT } from "./parameters.ts";
import { pausedSchema } from "./paused.ts";
import { problem } from "./problem.ts";
import { json, jsonBody, pageOf } from "./responses.ts";

export const tenantSchema = z
  .object({
    tenant: z.string(),
    status: z.enum(["ACTIVE", "DELETING"]),
    generation: z.int().openapi({ description: "Counts how often a tenant of this name was provisioned" }),
    created_at: z.string().openapi({ format: "date-time" }),
    log_retention_ms: z.int().optional().openapi({ description: "Where the tenant has its own" }),
    mirror: mirrorSchema.optional().openapi({ description: "Not told in the list of tenants" }),
    paused: pausedSchema
      .optional()
      .openapi({ description: "All of its lifetimes hold; not told in the list of tenants" }),
    topics: z.literal("delete").optional().openapi({
      description: "Its topics in Kafka go too, and it is gone after them; not told in the list of tenants",
    }),
  })
  .openapi("Tenant");

const settings = z.strictObject({
  log_retention_ms: z.int().min(0).max(LOG_RETENTION_MS_MAX).optional().openapi({
    description: "How long records stay in the log after their lifetime has ended; as it is where absent",
  }),
  mirror: mirrorSchema.partial().optional(),
});

const putTenant = route("admin", {
  method: "put",
  path: TENANT,
  summary: "Provision a tenant",
  request: { params: ofTenant, body: jsonBody(settings) },
  responses: { 200: json("It was there", tenantSchema), 201: json("It is new", tenantSchema) },
});

const getTenant = route("reader", {
  method: "get",
  path: TENANT,
  summary: "Read a tenant",
  request: { params: ofTenant },
  responses: { 200: json("The tenant", tenantSchema) },
});

const deleteTenant = route("admin", {
  method: "delete",
  path: TENANT,
  summary: "Delete a tenant with all its data",
  request: {
    params: ofTenant,
    query: z.strictObject({
      topics: z.enum(["delete", "keep"]).optional().openapi({
        description:
          "Its topics in Kafka, of whatever deployment; they are kept unless deleting them was asked",
      }),
    }),
  },
  responses: { 202: json("Being deleted; ask again", tenantSchema), 204: { description: "It is gone" } },
});

const listTenants = route("reader", {
  method: "get",
  path: "/v1/tenants",
  summary: "The tenants",
  request: { query: z.strictObject(paging) },
  responses: { 200: json("A page of tenants by name", pageOf(tenantSchema)) },
});

const tenantJson = ({ tenant, status, generation, createdAt }: TenantRow): TenantView => ({
  tenant,
  status: status === "ACTIVE" ? "ACTIVE" : "DELETING",
  generation,
  created_at: isoOf(createdAt),
});

const count = z.int().min(0);
const countersSchema = z
  .object({
    requests: count.openapi({ description: "Calls of the tenant's object" }),
    commits: count,
    rpcs: count.openapi({ description: "Calls of executors" }),
    rows: count.openapi({ description: "Written to the object's SQLite, index entries included" }),
    flushes: count,
    d1_rows: count.openapi({ description: "Written to D1, index entries included" }),
    executor_missing: count.openapi({
      description: "Inputs that no code at their executor had the node for, each time that they were sent",
    }),
    backlog: count.openapi({ description: "Records that D1 does not have yet, at the most" }),
    backlog_bytes: count.openapi({ description: "Of the messages of those records" }),
    storage_bytes: count.openapi({ description: "Of the object's storage in use" }),
    stream_readers: count.openapi({ description: "Who follow events now" }),
  })
  .openapi("Counters");

const getCounters = route("reader", {
  method: "get",
  path: `${TENANT}/counters`,
  summary: "What the tenant's object has cost since it started",
  request: { params: ofTenant },
  responses: { 200: json("The counters", countersSchema) },
});

export const tenants = new Api()
  .openapi(getCounters, async (c) => {
    const counters = await objectOf(c.env, c.req.valid("param").tenant).counters();
    return counters.ok ? c.json(counters.value, 200) : problem(c, counters.error);
  })
  .openapi(listTenants, async (c) => {
    const listed = await listPage(
      { path: c.req.path, query: c.req.valid("query") },
      z.strictObject({ tenant: z.string() }),
      async (page) => ok(await new Queries(c.env.DB).listTenants(page)),
      tenantJson,
    );
    return listed.ok ? c.json(listed.value, 200) : problem(c, listed.error);
  })
  .openapi(putTenant, async (c) => {
    const { tenant } = c.req.valid("param");
    const { log_retention_ms: logRetentionMs, mirror } = c.req.valid("json");
    const provisioned = await objectOf(c.env, tenant).provision(
      { tenant, partition: FIRST_PARTITION },
      {
        ...(logRetentionMs !== undefined && { logRetentionMs }),
        ...(mirror && { mirror: mirrorOf(mirror) }),
      },
    );
    if (!provisioned.ok) return problem(c, provisioned.error);
    const { created, ...view } = provisioned.value;
    return created ? c.json(view, 201) : c.json(view, 200);
  })
  .openapi(getTenant, async (c) => {
    const described = await objectOf(c.env, c.req.valid("param").tenant).describe();
    return described.ok ? c.json(described.value, 200) : problem(c, described.error);
  })
  .openapi(deleteTenant, async (c) => {
    const object = objectOf(c.env, c.req.valid("param").tenant);
    const removed = await object.remove(c.req.valid("query").topics);
    const left = removed.ok ? await object.describe() : removed;
    if (left.ok) return c.json(left.value, 202);
    return left.error.code === "tenant_not_found" ? c.body(null, 204) : problem(c, left.error);
  });
