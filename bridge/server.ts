/** What the bridge tells about itself over HTTP: alive, ready, metrics. */
import { createServer, type ServerResponse } from "node:http";
import { CONTENT_TYPE, written } from "../src/metrics/family.ts";
import type { Bridge } from "./bridge.ts";
import { openInputs, wantedSchema } from "./scaler/open-inputs.ts";

export interface Server {
  readonly url: string;
  close(): void;
}

const json = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(body)}\n`);
};

type Route = (bridge: Bridge, response: ServerResponse, query: URLSearchParams) => void | Promise<void>;

const ROUTES: Readonly<Record<string, Route>> = {
  "/health": (_, response) => json(response, 200, { status: "alive" }),
  "/ready": (bridge, response) => {
    const { ready, ...readiness } = bridge.readiness();
    json(response, ready ? 200 : 503, { ready, ...readiness, leads: bridge.leads() });
  },
  "/metrics": async (bridge, response) => {
    await bridge.lookAtLag();
    response.writeHead(200, { "content-type": CONTENT_TYPE }).end(written(bridge.measures.families()));
  },
  /** What the scaler tells KEDA, for others. */
  "/open-inputs": async (bridge, response, query) => {
    const wanted = wantedSchema.safeParse(Object.fromEntries(query));
    if (wanted.success)
      json(response, 200, { ...wanted.data, inputs: await openInputs(bridge.gateway, wanted.data) });
    else json(response, 400, { error: "ask with tenant, and where wanted node, kind and graph" });
  },
};

export const startServer = (
  bridge: Bridge,
  { host, port }: { host: string; port: number },
): Promise<Server> => {
  const server = createServer((request, response) => {
    const [path = "", query] = (request.url ?? "").split("?");
    const route = ROUTES[path];
    if (route === undefined)
      return json(response, 404, { error: `there is ${Object.keys(ROUTES).join(", ")}` });
    void Promise.resolve(route(bridge, response, new URLSearchParams(query))).catch((error) =>
      json(response, 503, { error: String(error) }),
    );
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      const address = server.address();
      const bound = typeof address === "object" && address ? address.port : port;
      resolve({
        url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}`,
        close: () => void server.close(),
      });
    });
  });
};
