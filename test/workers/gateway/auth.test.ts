// Without these a route can be written that anybody may use, or that a key may use for a tenant not its own.
import { createExecutionContext } from "cloudflare:test";
import { expect, test } from "vitest";
import { Api } from "../../../workers/gateway/api.ts";
import { app } from "../../../workers/gateway/app.ts";
import { keysOf, ORIGIN, send } from "./client.ts";

/** A link is signed, which stands for a key. */
const PUBLIC = ["/health", "/ready", "/links/a"];

const ROUTES = app.routes
  .filter(({ method }) => method !== "ALL")
  .map(({ method, path }) => ({
    method,
    path: path
      .replace(/^\/#(\w+)(.*)$/, "$2#$1")
      .replaceAll(/:\w+/g, "a")
      .replace("#", ":"),
  }))
  .filter(({ path }) => !PUBLIC.includes(path));

test("the walk sees every resource", () => {
  expect(ROUTES.length).toBeGreaterThan(20);
});

test.each(ROUTES)("$method $path needs a key", async ({ method, path }) => {
  const { status, body, headers } = await send(method, path, { key: undefined });
  expect({ status, code: body.code }).toEqual({ status: 401, code: "unauthenticated" });
  expect(headers.get("www-authenticate")).toBe("Bearer");
});

test("a path without a route needs a key too", async () => {
  expect((await send("GET", "/v1/nothing", { key: undefined })).status).toBe(401);
});

test.each(["wrong-key", "admin-ke", "admin-keyy", ""])("the key %j is refused", async (key) => {
  expect((await send("GET", "/v1/tenants", { key })).body.code).toBe("unauthenticated");
});

test("the scheme has to be Bearer", async () => {
  const headers = { authorization: "Basic admin-key" };
  expect((await send("GET", "/v1/tenants", { key: undefined, headers })).body.code).toBe("unauthenticated");
});

test.each([
  ["nothing", ""],
  ["no JSON", "admin"],
  ["no list", { name: "a", key: "k" }],
  ["an empty list", []],
  ["an unknown role", [{ name: "a", key: "k", roles: ["root"] }]],
])("configured with %s, every key is refused in words that say how to configure", async (_, configured) => {
  const request = new Request(`${ORIGIN}/v1/tenants`, { headers: { authorization: "Bearer k" } });
  const response = await app.fetch(request, keysOf(configured), createExecutionContext());
  expect(response.status).toBe(401);
  expect(await response.text()).toContain("set the secret ESCAPEMENT_KEYS");
});

test.each([
  ["reader", "PUT", "/v1/tenants/a"],
  ["reader", "DELETE", "/v1/tenants/a"],
  ["reader", "POST", "/v1/tenants/a/graphs"],
  ["reader", "POST", "/v1/tenants/a/graphs/g:archive"],
  ["reader", "POST", "/v1/tenants/a/graphs/g/lifetimes"],
  ["reader", "POST", "/v1/tenants/a/lifetimes/l:cancel"],
  ["reader", "POST", "/v1/tenants/a/topics/task-executions/records"],
  ["operator", "PUT", "/v1/tenants/a"],
  ["operator", "DELETE", "/v1/tenants/a"],
])("a key with the role %s may not %s %s", async (role, method, path) => {
  const { status, body } = await send(method, path, { key: `${role}-key` });
  expect({ status, code: body.code }).toEqual({ status: 403, code: "forbidden" });
});

test("a reader may validate a graph", async () => {
  const path = "/v1/tenants/a/graphs:validate";
  expect((await send("POST", path, { key: "reader-key", json: { dot: "digraph g {}" } })).status).toBe(200);
});

test.each(["/v1/tenants/other", "/v1/tenants/other/graphs", "/v1/tenants/bound2/lifetimes/l", "/v1/tenants"])(
  "a key that is limited to tenants is refused at %s",
  async (path) => {
    const { status, body } = await send("GET", path, { key: "bound-key" });
    expect({ status, code: body.code }).toEqual({ status: 403, code: "forbidden" });
  },
);

test("an encoded slash does not lead a limited key out of its tenant", async () => {
  const { status } = await send("GET", "/v1/tenants/bound%2F..%2Fother", { key: "bound-key" });
  expect(status).toBe(403);
});

test("a route that names no role does not come to be", () => {
  const definition = { method: "get", path: "/open", responses: { 204: { description: "" } } } as const;
  expect(() => new Api().openapi(definition, (c) => c.body(null, 204))).toThrow("names no role");
});
