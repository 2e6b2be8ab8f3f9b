// Without these a tenant cannot be provisioned twice without harm, or comes back after it was deleted.
import { expect, test } from "vitest";
import { send } from "./client.ts";

test("provisioning is the same the second time", async () => {
  const [first, second] = [await send("PUT", "/v1/tenants/twice"), await send("PUT", "/v1/tenants/twice")];
  expect([first.status, second.status]).toEqual([201, 200]);
  expect(second.body).toEqual(first.body);
  expect((await send("GET", "/v1/tenants/twice")).body).toEqual(first.body);
});

test("a deleted tenant is gone with what it had, and a new one of its name begins empty", async () => {
  await send("PUT", "/v1/tenants/gone");
  const dot = "digraph g { a [type=plan, kind=parallel, end=true] }";
  expect((await send("POST", "/v1/tenants/gone/graphs", { json: { dot } })).status).toBe(201);
  let deleted = await send("DELETE", "/v1/tenants/gone");
  while (deleted.status === 202) deleted = await send("DELETE", "/v1/tenants/gone");
  expect(deleted.status).toBe(204);
  expect((await send("GET", "/v1/tenants/gone")).body.code).toBe("tenant_not_found");
  const again = await send("PUT", "/v1/tenants/gone");
  expect(again.body).toMatchObject({ status: "ACTIVE", generation: 2 });
  expect((await send("GET", "/v1/tenants/gone/graphs")).body).toEqual({ items: [] });
});

test("a tenant that is deleted with its topics waits for a bridge, and for no other key", async () => {
  const path = "/v1/tenants/with-topics";
  await send("PUT", path);
  expect((await send("DELETE", `${path}?topics=some`)).status).toBe(400);
  expect((await send("DELETE", `${path}?topics=delete`)).body).toMatchObject({ topics: "delete" });
  const listed = async () => (await send("GET", "/v1/tenants?limit=1000")).body.items;
  expect(await listed()).toContainEqual(
    expect.objectContaining({ tenant: "with-topics", status: "DELETING" }),
  );
  const claim = { json: { bridge_id: "one" }, key: "bridge-key" };
  const of = `${path}/topic-removal`;
  expect((await send("POST", of, { ...claim, key: "operator-key" })).status).toBe(403);
  expect((await send("POST", of, claim)).body).toMatchObject({ generation: 1 });
  expect((await send("POST", of, { ...claim, json: { bridge_id: "two" } })).status).toBe(409);
  expect((await send("DELETE", `${of}?bridge_id=two`, { key: "bridge-key" })).status).toBe(409);
  expect((await send("DELETE", path)).status).toBe(202);
  expect((await send("DELETE", `${of}?bridge_id=one`, { key: "bridge-key" })).status).toBe(204);
  expect((await send("DELETE", path)).status).toBe(204);
  expect((await send("POST", of, claim)).status).toBe(404);
});

test("a tenant sets how long its log keeps what has ended", async () => {
  const path = "/v1/tenants/keeps";
  const kept = { log_retention_ms: 60_000 };
  expect((await send("PUT", path, { json: kept })).body).toMatchObject(kept);
  expect((await send("PUT", path)).body).toMatchObject(kept);
  expect((await send("GET", path)).body).toMatchObject(kept);
  for (const log_retention_ms of [-1, 0.5, "1h", 1e12])
    expect((await send("PUT", path, { json: { log_retention_ms } })).status).toBe(400);
});
