/**
 * A route as one definition: what it documents is what it checks. Roles, parameters and bodies are checked
 * here, before any route's own code; a route without a role does not come to be.
 */
import { createRoute, OpenAPIHono, type RouteConfig, z } from "@hono/zod-openapi";
import type { Context, Handler } from "hono";
import { getPath } from "hono/utils/url";
import { type Rejection, reject } from "../../src/rejection.ts";
import { ok, type Result } from "../../src/result.ts";
import { authorize, type Credential, type Role } from "./auth.ts";
import { readBody, readJson } from "./body.ts";
import { problem, problemResponse } from "./problem.ts";
import { type Part, validate } from "./validation.ts";

export interface GatewayEnv {
  Bindings: Env;
  Variables: {
    credential: Credential;
    /** As it came; of routes that take a body. */
    body: Uint8Array;
  };
}

type Definition<Path extends string> = Omit<RouteConfig, "path"> & { path: Path };

/** `role` is the least that a key needs; it is documented as `x-role`. */
export const route = <Path extends string, D extends Definition<Path>>(
  role: Role,
  definition: D & { path: Path },
) =>
  createRoute({
    ...definition,
    "x-role": role,
    security: [{ key: [] }],
    responses: { ...definition.responses, default: problemResponse } as D["responses"] & {
      default: typeof problemResponse;
    },
  });

/**
 * Actions are written `{graph}:archive`, where a router would see one parameter. Inside they come first, as a
 * segment that begins with `#`: the path of a request can never hold one, so nothing is ambiguous. An id that
 * ends like an action is still reachable: its colon is sent as %3A.
 */
const REQUESTED_ACTION =
  /^(.*):(activate|approve|archive|backtest|cancel|delegate|enable|link|pause|reject|resume|retry|schema|signal|starters|validate)$/;
const DEFINED_ACTION = /^(.*[^/]):([a-z]+)$/;
const ACTION_FIRST = "/#$2$1";

export const routingPath = (request: Request): string =>
  getPath(request).replace(REQUESTED_ACTION, ACTION_FIRST);

const patternOf = (path: string): string =>
  path.replaceAll(/\/{(.+?)}/g, "/:$1").replace(DEFINED_ACTION, ACTION_FIRST);

/** Like its base, but a route's checks are this gateway's own: bounded, with our codes, and each only once. */
export class Api extends OpenAPIHono<GatewayEnv> {
  override openapi = ((definition: RouteConfig, handler: Handler<GatewayEnv>) => {
    const admit = admission(definition);
    this.openAPIRegistry.registerPath(definition);
    this.on(definition.method, [patternOf(definition.path)], async (c, next) => {
      const admitted = await admit(c);
      return admitted.ok ? handler(c, next) : problem(c, admitted.error);
    });
    return this;
  }) as unknown as OpenAPIHono<GatewayEnv>["openapi"];
}

type Check = (c: Context<GatewayEnv>) => Result<void, Rejection> | Promise<Result<void, Rejection>>;

const admission = (definition: RouteConfig): Check => {
  const role = definition["x-role"] as Role | undefined;
  if (role === undefined) throw new Error(`${definition.method} ${definition.path} names no role`);
  const checks = [...parameterChecks(definition), ...bodyCheck(definition)];
  return async (c) => {
    const authorized = authorize(c.get("credential"), role, c.req.param("tenant"));
    if (!authorized.ok) return authorized;
    for (const check of checks) {
      const checked = await check(c);
      if (!checked.ok) return checked;
    }
    return authorized;
  };
};

const NO_QUERY = z.strictObject({});

const parameterChecks = ({ request }: RouteConfig): Check[] => [
  ...check("param", "path", request?.params, (c) => c.req.param()),
  ...check("query", "query", request?.query ?? NO_QUERY, queryOf),
  ...check("header", "headers", request?.headers as z.ZodObject | undefined, headersOf),
];

type Read = (c: Context<GatewayEnv>, schema: z.ZodType) => unknown;

const check = (target: Target, part: Part, schema: z.ZodType | undefined, read: Read): Check[] =>
  schema ? [(c) => keep(c, target, validate(schema, read(c, schema), part))] : [];

type Target = "param" | "query" | "header" | "json";

const keep = (c: Context<GatewayEnv>, target: Target, validated: Result<unknown, Rejection>) => {
  if (!validated.ok) return validated;
  c.req.addValidatedData(target, validated.value as object);
  return ok(undefined);
};

/** A parameter that is given twice is a list, which few schemas take. */
const queryOf: Read = (c) => {
  if (!c.req.url.includes("?")) return {};
  const queries = Object.entries(c.req.queries());
  return Object.fromEntries(
    queries.map(([name, values]) => [name, values.length === 1 ? values[0] : values]),
  );
};

/** Only what the schema names: the others are not ours to judge. */
const headersOf: Read = (c, schema) =>
  Object.fromEntries(Object.keys((schema as z.ZodObject).shape).map((name) => [name, c.req.header(name)]));

/** The content type of a body that its route reads itself, as it comes. */
export const STREAMED = "*/*";

const bodyCheck = ({ request }: RouteConfig): Check[] => {
  const content = request?.body?.content;
  if (!content || STREAMED in content) return [];
  const types = Object.keys(content);
  const documented = content["application/json"];
  const json = documented && "schema" in documented ? documented.schema : undefined;
  return [
    async (c) => {
      const read = await readBody(c.req.raw);
      if (!read.ok) return read;
      c.set("body", read.value);
      if (read.value.byteLength === 0)
        return json instanceof z.ZodType ? keep(c, "json", validate(json, {}, "body")) : ok(undefined);
      const type = mediaType(c);
      if (!types.includes(type))
        return reject(
          "unsupported_media_type",
          `send content-type ${types.join(" or ")}, not ${type || "none"}`,
        );
      if (type !== "application/json" || !(json instanceof z.ZodType)) return ok(undefined);
      const value = readJson(read.value);
      return value.ok ? keep(c, "json", validate(json, value.value, "body")) : value;
    },
  ];
};

export const mediaType = (c: Context): string =>
  (c.req.header("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
