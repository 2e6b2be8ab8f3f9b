// Without this, a deleted tenant could leave something behind, come back, or answer its callers with exceptions.
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { TABLE_NAMES } from "../../../workers/control-plane/schema.ts";
import { openGate, started } from "../../fixtures/gates.ts";
import { answered, ECHO, freshName, freshTenant, inOwnTenant, type Own, withTask } from "./client.ts";

const gone = { ok: false, error: { code: expect.stringMatching(/^tenant_(deleting|not_found)$/) } };
const TABLES_OF_D1 = ["plan_executions", "task_executions", "lifetimes", "graph_versions", "projections"];

const rowsInD1 = async (tenant: string): Promise<number> => {
  let rows = 0;
  for (const table of TABLES_OF_D1) {
    const sql = `SELECT count(*) AS n FROM ${table} WHERE tenant = ?`;
    rows += (await env.DB.prepare(sql).bind(tenant).first<number>("n")) ?? 0;
  }
  return rows;
};

const rowsInObject = ({ state }: Own): number =>
  TABLE_NAMES.map((table) =>
    Number(state.storage.sql.exec(`SELECT count(*) AS n FROM ${table}`).one().n),
  ).reduce((sum, n) => sum + n);

describe("a tenant that is deleted", () => {
  test("refuses all that was under way, and leaves nothing behind", () => {
    const gate = freshName("gate");
    return inOwnTenant({}, [ECHO, withTask("held", "gated", { gate })], async (own) => {
      const { object, begin, start, tryStart, tenant } = own;
      await env.BLOBS.put(`${tenant}/blob`, "x");
      await start("echo");
      answered(await object.projected());
      const { lifetime } = await begin("held");
      await expect.poll(() => started.includes(`${lifetime}:2`)).toBe(true);
      const waiting = [
        tryStart("held"),
        object.getLifetime(lifetime, 20_000),
        object.readTopic({ topic: "plan-inputs", offset: 1_000, limit: 1, waitMs: 20_000 }),
        object.projected(),
        // In the inbox when the tenant goes.
        tryStart("echo"),
        object.cancel(lifetime, "going"),
        object.produce("task-executions", new Uint8Array()),
        object.setGraphStatus({ graph: "echo", status: "ARCHIVED" }),
      ];
      const removed = object.remove();
      for (const answer of await Promise.all(waiting)) expect(answer).toMatchObject(gone);
      answered(await removed);
      openGate(gate);
      expect(await object.describe()).toMatchObject({ error: { code: "tenant_not_found" } });
      expect(await tryStart("echo")).toMatchObject(gone);
      expect(rowsInObject(own)).toBe(0);
      expect(await rowsInD1(tenant)).toBe(0);
      expect((await env.BLOBS.list({ prefix: `${tenant}/` })).objects).toEqual([]);
      expect(await own.state.storage.getAlarm()).toBe(null);
    });
  });

  test("begins anew at a higher generation, and nothing late comes into it", () => {
    const gate = freshName("gate");
    return inOwnTenant({}, [withTask("held", "gated", { gate })], async (own) => {
      const { object, tenant, register, begin, read, strays, deadLetters, end, start } = own;
      const { lifetime } = await begin("held");
      await expect.poll(() => started.includes(`${lifetime}:2`)).toBe(true);
      answered(await object.projected());
      answered(await object.remove());
      expect(answered(await object.provision({ tenant, partition: 0 }))).toMatchObject({
        generation: 2,
        created: true,
      });
      expect(await read("plan-inputs")).toEqual([]);
      expect(await object.getLifetime(lifetime, 0)).toMatchObject({ error: { code: "lifetime_not_found" } });
      expect(await object.listGraphs({ after: "", limit: 10 })).toEqual({ ok: true, value: [] });

      // The same graph and lifetime again: what was under way for the first of them is not an answer.
      await register(withTask("held", "gated", { gate }));
      await register(ECHO);
      await begin("held", { lifetime });
      openGate(gate);
      expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED", steps: 2 });
      expect(await start("echo")).toMatchObject({ status: "SUCCEEDED" });
      expect(await strays()).toEqual([]);
      expect(await deadLetters()).toEqual([]);

      // What the second one writes is projected from its beginning, and its time is kept.
      answered(await object.projected());
      const sql = "SELECT count(*) AS n FROM task_executions WHERE tenant = ?";
      expect(await env.DB.prepare(sql).bind(tenant).first<number>("n")).toBe(2);
      expect(await own.state.storage.getAlarm()).not.toBe(null);
    });
  });

  test("can be deleted twice at once, and again", async () => {
    const { object } = await freshTenant(ECHO);
    const [first, second] = await Promise.all([object.remove(), object.remove()]);
    expect(answered(first)).toMatchObject({ status: "DELETING", generation: 1 });
    expect(second.ok || second.error.code === "tenant_not_found").toBe(true);
    expect(await object.remove()).toMatchObject({ error: { code: "tenant_not_found" } });
  });

  test("goes on to be deleted by its alarm where the database failed", () => {
    let down = true;
    return inOwnTenant({}, [ECHO], async (own) => {
      const { projection } = own.ports;
      const removeSlice: typeof projection.removeSlice = (address) =>
        down ? Promise.reject(new Error("the database is down")) : projection.removeSlice(address);
      const going = own.again({
        projection: {
          cursor: (address) => projection.cursor(address),
          flush: (...args) => projection.flush(...args),
          provision: (identity) => projection.provision(identity),
          removeSlice,
        },
      });
      expect(answered(await going.object.remove())).toMatchObject({ status: "DELETING" });
      expect(answered(await going.object.describe())).toMatchObject({ status: "DELETING" });
      expect(await going.object.provision({ tenant: own.tenant, partition: 0 })).toMatchObject({
        error: { code: "tenant_deleting" },
      });
      expect(await own.state.storage.getAlarm()).not.toBe(null);
      down = false;
      await going.object.alarm();
      expect(await going.object.describe()).toMatchObject({ error: { code: "tenant_not_found" } });
      expect(rowsInObject(own)).toBe(0);
    });
  });
});
