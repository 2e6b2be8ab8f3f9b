// Nodes that tell the world outside that they ran, with the key under which that may count once.
import { z } from "zod";
import { builtIns } from "../../../src/executor/built-ins.ts";
import { definePlan, defineTask } from "../../../src/executor/node.ts";
import { registry } from "../../../src/executor/registry.ts";

const baton = z.object({ url: z.string(), n: z.int() });

const tell = async (url: string, key: string, signal: AbortSignal): Promise<void> => {
  const response = await fetch(url, { method: "POST", headers: { "idempotency-key": key }, signal });
  await response.body?.cancel();
};

const pass = definePlan("pass", {
  input: baton,
  run: async ({ url }, { idempotencyKey, signal, next }) => {
    await tell(url, idempotencyKey, signal);
    return next.map(({ name }) => name);
  },
});

const count = defineTask("count", {
  input: baton,
  output: baton,
  run: async ({ url, n }, { idempotencyKey, signal }) => {
    await tell(url, idempotencyKey, signal);
    return { url, n: n + 1 };
  },
});

export const nodes = registry({
  plans: [...builtIns.plans, pass],
  tasks: [...builtIns.tasks, count],
});
