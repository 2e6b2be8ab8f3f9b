/** A tenant object as its tests use it: provisioned, with the graphs of a test, every option defaulted. */
import { env } from "cloudflare:workers";
import type { JsonValue } from "@bufbuild/protobuf";
import type { StartRequest } from "../../../src/control-plane/tenant.ts";
import { parseGraph } from "../../../src/graph/parse.ts";
import { payloadOf } from "../../../src/wire/payload.ts";
import { nodes } from "#nodes";

let count = 0;

export const freshTenant = async (...graphs: readonly string[]) => {
  const tenant = `tenant-${Date.now()}-${count++}`;
  const object = env.TENANTS.getByName(`${tenant}/0`);
  await object.provision({ tenant, partition: 0 });
  for (const dot of graphs) {
    const graph = parseGraph({ dot }, nodes);
    if (!graph.ok) throw new Error(JSON.stringify(graph.error));
    const registered = await object.registerGraph({ graph: graph.value, activate: true });
    if (!registered.ok) throw new Error(JSON.stringify(registered.error));
  }
  const start = (graph: string, input: JsonValue = null, more: Partial<StartRequest> = {}) =>
    object.start({
      graph,
      lifetime: `lifetime-${count++}`,
      input: payloadOf(input).value,
      labels: {},
      waitMs: 10_000,
      ...more,
    });
  return { tenant, object, start };
};
