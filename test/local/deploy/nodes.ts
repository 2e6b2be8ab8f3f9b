// A node that tells the world outside that it ran, and by which code; bundled twice, under two names.
import { z } from "zod";
import { builtIns } from "../../../src/executor/built-ins.ts";
import { defineTask } from "../../../src/executor/node.ts";
import { registry } from "../../../src/executor/registry.ts";

const baton = z.object({ url: z.string(), ran: z.array(z.string()) });

export const nodesOf = (code: string) => {
  const sign = defineTask("sign", {
    input: baton,
    output: baton,
    run: async ({ url, ran }, { idempotencyKey, signal }) => {
      const headers = { "idempotency-key": idempotencyKey };
      const response = await fetch(url, { method: "POST", headers, body: code, signal });
      await response.body?.cancel();
      return { url, ran: [...ran, code] };
    },
  });
  return registry({ plans: builtIns.plans, tasks: [...builtIns.tasks, sign] });
};
