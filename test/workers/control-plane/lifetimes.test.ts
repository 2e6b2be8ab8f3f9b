// Without these, a lifetime might not get from its start to its end through real executors in workerd.
import { expect, test } from "vitest";
import { freshTenant } from "./client.ts";

const CHAIN = `digraph chain {
  node [kind=parallel type=plan] p1 p2
  node [kind=transform type=task expression="input"] t1 t2
  p1 -> t1 -> p2 -> t2
}`;

test("a chain of plans and tasks runs to its end", async () => {
  const { start } = await freshTenant(CHAIN);
  const answer = await start("chain", { n: 1 });
  expect(answer).toMatchObject({ ok: true, value: { lifetime: { status: "SUCCEEDED", steps: 4 } } });
});
