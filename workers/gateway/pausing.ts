/** Pausing and resuming: of a lifetime, of all lifetimes of a graph, and of a tenant. */
import { z } from "@hono/zod-openapi";
import { PAUSE_REASON_CHARS_MAX } from "../../src/limits.ts";
import { objectOf, objectOfLifetime } from "./address.ts";
import { Api, route } from "./api.ts";
import { GRAPHS, ofGraph, versionsSchema } from "./graphs.ts";
import { lifetimeJson, lifetimeSchema } from "./lifetime-json.ts";
import { LIFETIMES, ofLifetime } from "./lifetimes.ts";
import { ofTenant, TENANT } from "./parameters.ts";
import { problem } from "./problem.ts";
import { json, jsonBody } from "./responses.ts";
import { tenantSchema } from "./tenants.ts";

const pauseBody = z.strictObject({
  reason: z.string().max(PAUSE_REASON_CHARS_MAX).optional().openapi({ description: "Shown to whoever asks" }),
});

const pauseTenant = route("operator", {
  method: "post",
  path: `${TENANT}:pause`,
  summary: "Hold all lifetimes of a tenant: what is at work goes on, and nothing follows",
  request: { params: ofTenant, body: jsonBody(pauseBody) },
  responses: { 200: json("It is paused", tenantSchema) },
});

const resumeTenant = route("operator", {
  method: "post",
  path: `${TENANT}:resume`,
  summary: "Let the lifetimes of a tenant go on that nothing else pauses",
  request: { params: ofTenant },
  responses: { 200: json("It is not paused", tenantSchema) },
});

const pauseGraph = route("operator", {
  method: "post",
  path: `${GRAPHS}/{graph}:pause`,
  summary: "Hold all lifetimes of a graph: what is at work goes on, and nothing follows",
  request: { params: ofGraph, body: jsonBody(pauseBody) },
  responses: { 200: json("The versions as they are now", versionsSchema) },
});

const resumeGraph = route("operator", {
  method: "post",
  path: `${GRAPHS}/{graph}:resume`,
  summary: "Let the lifetimes of a graph go on that nothing else pauses",
  request: { params: ofGraph },
  responses: { 200: json("The versions as they are now", versionsSchema) },
});

const pauseLifetime = route("operator", {
  method: "post",
  path: `${LIFETIMES}/{lifetime}:pause`,
  summary: "Hold a lifetime: what it has at work goes on, and nothing follows",
  request: { params: ofLifetime, body: jsonBody(pauseBody) },
  responses: { 200: json("It is paused", lifetimeSchema) },
});

const resumeLifetime = route("operator", {
  method: "post",
  path: `${LIFETIMES}/{lifetime}:resume`,
  summary: "Let a lifetime go on, unless its graph or tenant is paused",
  request: { params: ofLifetime },
  responses: { 200: json("The lifetime as it is now", lifetimeSchema) },
});

export const pausing = new Api()
  .openapi(pauseTenant, async (c) => {
    const { name: by } = c.get("credential");
    const { reason = `paused with key ${by}` } = c.req.valid("json");
    const paused = await objectOf(c.env, c.req.valid("param").tenant).pauseTenant(reason, by);
    return paused.ok ? c.json(paused.value, 200) : problem(c, paused.error);
  })
  .openapi(resumeTenant, async (c) => {
    const resumed = await objectOf(c.env, c.req.valid("param").tenant).resumeTenant(c.get("credential").name);
    return resumed.ok ? c.json(resumed.value, 200) : problem(c, resumed.error);
  })
  .openapi(pauseGraph, async (c) => {
    const { tenant, graph } = c.req.valid("param");
    const { name: by } = c.get("credential");
    const { reason = `paused with key ${by}` } = c.req.valid("json");
    const paused = await objectOf(c.env, tenant).pauseGraph(graph, reason, by);
    return paused.ok ? c.json({ items: paused.value }, 200) : problem(c, paused.error);
  })
  .openapi(resumeGraph, async (c) => {
    const { tenant, graph } = c.req.valid("param");
    const resumed = await objectOf(c.env, tenant).resumeGraph(graph, c.get("credential").name);
    return resumed.ok ? c.json({ items: resumed.value }, 200) : problem(c, resumed.error);
  })
  .openapi(pauseLifetime, async (c) => {
    const { tenant, lifetime } = c.req.valid("param");
    const { name: by } = c.get("credential");
    const { reason = `paused with key ${by}` } = c.req.valid("json");
    const paused = await objectOfLifetime(c.env, tenant, lifetime).pauseLifetime(lifetime, reason, by);
    return paused.ok ? c.json(lifetimeJson(paused.value), 200) : problem(c, paused.error);
  })
  .openapi(resumeLifetime, async (c) => {
    const { tenant, lifetime } = c.req.valid("param");
    const resumed = await objectOfLifetime(c.env, tenant, lifetime).resumeLifetime(lifetime);
    return resumed.ok ? c.json(lifetimeJson(resumed.value), 200) : problem(c, resumed.error);
  });
