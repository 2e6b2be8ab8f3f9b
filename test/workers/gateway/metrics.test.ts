// Without these a scraper is not let in, cannot read what it is given, or loses all tenants with one of them.
import { abortAllDurableObjects, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test, vi } from "vitest";
import { readExposition } from "../../fixtures/exposition.ts";
import { send } from "./client.ts";

test("a tenant's metrics are those of the tenant, as a scraper reads them", async () => {
  await send("PUT", "/v1/tenants/seen");
  const { status, headers, body } = await send("GET", "/v1/tenants/seen/metrics");
  expect([status, headers.get("content-type")]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
  const samples = readExposition(body);
  expect(samples.get('escapement_lifetimes_started_total{tenant="seen"}')).toBe(0);
  expect([...samples.keys()].every((key) => key.includes('tenant="seen"'))).toBe(true);
  expect((await send("GET", "/v1/tenants/unseen/metrics")).body.code).toBe("tenant_not_found");
});

test("all tenants are in one answer, with a family of each only once", async () => {
  for (const tenant of ["seen-a", "seen-b"]) await send("PUT", `/v1/tenants/${tenant}`);
  const named = readExposition(
    (await send("GET", "/metrics?tenant=seen-a&tenant=seen-b&tenant=nobody")).body,
  );
  expect([...named].filter(([key]) => key.startsWith("escapement_tenant_up"))).toEqual([
    ['escapement_tenant_up{tenant="seen-a"}', 1],
    ['escapement_tenant_up{tenant="seen-b"}', 1],
    ['escapement_tenant_up{tenant="nobody"}', 0],
  ]);
  const all = readExposition((await send("GET", "/metrics")).body);
  expect(all.get('escapement_tenant_up{tenant="seen-a"}')).toBe(1);
  expect(all.get("escapement_tenants_left_out")).toBe(0);
});

test("metrics of all tenants are for an admin alone", async () => {
  expect((await send("GET", "/metrics", { key: "reader-key" })).status).toBe(403);
  expect((await send("GET", "/metrics", { key: undefined })).status).toBe(401);
});

test("a tenant whose object cannot start is down, said aloud, and takes no other's metrics away", async () => {
  for (const tenant of ["well", "broken"]) await send("PUT", `/v1/tenants/${tenant}`);
  await runInDurableObject(env.TENANTS.getByName("broken/0"), (_, { storage }) => {
    storage.sql.exec("UPDATE meta SET value = '1000' WHERE key = 'tables_version'");
  });
  await abortAllDurableObjects();
  const said = vi.spyOn(console, "error");
  const samples = readExposition((await send("GET", "/metrics?tenant=well&tenant=broken")).body);
  const lines = said.mock.calls.map(([line]) => JSON.parse(String(line)));
  said.mockRestore();
  expect(samples.get('escapement_tenant_up{tenant="broken"}')).toBe(0);
  expect(samples.get('escapement_tenant_up{tenant="well"}')).toBe(1);
  expect(lines).toMatchObject([
    { event: "metrics_unanswered", tenant: "broken", detail: expect.stringMatching(/version 1000/) },
  ]);
});
