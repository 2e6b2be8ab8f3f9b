// Without this, docs/http.md would leave out a route, or name one that is gone, and nobody would notice.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { app } from "../../workers/gateway/app.ts";

test("docs/http.md lists every route with the role that it needs, and no other", () => {
  const { paths = {} } = app.getOpenAPI31Document({ openapi: "3.1.0", info: { title: "", version: "" } });
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods as object).map(([method, { "x-role": role = "none" }]) => row(method, path, role)),
  );
  const listed = readFileSync("docs/http.md", "utf8").matchAll(/^\| `([A-Z]+) (\S+)` \| (\S+) \|/gm);
  expect([...listed].map(([, method = "", path = "", role = ""]) => row(method, path, role)).sort()).toEqual(
    routes.sort(),
  );
});

const row = (method: string, path: string, role: string): string =>
  `${method.toUpperCase()} ${path.replace("/v1/tenants/{tenant}", "…")} needs ${role}`;
