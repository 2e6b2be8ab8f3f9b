// Without this, a deleted tenant could leave something behind, come back, or answer its callers with exceptions.
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import type { Tombstone } from "../../../src/control-plane/store.ts";
import { CATCH_UP_OFFSETS_MAX, REMOVAL_ROWS_MAX } from "../../../src/limits.ts";
import { encodeExecution } from "../../../src/wire/codec.ts";
import { lifetimePrefix, tenantPrefix } from "../../../src/wire/reference.ts";
import { removeRecords } from "../../../workers/control-plane/lifetime-removal.ts";
import { Lifetimes } from "../../../workers/control-plane/lifetimes.ts";
import { Log } from "../../../workers/control-plane/log.ts";
import { MirrorCursors } from "../../../workers/control-plane/mirror-cursors.ts";
import { TABLE_KEYS } from "../../../workers/control-plane/schema.ts";
import { CountedSql } from "../../../workers/control-plane/sql.ts";
import { Projection } from "../../../workers/data-plane/projection.ts";
import { faultyD1 } from "../../fixtures/faulty-d1.ts";
import { aborted, openGate, started } from "../../fixtures/gates.ts";
import { executionOf } from "../../fixtures/play.ts";
import { follow, streamOf } from "../event-stream.ts";
import { answered, ECHO, freshName, freshTenant, inOwnTenant, logOf, type Own, withTask } from "./client.ts";

const gone = { ok: false, error: { code: expect.stringMatching(/^tenant_(deleting|not_found)$/) } };
const notFound = { ok: false, error: { code: "lifetime_not_found" } };
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
  Object.keys(TABLE_KEYS)
    .map((table) => Number(state.storage.sql.exec(`SELECT count(*) AS n FROM ${table}`).one().n))
    .reduce((sum, n) => sum + n);

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

  test("with a hundred lifetimes at work, blobs, a reader and a flush on its way is gone, and stays so", () => {
    const gate = freshName("gate");
    const held = withTask("held", "gated", { gate });
    const { faults, db } = faultyD1(env.DB);
    return inOwnTenant({ projection: new Projection(db) }, [ECHO, held], async (own) => {
      const { object, tenant } = own;
      const begun = await Promise.all(Array.from({ length: 100 }, () => own.begin("held")));
      const inputs = begun.map(({ lifetime }) => `${lifetime}:2`);
      await expect.poll(() => inputs.every((id) => started.includes(id))).toBe(true);
      for (const { lifetime } of begun.slice(0, 3))
        await env.BLOBS.put(`${lifetimePrefix(tenant, 1, lifetime)}blob`, "x");
      answered(await object.projected());
      const reader = follow(await streamOf(object, { after: 0 }));
      const flight = Promise.withResolvers<void>();
      faults.slow = flight.promise;
      const { batches } = faults;
      await own.start("echo");
      await expect.poll(() => faults.batches).toBeGreaterThan(batches);
      faults.slow = undefined;

      answered(await object.remove());
      expect(rowsInObject(own)).toBe(0);
      expect((await reader.rest()).at(-1)).toMatchObject({ event: "closing" });
      expect(answered(await object.provision({ tenant, partition: 0 }))).toMatchObject({ generation: 2 });
      await own.register(ECHO);
      const { lifetime } = await own.start("echo");
      // What was on its way arrives now.
      flight.resolve();
      await expect.poll(() => inputs.every((id) => aborted.includes(id))).toBe(true);
      openGate(gate);
      await own.start("echo");
      answered(await object.projected());
      expect(await own.counters()).toMatchObject({ backlog: 0 });

      const sql = "SELECT lifetime FROM lifetimes WHERE tenant = ? ORDER BY started LIMIT 1";
      expect(await env.DB.prepare(sql).bind(tenant).first("lifetime")).toBe(lifetime);
      // Of each of two lifetimes itself and two executions; one graph, one cursor.
      expect(await rowsInD1(tenant)).toBe(8);
      expect(await own.read("task-executions")).toHaveLength(2);
      expect(await own.strays()).toEqual([]);
      expect(await own.deadLetters()).toEqual([]);
      expect((await env.BLOBS.list({ prefix: tenantPrefix(tenant) })).objects).toEqual([]);
    });
  });

  test("leaves room to the one that comes after it", () => {
    const STORAGE_BYTES = 5_000_000;
    const large = `INSERT INTO dead_letters (at, reason, detail, topic, message)
      VALUES (0, 'internal', '', '', zeroblob(${STORAGE_BYTES / 5}))`;
    return inOwnTenant({ limits: { storageBytesMax: STORAGE_BYTES } }, [ECHO], async (own) => {
      const { object, tenant, state } = own;
      for (let n = 0; n < 5; n++) state.storage.sql.exec(large);
      await object.wake();
      expect(await own.tryStart("echo")).toMatchObject({ error: { code: "storage_full" } });
      answered(await object.remove());
      answered(await object.provision({ tenant, partition: 0 }));
      await own.register(ECHO);
      expect(await own.start("echo")).toMatchObject({ status: "SUCCEEDED" });
    });
  });

  test("is deleted in slices, and answers between them", () =>
    inOwnTenant({}, [], async (own) => {
      const { object, state } = own;
      const { storage } = state;
      storage.sql.exec(
        `INSERT INTO cells WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
         SELECT i, 'part', 'key', 'value' FROM n`,
        2.5 * REMOVAL_ROWS_MAX,
      );
      const left: number[] = [];
      const answers: Promise<unknown>[] = [];
      const sync = storage.sync.bind(storage);
      storage.sync = () => {
        left.push(Number(storage.sql.exec("SELECT count(*) AS n FROM cells").one().n));
        answers.push(object.describe());
        return sync();
      };
      answered(await object.remove());
      expect(new Set(left)).toEqual(new Set([1.5, 0.5, 0].map((share) => share * REMOVAL_ROWS_MAX)));
      for (const answer of await Promise.all(answers))
        expect(answer).toMatchObject({ value: { status: "DELETING" } });
      expect(rowsInObject(own)).toBe(0);
    }));

  test("can be deleted twice at once, and again", async () => {
    const { object } = await freshTenant(ECHO);
    const [first, second] = await Promise.all([object.remove(), object.remove()]);
    expect(answered(first)).toMatchObject({ status: "DELETING", generation: 1 });
    expect(second.ok || second.error.code === "tenant_not_found").toBe(true);
    expect(await object.remove()).toMatchObject({ error: { code: "tenant_not_found" } });
  });

  test("is deleted again where an older state of the database brings it back", () =>
    inOwnTenant({}, [ECHO], async ({ object, tenant, start }) => {
      await start("echo");
      answered(await object.projected());
      const copies = TABLES_OF_D1.map((table) => `CREATE TABLE old_${table} AS SELECT * FROM ${table}`);
      await env.DB.batch(copies.map((sql) => env.DB.prepare(sql)));
      answered(await object.remove());
      const restored = TABLES_OF_D1.map(
        (table) => `INSERT INTO ${table} SELECT * FROM old_${table} WHERE tenant = ?`,
      );
      await env.DB.batch(restored.map((sql) => env.DB.prepare(sql).bind(tenant)));
      await env.DB.prepare("UPDATE tenants SET status = 'ACTIVE' WHERE tenant = ?").bind(tenant).run();
      expect(await rowsInD1(tenant)).toBeGreaterThan(0);
      await object.wake();
      expect(await rowsInD1(tenant)).toBe(0);
      expect(await object.describe()).toMatchObject({ error: { code: "tenant_not_found" } });
    }));

  test("goes on to be deleted by its alarm where the database failed", () => {
    let down = true;
    return inOwnTenant({}, [ECHO], async (own) => {
      const { projection } = own.ports;
      const removeSlice: typeof projection.removeSlice = (...slice) =>
        down ? Promise.reject(new Error("the database is down")) : projection.removeSlice(...slice);
      const going = own.again({
        projection: {
          cursor: (address) => projection.cursor(address),
          flush: (...args) => projection.flush(...args),
          provision: (identity) => projection.provision(identity),
          removeLifetime: (...args) => projection.removeLifetime(...args),
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

describe("a lifetime that is deleted", () => {
  const rowsOf = (tenant: string, lifetime: string) =>
    Promise.all(
      ["plan_executions", "task_executions", "lifetimes"].map((table) =>
        env.DB.prepare(`SELECT count(*) AS n FROM ${table} WHERE tenant = ? AND lifetime = ?`)
          .bind(tenant, lifetime)
          .first<number>("n"),
      ),
    );

  test("leaves no record, row or blob, but that it was; all others stay as they are", () =>
    inOwnTenant({}, [ECHO], async (own) => {
      const { object, tenant } = own;
      const [before, it, after] = [await own.start("echo"), await own.start("echo"), await own.start("echo")];
      const blob = (lifetime: string) => `${lifetimePrefix(tenant, 1, lifetime)}blob`;
      for (const { lifetime } of [it, after]) await env.BLOBS.put(blob(lifetime), "x");
      const offsets = (await own.read("task-executions")).map(({ offset }) => offset);

      expect(await object.removeLifetime(it.lifetime)).toEqual({ ok: true });
      expect(await rowsOf(tenant, it.lifetime)).toEqual([0, 0, 0]);
      expect(await object.getLifetime(it.lifetime, 0)).toMatchObject(notFound);
      expect(await env.BLOBS.head(blob(it.lifetime))).toBe(null);
      for (const { lifetime } of [before, after]) {
        expect(await rowsOf(tenant, lifetime)).toEqual([1, 1, 1]);
        expect(await own.view(lifetime)).toMatchObject({ status: "SUCCEEDED" });
      }
      expect(await env.BLOBS.head(blob(after.lifetime))).not.toBe(null);
      // Topics go on as they were, without its records.
      expect((await own.read("task-executions")).map(({ offset }) => offset)).toEqual([
        offsets[0],
        offsets[2],
      ]);
      expect(await object.removeLifetime(it.lifetime)).toEqual({ ok: true });
      expect(await own.tryStart("echo", null, { lifetime: it.lifetime })).toMatchObject({
        error: { code: "lifetime_exists" },
      });
      const answer = encodeExecution(executionOf("task", { name: "say", inputId: `${it.lifetime}:2` }, {}));
      expect(await object.produce("task-executions", answer)).toMatchObject({ value: { reason: "late" } });
    }));

  test("is not brought back by a flush that comes late, nor its offsets by a restart", () =>
    inOwnTenant({}, [ECHO], async (own) => {
      const { lifetime } = await own.start("echo");
      const { offset } = answered(await own.object.projected());
      const records = logOf(own);
      answered(await own.object.removeLifetime(lifetime));
      const address = { tenant: own.tenant, partition: 0, generation: 1 };
      const late = await new Projection(env.DB).flush(address, records, { after: 0, upTo: offset });
      expect(late).toMatchObject({ rowsWritten: 0 });
      expect(await rowsOf(own.tenant, lifetime)).toEqual([0, 0, 0]);
      const again = own.again();
      await again.start("echo");
      const [record] = await again.read("plan-inputs");
      expect(record?.offset).toBeGreaterThan(offset);
    }));

  test("has to have ended, and cannot be retried once it is gone", () =>
    inOwnTenant(
      {},
      [withTask("held", "gated", { gate: "never" }), withTask("throws", "throws")],
      async (own) => {
        const { object } = own;
        const { lifetime } = await own.begin("held");
        expect(await object.removeLifetime(lifetime)).toMatchObject({
          error: { code: "illegal_transition" },
        });
        answered(await object.cancel(lifetime, "enough"));
        expect(await object.removeLifetime(lifetime)).toEqual({ ok: true });

        const failed = await own.start("throws");
        expect(failed.status).toBe("FAILED");
        expect(await object.removeLifetime(failed.lifetime)).toEqual({ ok: true });
        expect(await object.retry({ lifetime: failed.lifetime, detail: "" })).toMatchObject({ ok: false });
        expect(await object.removeLifetime("nobody")).toMatchObject(notFound);
      },
    ));

  test("waits for every mirror, because none could read it any more", () =>
    inOwnTenant({}, [ECHO], async (own) => {
      const { lifetime } = await own.start("echo");
      const { offset } = answered(await own.object.projected());
      const mirrors = new MirrorCursors(own.state.storage.sql);
      mirrors.set("far", offset - 1, 1);
      expect(await own.object.removeLifetime(lifetime)).toMatchObject({ error: { code: "mirror_behind" } });
      expect(await own.view(lifetime)).toMatchObject({ status: "SUCCEEDED" });
      mirrors.set("far", offset, 1);
      expect(await own.object.removeLifetime(lifetime)).toEqual({ ok: true });
    }));

  test("goes in slices, however much of the log lies between its records", () =>
    inOwnTenant({}, [withTask("throws", "throws")], async (own) => {
      const { lifetime } = await own.start("throws");
      const { sql } = own.state.storage;
      const counted = new CountedSql(sql);
      const lifetimes = new Lifetimes(counted);
      const { started, ended } = lifetimes.get(lifetime) as Tombstone;
      const far = ended + 2 * CATCH_UP_OFFSETS_MAX;
      sql.exec("UPDATE log SET offset = ? WHERE offset = ?", far, ended);
      const parts = { log: new Log(counted), lifetimes };
      const slices = removeRecords(own.state.storage, parts, { id: lifetime, started, ended: far });
      const written = Array.from(slices, () => counted.rowsWritten);
      expect(written).toHaveLength(3);
      // What has nothing of it writes nothing.
      expect(written[1]).toBe(written[0]);
      // The registration of the graph, which is nobody's.
      expect(sql.exec("SELECT * FROM log").toArray()).toHaveLength(1);
      expect(sql.exec("SELECT * FROM failed").toArray()).toEqual([]);
    }));

  test("waits for the database, because it could not be deleted there", () => {
    const { faults, db } = faultyD1(env.DB);
    return inOwnTenant({ projection: new Projection(db) }, [ECHO], async (own) => {
      faults.down = true;
      const { lifetime } = await own.start("echo");
      expect(await own.object.removeLifetime(lifetime)).toMatchObject({
        error: { code: "data_plane_behind" },
      });
      expect(await own.view(lifetime)).toMatchObject({ status: "SUCCEEDED" });
      faults.down = false;
      expect(await own.object.removeLifetime(lifetime)).toEqual({ ok: true });
    });
  }, 20_000);
});
