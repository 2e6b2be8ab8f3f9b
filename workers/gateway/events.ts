/** Events as they happen, as server-sent events: of a lifetime until it has ended, of the tenant for as long as wanted. */
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Answer, StreamRequest, TenantRpc } from "../../src/control-plane/tenant.ts";
import type { Rejection } from "../../src/rejection.ts";
import { err, ok } from "../../src/result.ts";
import { EVENT_NAMES } from "../../src/stream/frame.ts";
import { objectOf, objectOfLifetime } from "./address.ts";
import { Api, route } from "./api.ts";
import { eventId, id, ofTenant, TENANT } from "./parameters.ts";
import { problem } from "./problem.ts";
import { storedEvents } from "./stored-events.ts";

const EVENT_STREAM = "text/event-stream";

const responses = {
  200: {
    description: `Events named ${EVENT_NAMES.join(", ")}; their ids are offsets of the log`,
    content: { [EVENT_STREAM]: { schema: z.string() } },
  },
  204: { description: "It has ended, and all of it has been read: an EventSource does not come back" },
};

const position = {
  query: z.strictObject({
    after: eventId.openapi({ description: "The id of the last event that was read; 0 is the beginning" }),
  }),
  headers: z.object({
    "last-event-id": eventId.openapi({ description: "Likewise, and goes before `after`" }),
  }),
};

const lifetimeEvents = route("reader", {
  method: "get",
  path: `${TENANT}/lifetimes/{lifetime}/events`,
  summary: "Follow a lifetime from its start to its end",
  request: { params: ofTenant.extend({ lifetime: id }), ...position },
  responses,
});

const tenantEvents = route("reader", {
  method: "get",
  path: `${TENANT}/events`,
  summary: "Follow a tenant from now on",
  request: { params: ofTenant, ...position },
  responses,
});

type Opened = Answer<ReadableStream<Uint8Array> | undefined>;

const open = async (object: TenantRpc, wanted: StreamRequest): Promise<Opened> => {
  const request = new Request("http://object/", { method: "POST", body: JSON.stringify(wanted) });
  const response = await object.fetch(request);
  return response.status === 400 ? err(await response.json<Rejection>()) : ok(response.body ?? undefined);
};

const answer = (c: Context, opened: Opened) => {
  if (!opened.ok) return problem(c, opened.error);
  if (opened.value === undefined) return c.body(null, 204);
  // The last is for proxies that would hold events back until they have many.
  const headers = { "content-type": EVENT_STREAM, "cache-control": "no-store", "x-accel-buffering": "no" };
  return c.body(opened.value, 200, headers);
};

export const events = new Api()
  .openapi(lifetimeEvents, async (c) => {
    const { tenant, lifetime } = c.req.valid("param");
    const after = c.req.valid("header")["last-event-id"] ?? c.req.valid("query").after;
    const wanted = { lifetime, ...(after !== undefined && { after }) };
    const opened = await open(objectOfLifetime(c.env, tenant, lifetime), wanted);
    if (opened.ok || opened.error.code !== "lifetime_not_found") return answer(c, opened);
    return answer(c, await storedEvents(c.env, tenant, lifetime, after ?? 0));
  })
  .openapi(tenantEvents, async (c) => {
    const { tenant } = c.req.valid("param");
    const after = c.req.valid("header")["last-event-id"] ?? c.req.valid("query").after;
    return answer(c, await open(objectOf(c.env, tenant), after === undefined ? {} : { after }));
  });
