/** Policies: what a tenant allows, written as documents; and the verdicts that they have left. */
import type { JsonObject } from "@bufbuild/protobuf";
import { z } from "@hono/zod-openapi";
import type { TenantRpc } from "../../src/control-plane/tenant.ts";
import { POLICY_NAME, policyDocument, policySchema, readPolicy } from "../../src/guardrails/document.ts";
import { POLICY_ACTIONS, POLICY_EVENTS, POLICY_MODES } from "../../src/guardrails/policy.ts";
import { STARTERS } from "../../src/guardrails/starters.ts";
import { reject } from "../../src/rejection.ts";
import { ok } from "../../src/result.ts";
import { objectOf } from "./address.ts";
import { Api, route } from "./api.ts";
import { answerList, listPage } from "./list.ts";
import { id, ofTenant, paging, period, periodOf, TENANT } from "./parameters.ts";
import { problem } from "./problem.ts";
import { json, listOf, pageOf } from "./responses.ts";
import { verdictJson, verdictSchema } from "./verdict-json.ts";

export const POLICIES = `${TENANT}/policies` as const;
const POLICY = `${POLICIES}/{policy}` as const;

const ofPolicy = ofTenant.extend({
  policy: z.string().regex(POLICY_NAME, "write lower case letters, digits, - and _"),
});

const policyView = z
  .object({
    policy: z.string(),
    version: z.int().openapi({ description: "That of all policies, when this one was stored" }),
    created_at: z.string().openapi({ format: "date-time" }),
    scope: z.object({ graph: z.string().optional(), node: z.string().optional() }),
    on: z.array(z.enum(POLICY_EVENTS)).readonly(),
    action: z.enum(POLICY_ACTIONS),
    mode: z.enum(POLICY_MODES),
    labels: z.record(z.string(), z.string()),
  })
  .openapi("Policy");

const policyDetail = policyView.extend({ document: z.looseObject({}) }).openapi("PolicyDetail");

const written = z
  .unknown()
  .openapi({ type: "object", description: "A policy; GET …/policies:schema describes it" });

const putPolicy = route("operator", {
  method: "put",
  path: POLICY,
  summary: "Let a policy hold from now on; the same document again changes nothing",
  request: {
    params: ofPolicy,
    body: {
      content: {
        "application/yaml": { schema: z.string() },
        "application/json": { schema: written },
      },
    },
  },
  responses: { 200: json("It holds", policyView), 201: json("It is new, and holds", policyView) },
});

const enableStarter = route("operator", {
  method: "post",
  path: `${POLICY}:enable`,
  summary: "Let a starter policy hold as it is; to change it, read it and put it",
  request: { params: ofPolicy },
  responses: { 200: json("It holds", policyView), 201: json("It is new, and holds", policyView) },
});

const listStarters = route("reader", {
  method: "get",
  path: `${POLICIES}:starters`,
  summary: "Policies that come with the runtime; none holds until it is enabled",
  request: { params: ofTenant },
  responses: { 200: json("Their documents", z.object({ items: z.array(z.looseObject({})).readonly() })) },
});

const getSchema = route("reader", {
  method: "get",
  path: `${POLICIES}:schema`,
  summary: "The JSON Schema of a policy",
  request: { params: ofTenant },
  responses: { 200: json("The schema", z.looseObject({})) },
});

const getPolicy = route("reader", {
  method: "get",
  path: POLICY,
  summary: "A policy that holds",
  request: { params: ofPolicy },
  responses: { 200: json("The policy with its document", policyDetail) },
});

const listPolicies = route("reader", {
  method: "get",
  path: POLICIES,
  summary: "The policies that hold",
  request: { params: ofTenant, query: z.strictObject(paging) },
  responses: { 200: json("A page of policies by name", pageOf(policyView)) },
});

const deletePolicy = route("operator", {
  method: "delete",
  path: POLICY,
  summary: "Let a policy hold no more",
  request: { params: ofPolicy },
  responses: { 204: { description: "It holds no more" } },
});

const listVerdicts = route("reader", {
  method: "get",
  path: `${TENANT}/verdicts`,
  summary: "Evaluations of policies that did not simply allow, newest first",
  request: {
    params: ofTenant,
    query: z.strictObject({
      lifetime: id.optional(),
      graph: id.optional(),
      node: id.optional(),
      policy: id.optional(),
      action: z.enum(POLICY_ACTIONS).optional(),
      mode: z.enum(POLICY_MODES).optional(),
      ...period("judged"),
      ...paging,
    }),
  },
  responses: { 200: listOf("verdicts", verdictSchema) },
});

/** One more than asked for tells whether there is a next page. */
const pageOfPolicies = async (object: TenantRpc, after: string, limit: number) => {
  const listed = await object.listPolicies({ after, limit: limit + 1 });
  if (!listed.ok) return listed;
  const items = listed.value.slice(0, limit);
  const last = listed.value.length > limit ? items.at(-1) : undefined;
  return ok({ items, ...(last && { next: last.policy }) });
};

/** What people wrote, under the name that they put it. */
export const readNamed = (name: string, body: Uint8Array) => {
  const read = readPolicy(body);
  const faults = read.ok
    ? read.value.name === name
      ? []
      : [{ path: "name", detail: `it is ${read.value.name} in the document and ${name} in the path` }]
    : read.error;
  if (!read.ok || faults.length > 0)
    return reject("policy_invalid", `the policy has ${faults.length} faults; each says where it is`, {
      fields: faults,
    });
  return read;
};

const inTime = z.strictObject({ judgedAt: z.int(), partition: z.int(), offset: z.int() });

export const policies = new Api()
  .openapi(putPolicy, async (c) => {
    const { tenant, policy } = c.req.valid("param");
    const read = readNamed(policy, c.get("body"));
    if (!read.ok) return problem(c, read.error);
    const stored = await objectOf(c.env, tenant).putPolicy(read.value);
    if (!stored.ok) return problem(c, stored.error);
    const { created, ...view } = stored.value;
    return created ? c.json(view, 201) : c.json(view, 200);
  })
  .openapi(enableStarter, async (c) => {
    const { tenant, policy } = c.req.valid("param");
    const starter = STARTERS.find(({ name }) => name === policy);
    if (starter === undefined)
      return problem(c, { code: "policy_not_found", detail: `no starter policy ${policy}` });
    const stored = await objectOf(c.env, tenant).putPolicy(policyDocument.parse(starter));
    if (!stored.ok) return problem(c, stored.error);
    const { created, ...view } = stored.value;
    return created ? c.json(view, 201) : c.json(view, 200);
  })
  .openapi(listStarters, (c) => c.json({ items: STARTERS as unknown as readonly JsonObject[] }, 200))
  .openapi(getSchema, (c) => c.json(policySchema(), 200))
  .openapi(getPolicy, async (c) => {
    const { tenant, policy } = c.req.valid("param");
    const found = await objectOf(c.env, tenant).getPolicy(policy);
    return found.ok ? c.json(found.value, 200) : problem(c, found.error);
  })
  .openapi(listPolicies, async (c) => {
    const object = objectOf(c.env, c.req.valid("param").tenant);
    const listed = await listPage(
      { path: c.req.path, query: c.req.valid("query") },
      z.string(),
      ({ limit, after = "" }) => pageOfPolicies(object, after, limit),
      (policy) => policy,
    );
    return listed.ok ? c.json(listed.value, 200) : problem(c, listed.error);
  })
  .openapi(deletePolicy, async (c) => {
    const { tenant, policy } = c.req.valid("param");
    const removed = await objectOf(c.env, tenant).removePolicy(policy);
    return removed.ok ? c.body(null, 204) : problem(c, removed.error);
  })
  .openapi(listVerdicts, async (c) => {
    const { tenant } = c.req.valid("param");
    const query = c.req.valid("query");
    const { lifetime, graph, node, policy, action, mode } = query;
    const filter = { lifetime, graph, node, policy, action, mode, ...periodOf("judged", query) };
    return answerList(
      c,
      tenant,
      query,
      inTime,
      (queries, page) => queries.listVerdicts(tenant, filter, page),
      verdictJson,
    );
  });
