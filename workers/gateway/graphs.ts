/** Graphs: validated, registered as immutable versions, read, activated and archived. */
import { z } from "@hono/zod-openapi";
import { nodes } from "#nodes";
import type { TenantRpc } from "../../src/control-plane/tenant.ts";
import { parseGraph } from "../../src/graph/parse.ts";
import type { Validated } from "../../src/graph/validate.ts";
import { ok } from "../../src/result.ts";
import { objectOf } from "./address.ts";
import { Api, route } from "./api.ts";
import { listPage } from "./list.ts";
import { id, ofTenant, paging, TENANT, version } from "./parameters.ts";
import { pausedSchema } from "./paused.ts";
import { faultSchema, problem, warningSchema } from "./problem.ts";
import { json, jsonBody, pageOf } from "./responses.ts";

export const GRAPHS = `${TENANT}/graphs` as const;

const graphSchema = z
  .object({
    graph: z.string(),
    version: z.int(),
    status: z.enum(["NEW", "ACTIVE", "ARCHIVED"]),
    hash: z.string().openapi({ description: "SHA-256 of the canonical document, hex" }),
    created_at: z.string().openapi({ format: "date-time" }),
    paused: pausedSchema.optional().openapi({ description: "Its lifetimes hold, whatever their version" }),
  })
  .openapi("Graph");

const warnings = { warnings: z.array(warningSchema).readonly() };

/** What its author may want to know of it is told with every registration, also of one that was there. */
const registeredSchema = graphSchema.extend(warnings);

const detailSchema = graphSchema
  .extend({
    document: z.looseObject({}),
    source: z.object({ language: z.literal("dot"), text: z.string() }).optional(),
  })
  .openapi("GraphDetail");

export const versionsSchema = z.object({ items: z.array(graphSchema).readonly() });

/** The shape of a document is judged by validation, which tells all of its faults; here it is documented. */
const written = {
  dot: z.string().optional().openapi({ description: "The graph in DOT" }),
  graph: z
    .unknown()
    .optional()
    .openapi({ ...({ type: "object" } as const), description: "The graph as a document" }),
};
const ONE_LANGUAGE = "write the graph once, as `dot` or as `graph`";
const inOneLanguage = ({ dot, graph }: { dot?: string | undefined; graph?: unknown }) =>
  (dot === undefined) !== (graph === undefined);

const validateBody = z.strictObject(written).refine(inOneLanguage, ONE_LANGUAGE);
const registerBody = z
  .strictObject({ ...written, activate: z.boolean().default(true) })
  .refine(inOneLanguage, ONE_LANGUAGE);

export const ofGraph = ofTenant.extend({ graph: id });
const actionBody = z.strictObject({ version: z.int().min(1).optional() });

const validateGraph = route("reader", {
  method: "post",
  path: `${GRAPHS}:validate`,
  summary: "Tell all faults of a graph, without registering it",
  request: { params: ofTenant, body: jsonBody(validateBody) },
  responses: {
    200: json(
      "What was found",
      z.object({ valid: z.boolean(), faults: z.array(faultSchema).readonly(), ...warnings }),
    ),
  },
});

const registerGraph = route("operator", {
  method: "post",
  path: GRAPHS,
  summary: "Register a graph; the same graph again answers the version that it has",
  request: { params: ofTenant, body: jsonBody(registerBody) },
  responses: { 200: json("It was there", registeredSchema), 201: json("It is new", registeredSchema) },
});

const listGraphs = route("reader", {
  method: "get",
  path: GRAPHS,
  summary: "The newest version of each graph",
  request: { params: ofTenant, query: z.strictObject(paging) },
  responses: { 200: json("A page of graphs by name", pageOf(graphSchema)) },
});

const getGraph = route("reader", {
  method: "get",
  path: `${GRAPHS}/{graph}`,
  summary: "The newest version of a graph",
  request: { params: ofGraph },
  responses: { 200: json("The graph with its document", detailSchema) },
});

const listVersions = route("reader", {
  method: "get",
  path: `${GRAPHS}/{graph}/versions`,
  summary: "All versions of a graph, newest first",
  request: { params: ofGraph },
  responses: { 200: json("The versions", versionsSchema) },
});

const getVersion = route("reader", {
  method: "get",
  path: `${GRAPHS}/{graph}/versions/{version}`,
  summary: "One version of a graph",
  request: { params: ofGraph.extend({ version }) },
  responses: { 200: json("The graph with its document", detailSchema) },
});

const activateGraph = route("operator", {
  method: "post",
  path: `${GRAPHS}/{graph}:activate`,
  summary: "Let lifetimes of a graph start: of one version, or of all that are not archived",
  request: { params: ofGraph, body: jsonBody(actionBody) },
  responses: { 200: json("The versions as they are now", versionsSchema) },
});

const archiveGraph = route("operator", {
  method: "post",
  path: `${GRAPHS}/{graph}:archive`,
  summary: "Start nothing of a graph any more: of one version, or of all; what runs finishes",
  request: { params: ofGraph, body: jsonBody(actionBody) },
  responses: { 200: json("The versions as they are now", versionsSchema) },
});

const parse = ({ dot, graph }: { dot?: string | undefined; graph?: unknown }): Validated =>
  parseGraph(dot === undefined ? { graph } : { dot }, nodes);

const sourceOf = ({ dot }: { dot?: string | undefined }) =>
  dot === undefined ? {} : { source: { language: "dot" as const, text: dot } };

const change = <S extends "ACTIVE" | "ARCHIVED">(
  graph: string,
  { version }: { version?: number | undefined },
  status: S,
) => ({ graph, status, ...(version !== undefined && { version }) });

/** One more than asked for tells whether there is a next page. */
const newestVersions = async (object: TenantRpc, after: string, limit: number) => {
  const listed = await object.listGraphs({ after, limit: limit + 1 });
  if (!listed.ok) return listed;
  const items = listed.value.slice(0, limit);
  const last = listed.value.length > limit ? items.at(-1) : undefined;
  return ok({ items, ...(last && { next: last.graph }) });
};

export const graphs = new Api()
  .openapi(validateGraph, (c) => {
    const parsed = parse(c.req.valid("json"));
    const found = parsed.ok
      ? { faults: [], warnings: parsed.warnings }
      : { faults: parsed.error, warnings: [] };
    return c.json({ valid: parsed.ok, ...found }, 200);
  })
  .openapi(registerGraph, async (c) => {
    const body = c.req.valid("json");
    const parsed = parse(body);
    if (!parsed.ok) {
      const detail = `the graph has ${parsed.error.length} faults; each says how to mend it`;
      return problem(c, { code: "graph_invalid", detail, faults: parsed.error });
    }
    const { tenant } = c.req.valid("param");
    const request = { graph: parsed.value, ...sourceOf(body), activate: body.activate };
    const registered = await objectOf(c.env, tenant).registerGraph(request);
    if (!registered.ok) return problem(c, registered.error);
    const { created, ...registration } = registered.value;
    const view = { ...registration, warnings: parsed.warnings };
    return created ? c.json(view, 201) : c.json(view, 200);
  })
  .openapi(listGraphs, async (c) => {
    const object = objectOf(c.env, c.req.valid("param").tenant);
    const listed = await listPage(
      { path: c.req.path, query: c.req.valid("query") },
      z.string(),
      ({ limit, after = "" }) => newestVersions(object, after, limit),
      (graph) => graph,
    );
    return listed.ok ? c.json(listed.value, 200) : problem(c, listed.error);
  })
  .openapi(getGraph, async (c) => {
    const { tenant, graph } = c.req.valid("param");
    const found = await objectOf(c.env, tenant).getGraph(graph);
    return found.ok ? c.json(found.value, 200) : problem(c, found.error);
  })
  .openapi(listVersions, async (c) => {
    const { tenant, graph } = c.req.valid("param");
    const listed = await objectOf(c.env, tenant).listVersions(graph);
    return listed.ok ? c.json({ items: listed.value }, 200) : problem(c, listed.error);
  })
  .openapi(getVersion, async (c) => {
    const { tenant, graph, version } = c.req.valid("param");
    const found = await objectOf(c.env, tenant).getGraph(graph, version);
    return found.ok ? c.json(found.value, 200) : problem(c, found.error);
  })
  .openapi(activateGraph, async (c) => {
    const { tenant, graph } = c.req.valid("param");
    const moved = await objectOf(c.env, tenant).setGraphStatus(change(graph, c.req.valid("json"), "ACTIVE"));
    return moved.ok ? c.json({ items: moved.value }, 200) : problem(c, moved.error);
  })
  .openapi(archiveGraph, async (c) => {
    const { tenant, graph } = c.req.valid("param");
    const moved = await objectOf(c.env, tenant).setGraphStatus(
      change(graph, c.req.valid("json"), "ARCHIVED"),
    );
    return moved.ok ? c.json({ items: moved.value }, 200) : problem(c, moved.error);
  });
