/** Where a bridge connects a tenant with Kafka: one WebSocket, whose frames are for the tenant's object alone. */
import type { Rejection } from "../../src/rejection.ts";
import { reject } from "../../src/rejection.ts";
import { objectOf } from "./address.ts";
import { Api, route } from "./api.ts";
import { ofTenant, TENANT } from "./parameters.ts";
import { problem } from "./problem.ts";

const connectBridge = route("bridge", {
  method: "get",
  path: `${TENANT}/bridge`,
  summary: "Connect a bridge to Kafka, as a WebSocket",
  request: { params: ofTenant },
  responses: { 101: { description: "Connected: the frames are those of docs/bridge-protocol.md" } },
});

const WEBSOCKET = { upgrade: "websocket" };

export const bridge = new Api().openapi(connectBridge, async (c) => {
  if (c.req.header("upgrade")?.toLowerCase() !== WEBSOCKET.upgrade)
    return problem(c, reject("invalid_request", "ask for an upgrade to a WebSocket").error);
  const request = new Request("http://object/", { headers: WEBSOCKET });
  const response = await objectOf(c.env, c.req.valid("param").tenant).fetch(request);
  return response.status === 101 ? response : problem(c, await response.json<Rejection>());
});
