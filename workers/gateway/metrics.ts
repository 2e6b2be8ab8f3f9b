/**
 * Metrics in the text format of Prometheus, each sample with its tenant. A tenant's object has them in memory and
 * is asked at every scrape: nothing is stored for them, and nothing is looked through.
 */
import { z } from "@hono/zod-openapi";
import { METRICS_TENANTS_MAX } from "../../src/limits.ts";
import { CONTENT_TYPE, type Family, merged, single, written } from "../../src/metrics/family.ts";
import { Queries } from "../data-plane/queries.ts";
import { logLine } from "../log-line.ts";
import { objectOf } from "./address.ts";
import { Api, route } from "./api.ts";
import { ofTenant, TENANT, tenantId } from "./parameters.ts";
import { problem } from "./problem.ts";

const responses = {
  200: {
    description: "Text exposition format 0.0.4; counters begin at 0 whenever the tenant's object starts",
    content: { "text/plain": { schema: z.string() } },
  },
};

const ofOne = route("reader", {
  method: "get",
  path: `${TENANT}/metrics`,
  summary: "The metrics of a tenant",
  request: { params: ofTenant },
  responses,
});

const ofAll = route("admin", {
  method: "get",
  path: "/metrics",
  summary: "The metrics of tenants",
  request: {
    query: z.strictObject({
      tenant: z
        .union([tenantId, z.array(tenantId).max(METRICS_TENANTS_MAX)])
        .optional()
        .openapi({
          description: `May be repeated; where absent, the first ${METRICS_TENANTS_MAX} tenants by name`,
        }),
    }),
  },
  responses,
});

const headers = { "content-type": CONTENT_TYPE, "cache-control": "no-store" };

/** One that does not answer takes no other's metrics away. */
const ask = async (env: Env, tenant: string): Promise<readonly Family[]> => {
  const up = (value: number) => single("gauge", "escapement_tenant_up", "Whether it answered.", value);
  try {
    const answer = await objectOf(env, tenant).metrics();
    return answer.ok ? [up(1), ...answer.value] : [up(0)];
  } catch (cause) {
    logLine("error", "metrics_unanswered", { tenant, detail: String(cause) });
    return [up(0)];
  }
};

export const metrics = new Api()
  .openapi(ofOne, async (c) => {
    const { tenant } = c.req.valid("param");
    const answer = await objectOf(c.env, tenant).metrics();
    if (!answer.ok) return problem(c, answer.error);
    return c.text(written(merged([{ labels: { tenant }, families: answer.value }])), 200, headers);
  })
  .openapi(ofAll, async (c) => {
    const { tenant: named } = c.req.valid("query");
    const { items, next } =
      named === undefined
        ? await new Queries(c.env.DB).listTenants({ limit: METRICS_TENANTS_MAX })
        : { items: [...new Set([named].flat())].map((tenant) => ({ tenant })), next: undefined };
    const sources = await Promise.all(
      items.map(async ({ tenant }) => ({ labels: { tenant }, families: await ask(c.env, tenant) })),
    );
    const help = "Whether there are more tenants than one answer has.";
    const partial = single("gauge", "escapement_tenants_left_out", help, next ? 1 : 0);
    return c.text(written([partial, ...merged(sources)]), 200, headers);
  });
