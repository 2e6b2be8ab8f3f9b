// Without this, a binding that is missing from wrangler.toml shows only in the first test that needs it.
import { env, exports } from "cloudflare:workers";
import { expect, test } from "vitest";

test("the worker answers", async () => {
  const response = await exports.default.fetch("http://escapement/health");
  expect(response.status).toBeLessThan(500);
});

test("D1, R2 and the tenant object are bound", async () => {
  expect((await env.DB.prepare("SELECT 1 AS one").first())?.one).toBe(1);
  await env.BLOBS.put("a", "b");
  expect(await (await env.BLOBS.get("a"))?.text()).toBe("b");
  expect(env.TENANTS.idFromName("a").toString()).toHaveLength(64);
});
