/**
 * The gateway: which resources there are, and what holds for all of them. What is mounted before
 * `authenticated` answers anybody; everything after it needs a key.
 */
import type { MiddlewareHandler } from "hono";
import { Api, type GatewayEnv, routingPath } from "./api.ts";
import { approvals } from "./approvals.ts";
import { authenticate, signedReader } from "./auth.ts";
import { backtest } from "./backtest.ts";
import { blobs } from "./blobs.ts";
import { bridge } from "./bridge.ts";
import { budgets } from "./budgets.ts";
import { costs } from "./costs.ts";
import { events } from "./events.ts";
import { executions } from "./executions.ts";
import { graphs } from "./graphs.ts";
import { health } from "./health.ts";
import { lifetimes } from "./lifetimes.ts";
import { lineage } from "./lineage.ts";
import { links } from "./links.ts";
import { metrics } from "./metrics.ts";
import { mirror } from "./mirror.ts";
import { pausing } from "./pausing.ts";
import { policies } from "./policies.ts";
import { problem, problemOfThrown } from "./problem.ts";
import { results } from "./results.ts";
import { RememberingRouter } from "./router.ts";
import { setAside } from "./set-aside.ts";
import { signals } from "./signals.ts";
import { tenants } from "./tenants.ts";
import { topicRemoval } from "./topic-removal.ts";
import { topics } from "./topics.ts";

const METHODS = ["GET", "POST", "PUT", "DELETE"];

const authenticated: MiddlewareHandler<GatewayEnv> = async (c, next) => {
  const authorization = c.req.raw.headers.get("authorization");
  const signed = authorization === null ? signedReader(c.env.ESCAPEMENT_KEYS, c.req.raw) : undefined;
  const credential = signed ?? authenticate(c.env.ESCAPEMENT_KEYS, authorization);
  if (!credential.ok) return problem(c, credential.error);
  c.set("credential", credential.value);
  await next();
};

const root = new Api({ getPath: routingPath, router: new RememberingRouter() });
root.route("/", health);
root.route("/", links);
root.use(authenticated);

export const app = root
  .route("/", metrics)
  .route("/", tenants)
  .route("/", graphs)
  .route("/", lifetimes)
  .route("/", budgets)
  .route("/", costs)
  .route("/", signals)
  .route("/", pausing)
  .route("/", approvals)
  .route("/", policies)
  .route("/", backtest)
  .route("/", executions)
  .route("/", lineage)
  .route("/", events)
  .route("/", results)
  .route("/", blobs)
  .route("/", topics)
  .route("/", bridge)
  .route("/", mirror)
  .route("/", topicRemoval)
  .route("/", setAside);

export type App = typeof app;

root.openAPIRegistry.registerComponent("securitySchemes", "key", { type: "http", scheme: "bearer" });
root.doc31("/openapi.json", { openapi: "3.1.0", info: { title: "Escapement", version: "1" } });

/** The methods that a path has a route for; what answers every method is no route. */
const methodsOf = (path: string): string[] =>
  METHODS.filter((method) =>
    root.router.match(method, path)[0].some(([[, route]]) => route.method === method),
  );

root.notFound((c) => {
  const methods = methodsOf(c.req.path);
  if (methods.length === 0)
    return problem(c, { code: "route_not_found", detail: "no such route; GET /openapi.json lists them" });
  const headers = { allow: [...methods, "OPTIONS"].join(", ") };
  if (c.req.method === "OPTIONS") return c.body(null, 204, headers);
  const detail = `${c.req.method} is not for this; it takes ${methods.join(", ")}`;
  return problem(c, { code: "method_not_allowed", detail }, { headers });
});

root.onError((thrown, c) => problemOfThrown(thrown, c));
