// Without this, an object would fill up, or trimming could take what something still needs.
import { env } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import { EVIDENCE_MS, IDEMPOTENCY_MS, TRIM_EVERY_MS } from "../../../src/limits.ts";
import { encodeExecution } from "../../../src/wire/codec.ts";
import { payloadOf } from "../../../src/wire/payload.ts";
import {
  FORGET_REST,
  FORGET_SLICE,
  forgetExpired,
  SLICE_END,
} from "../../../workers/control-plane/expired-keys.ts";
import { MirrorCursors } from "../../../workers/control-plane/mirror-cursors.ts";
import { Projection } from "../../../workers/data-plane/projection.ts";
import { faultyD1 } from "../../fixtures/faulty-d1.ts";
import { openGate, started } from "../../fixtures/gates.ts";
import { executionOf } from "../../fixtures/play.ts";
import { streaming } from "./bridge-client.ts";
import {
  answered,
  type Client,
  clockAhead,
  ECHO,
  freshName,
  freshTenant,
  inOwnTenant,
  logOf,
  type Own,
  withTask,
} from "./client.ts";

const RETENTION_MS = 60_000;
const limits = { logRetentionMs: RETENTION_MS, trimRowsMax: 5 };

const rows = (own: Own, table = "log"): number =>
  table === "log"
    ? logOf(own).length
    : Number(own.state.storage.sql.exec(`SELECT count(*) AS n FROM ${table}`).one().n);

/** Lets time pass, and the alarm ring as often as it asks for it then. */
const pass = async (
  own: Own,
  clock: { at: number },
  ms: number,
  { object }: Client = own,
): Promise<number> => {
  clock.at += ms;
  let rung = 0;
  do {
    await own.state.storage.deleteAlarm();
    await object.wake();
    if (rung++ > 1_000) throw new Error("the alarm asks to ring again and again");
  } while (((await own.state.storage.getAlarm()) ?? Number.POSITIVE_INFINITY) <= clock.at);
  return rung;
};

describe("the records of a lifetime that has ended", () => {
  test("go after the retention, in slices; those of one that runs stay, and it finishes", () => {
    const clock = clockAhead();
    const gate = freshName("gate");
    const held = withTask("held", "gated", { gate, timeout: "15m" });
    return inOwnTenant({ limits, now: clock.now }, [ECHO, held], async (own) => {
      const { lifetime } = await own.begin("held");
      await expect.poll(() => started.includes(`${lifetime}:2`)).toBe(true);
      const ended: string[] = [];
      for (let n = 0; n < 5; n++) ended.push((await own.start("echo")).lifetime);
      answered(await own.object.projected());
      const before = rows(own);
      await pass(own, clock, 1);
      expect(rows(own)).toBe(before);

      expect(await pass(own, clock, TRIM_EVERY_MS)).toBeGreaterThan(before / limits.trimRowsMax - 1);
      // Its start, the input and execution of its plan, and the input of its task.
      expect(rows(own)).toBe(4);
      for (const each of ended)
        expect(await own.object.getLifetime(each, 0)).toMatchObject({
          error: { code: "lifetime_not_found" },
        });
      openGate(gate);
      expect(await own.end(lifetime)).toMatchObject({ status: "SUCCEEDED", steps: 2 });
    });
  });

  test("take along what a retry would need", () => {
    const clock = clockAhead();
    return inOwnTenant({ limits, now: clock.now }, [withTask("throws", "throws")], async (own) => {
      const { lifetime } = await own.start("throws");
      answered(await own.object.projected());
      expect(rows(own, "failed")).toBe(1);
      await pass(own, clock, TRIM_EVERY_MS);
      expect([rows(own, "failed"), rows(own)]).toEqual([0, 0]);
      expect(await own.object.retry({ lifetime, detail: "" })).toMatchObject({
        error: { code: "illegal_transition", detail: expect.stringMatching(/its records have been deleted/) },
      });
    });
  });

  test("go at once where the tenant sets a shorter one", () => {
    const clock = clockAhead();
    return inOwnTenant({ now: clock.now }, [ECHO], async (own) => {
      const { lifetime } = await own.start("echo");
      answered(await own.object.projected());
      await pass(own, clock, TRIM_EVERY_MS);
      expect(await own.view(lifetime)).toMatchObject({ status: "SUCCEEDED" });
      await own.object.provision({ tenant: own.tenant, partition: 0 }, { logRetentionMs: 0 });
      expect(await own.state.storage.getAlarm()).toBe(clock.at);
      await pass(own, clock, 0);
      expect(rows(own)).toBe(0);
    });
  });

  test("stay until the database and every mirror have them", () => {
    const clock = clockAhead();
    return inOwnTenant({ limits, now: clock.now }, [ECHO], async (own) => {
      const mirrors = new MirrorCursors(own.state.storage.sql);
      mirrors.set("near", 1_000, 1);
      mirrors.set("far", 3, 1);
      await own.start("echo");
      answered(await own.object.projected());
      const all = rows(own);
      await pass(own, clock, TRIM_EVERY_MS);
      // The registration of the graph, which is nobody's.
      expect(rows(own)).toBe(all - 1);
      mirrors.set("far", 1, 1);
      expect(mirrors.get("far")).toBe(3);
      mirrors.delete("far");
      await pass(own, clock, TRIM_EVERY_MS);
      expect(rows(own)).toBe(0);
    });
  });

  test("go in time although what was kept before them stays longer", () => {
    const clock = clockAhead();
    return inOwnTenant({ limits, now: clock.now }, [ECHO], async (own) => {
      await own.start("echo");
      answered(await own.object.projected());
      await pass(own, clock, TRIM_EVERY_MS);
      expect([rows(own), rows(own, "lifetimes")]).toEqual([0, 1]);
      expect(await own.state.storage.getAlarm()).toBeGreaterThan(clock.at + EVIDENCE_MS - TRIM_EVERY_MS);

      await own.start("echo");
      answered(await own.object.projected());
      await pass(own, clock, 0);
      expect(await own.state.storage.getAlarm()).toBeLessThanOrEqual(clock.at + RETENTION_MS + TRIM_EVERY_MS);
      await pass(own, clock, RETENTION_MS + TRIM_EVERY_MS);
      expect([rows(own), rows(own, "lifetimes")]).toEqual([0, 2]);
    });
  });

  test("are asked for with a pause while the database does not say what it has, and go then", () => {
    const clock = clockAhead();
    const { faults, db } = faultyD1(env.DB);
    const ports = { limits, now: clock.now, projection: new Projection(db) };
    return inOwnTenant(ports, [ECHO], async (own) => {
      await own.start("echo");
      answered(await own.object.projected());
      faults.down = true;
      const again = own.again();
      await again.start("echo");
      expect(await pass(own, clock, TRIM_EVERY_MS, again)).toBe(1);
      expect(rows(own)).toBeGreaterThan(0);
      faults.down = false;
      answered(await again.object.projected());
      await pass(own, clock, TRIM_EVERY_MS, again);
      expect(rows(own)).toBe(0);
    });
  }, 20_000);

  test("are missed aloud where the database was restored from before they were trimmed", () => {
    const clock = clockAhead();
    return inOwnTenant({ limits, now: clock.now }, [ECHO], async (own) => {
      await own.start("echo");
      const { offset } = answered(await own.object.projected());
      await pass(own, clock, TRIM_EVERY_MS);
      await env.DB.prepare("UPDATE projections SET offset = 1 WHERE tenant = ?").bind(own.tenant).run();
      const said = vi.spyOn(console, "error");
      answered(await own.again().object.projected());
      const lines = said.mock.calls.map(([line]) => JSON.parse(String(line)));
      said.mockRestore();
      expect(lines).toMatchObject([{ event: "projection_gap", tenant: own.tenant, from: 2, to: offset }]);
      expect(answered(await own.object.projected())).toMatchObject({ offset });
    });
  });

  test("leave offsets that are not given again, and a topic that begins later", () => {
    const clock = clockAhead();
    return inOwnTenant({ limits, now: clock.now }, [ECHO], async (own) => {
      await own.start("echo");
      const { offset } = answered(await own.object.projected());
      await pass(own, clock, TRIM_EVERY_MS);
      expect(rows(own)).toBe(0);

      const again = own.again();
      await again.start("echo");
      const [record] = await again.read("task-executions");
      expect(record?.offset).toBeGreaterThan(offset);
      const read = (from: number) =>
        again.object.readTopic({ topic: "task-executions", offset: from, limit: 10, waitMs: 0 });
      expect(await read(1)).toMatchObject({ error: { code: "offset_trimmed", firstOffset: offset + 1 } });
      expect(await read(offset)).toMatchObject({ ok: false });
      expect(await read(offset + 1)).toMatchObject({ value: { records: [record], firstOffset: offset + 1 } });
    });
  });
});

test("what a lifetime that runs has kept goes to Kafka, also where all around it was trimmed before", async () => {
  const gate = freshName("gate");
  const held = withTask("held", "gated", { gate, timeout: "15m" });
  const { tenant, object, start, begin, read } = await freshTenant(ECHO, held);
  await start("echo");
  const { lifetime } = await begin("held");
  await expect.poll(() => started.includes(`${lifetime}:2`)).toBe(true);
  await start("echo");
  const [first, kept, last] = await read("plan-executions");
  answered(await object.projected());
  answered(await object.provision({ tenant, partition: 0 }, { logRetentionMs: 0 }));
  await expect
    .poll(async () => {
      await object.wake();
      return (await read("task-executions")).length;
    })
    .toBe(0);
  const batch = await (await streaming(tenant)).next("departures");
  expect(batch.records.map(({ offset }) => Number(offset))).toEqual([kept?.offset]);
  expect(Number(batch.lostFrom)).toBeLessThanOrEqual(first?.offset ?? 0);
  expect(Number(batch.lostTo)).toBeGreaterThanOrEqual(last?.offset ?? 0);
  openGate(gate);
});

test("the key of a signal stays as long as anything of its lifetime, though that is paused, retried or ends", () => {
  const clock = clockAhead();
  const graph = withTask("asks", "wait", { signal: "go" }, { timeout: "1h" });
  return inOwnTenant({ limits, now: clock.now }, [graph], async (own) => {
    const signal = async (lifetime: string, key: string) => {
      const idempotency = { key, bodyHash: "h" };
      const value = payloadOf(1).value;
      return answered(await own.object.signal({ lifetime, name: "other", by: "test", value, idempotency }));
    };
    const [paused, retried] = [await own.begin("asks"), await own.begin("asks")];
    await signal(paused.lifetime, "before");
    answered(await own.object.pauseLifetime(paused.lifetime, "look at it"));
    await signal(paused.lifetime, "while");
    await signal(retried.lifetime, "retried");
    await pass(own, clock, IDEMPOTENCY_MS);
    expect(await own.view(retried.lifetime)).toMatchObject({ status: "FAILED" });
    for (const key of ["before", "while"])
      expect(await signal(paused.lifetime, key)).toMatchObject({ replayed: true });
    expect(await signal(retried.lifetime, "retried")).toMatchObject({ replayed: true });

    answered(await own.object.cancel(paused.lifetime, "enough"));
    answered(await own.object.projected());
    await pass(own, clock, TRIM_EVERY_MS);
    expect(rows(own, "signal_keys")).toBe(3);
    await pass(own, clock, EVIDENCE_MS + TRIM_EVERY_MS);
    expect(["lifetimes", "signal_keys", "idempotency"].map((table) => rows(own, table))).toEqual([0, 0, 0]);
    expect(await own.state.storage.getAlarm()).toBe(null);
  });
});

test("what remains of a lifetime, and evidence, go later still", () => {
  const clock = clockAhead();
  return inOwnTenant({ limits, now: clock.now }, [ECHO], async (own) => {
    const { lifetime } = await own.start("echo");
    answered(await own.object.projected());
    const answer = encodeExecution(executionOf("task", { name: "say", inputId: `${lifetime}:2` }, {}));
    const produce = async () => answered(await own.object.produce("task-executions", answer));
    await own.object.produce("task-executions", new Uint8Array([0xff]));
    await pass(own, clock, TRIM_EVERY_MS);
    expect(await produce()).toMatchObject({ outcome: "stray", reason: "late" });
    expect(["lifetimes", "strays", "dead_letters"].map((table) => rows(own, table))).toEqual([1, 1, 1]);
    await pass(own, clock, EVIDENCE_MS + TRIM_EVERY_MS);
    expect(["lifetimes", "strays", "dead_letters"].map((table) => rows(own, table))).toEqual([0, 0, 0]);
    // Nothing is kept, so nothing wakes it any more.
    expect(await own.state.storage.getAlarm()).toBe(null);
  });
});

describe("idempotency keys", () => {
  test("go once they have expired, and no others, in slices", () => {
    const clock = clockAhead();
    return inOwnTenant({ limits, now: clock.now }, [ECHO], async (own) => {
      const insert = "INSERT INTO idempotency VALUES (?, 'h', 'l', ?)";
      const keys = Array.from({ length: 5 * limits.trimRowsMax + 1 }, (_, n) => `${1_000 + n}`);
      const lasts = (n: number) => n % 3 === 0;
      for (const [n, key] of keys.entries())
        own.state.storage.sql.exec(insert, key, clock.at + (lasts(n) ? 2 : 1) * TRIM_EVERY_MS * 2);
      await own.start("echo");
      answered(await own.object.projected());
      expect(await pass(own, clock, 3 * TRIM_EVERY_MS)).toBeGreaterThan(5);
      const left = own.state.storage.sql.exec("SELECT key FROM idempotency ORDER BY key").toArray();
      expect(left).toEqual(keys.filter((_, n) => lasts(n)).map((key) => ({ key })));
      await pass(own, clock, 3 * TRIM_EVERY_MS);
      expect(rows(own, "idempotency")).toBe(0);
    });
  });

  test("are looked for among so many rows at a time, by their primary key", () =>
    inOwnTenant({}, [], async ({ state: { storage } }) => {
      const { sql } = storage;
      for (let n = 0; n < 500; n++)
        sql.exec("INSERT INTO idempotency VALUES (?, 'h', 'l', 9)", `${1_000 + n}`);
      let rowsRead = 0;
      const counted = {
        exec: ((query: string, ...bindings: unknown[]) => {
          const cursor = sql.exec(query, ...bindings);
          const rows = cursor.toArray();
          rowsRead += cursor.rowsRead;
          return { toArray: () => rows };
        }) as unknown as SqlStorage["exec"],
      };
      expect(forgetExpired(counted, "1099", 1, 10)).toBe("1109");
      expect(rowsRead).toBeLessThan(30);
      for (const [statement, ...bindings] of [
        [SLICE_END, "", 1],
        [FORGET_SLICE, "", "", 1],
        [FORGET_REST, "", 1],
      ]) {
        const plan = sql.exec<{ detail: string }>(`EXPLAIN QUERY PLAN ${statement}`, ...bindings).toArray();
        expect(plan.map(({ detail }) => detail)).toEqual([
          expect.stringMatching(/^SEARCH idempotency USING PRIMARY KEY \(key>\?/),
        ]);
      }
    }));
});
