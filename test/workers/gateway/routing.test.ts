// Without these a wrong path or method, or a fault of ours, is answered with something that is no problem document.
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { app } from "../../../workers/gateway/app.ts";
import { ORIGIN, send } from "./client.ts";

test.each([
  ["GET", "/", 404, "route_not_found"],
  ["GET", "/v1", 404, "route_not_found"],
  ["GET", "/v1/tenants/a/graphs/g/archive", 404, "route_not_found"],
  ["POST", "/v1/tenants/a/graphs/g/archive", 404, "route_not_found"],
  ["POST", "/v1/tenants/a/graphs/g/%23archive", 404, "route_not_found"],
  ["POST", "/v1/tenants/a/graphs/g:delete", 405, "method_not_allowed"],
  ["GET", "/v1/tenants/a/graphs/g:archive", 405, "method_not_allowed"],
  ["PATCH", "/v1/tenants/a", 405, "method_not_allowed"],
  ["POST", "/v1/tenants/a/graphs/", 404, "route_not_found"],
  ["DELETE", "/health", 405, "method_not_allowed"],
])("%s %s answers %i", async (method, path, status, code) => {
  const answer = await send(method, path);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(answer.body).toMatchObject({ status, code, type: `/problems/${code}`, title: expect.any(String) });
  expect(answer.status).toBe(status);
});

test("a refused method is answered with those that there are", async () => {
  const { headers } = await send("PATCH", "/v1/tenants/a");
  expect(headers.get("allow")).toBe("GET, PUT, DELETE, OPTIONS");
});

test("OPTIONS answers the methods of a path", async () => {
  const { status, headers } = await send("OPTIONS", "/v1/tenants/a/graphs:validate");
  expect(status).toBe(204);
  expect(headers.get("allow")).toBe("POST, OPTIONS");
});

test("HEAD is GET without its body", async () => {
  const { status, body } = await send("HEAD", "/health");
  expect({ status, body }).toEqual({ status: 200, body: "" });
});

test("an exception answers 500 and tells nothing of what was thrown", async () => {
  const broken = {
    ...env,
    TENANTS: {
      getByName: () => {
        throw new Error("a secret");
      },
    },
  } as unknown as Env;
  const request = new Request(`${ORIGIN}/v1/tenants/a`, { headers: { authorization: "Bearer admin-key" } });
  const response = await app.fetch(request, broken, createExecutionContext());
  const text = await response.text();
  expect(response.status).toBe(500);
  expect(JSON.parse(text)).toMatchObject({ code: "internal", instance: expect.stringMatching(/^urn:uuid:/) });
  expect(text).not.toContain("secret");
});

test("what the platform calls retryable answers 503 with when to try again", async () => {
  const broken = {
    ...env,
    TENANTS: {
      getByName: () => {
        throw Object.assign(new Error(), { retryable: true });
      },
    },
  };
  const request = new Request(`${ORIGIN}/v1/tenants/a`, { headers: { authorization: "Bearer admin-key" } });
  const response = await app.fetch(request, broken as unknown as Env, createExecutionContext());
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
});

test("the document names every route as it is called, with its role", async () => {
  const { status, body } = await send("GET", "/openapi.json", { key: "reader-key" });
  expect(status).toBe(200);
  const documented = Object.entries<Record<string, object>>(body.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const routed = app.routes
    .filter(({ method, path }) => method !== "ALL" && path !== "/openapi.json")
    .map(
      ({ method, path }) =>
        `${method} ${path.replaceAll(/:(\w+)/g, "{$1}").replace(/^\/#(\w+)(.*)$/, "$2:$1")}`,
    );
  expect(documented.sort()).toEqual(routed.sort());
  expect(body.paths["/v1/tenants/{tenant}"].put["x-role"]).toBe("admin");
});
