// Without this, a lifetime whose state only the log has could be lost, come back as it was before, or come back dead.
import { describe, expect, test } from "vitest";
import { REDO_BYTES_MAX, TRIM_EVERY_MS } from "../../../src/limits.ts";
import { payloadOf } from "../../../src/wire/payload.ts";
import { openGate, started } from "../../fixtures/gates.ts";
import { answered, clockAhead, ECHO, freshName, inOwnTenant, type Own, silent, withTask } from "./client.ts";

const rows = ({ state }: Own, table = "running"): number =>
  Number(state.storage.sql.exec(`SELECT count(*) AS n FROM ${table}`).one().n);

const HELD = "held";
const gated = () => {
  const gate = freshName("gate");
  return { gate, held: withTask(HELD, "gated", { gate, timeout: "15m" }) };
};
const atWork = (lifetime: string) => expect.poll(() => started.includes(`${lifetime}:2`)).toBe(true);

describe("a lifetime that is short", () => {
  test("has no row but its records", () =>
    inOwnTenant({}, [ECHO], async (own) => {
      const before = (await own.counters()).rows ?? 0;
      await own.start("echo");
      // Of two commits: that it begins, with its first two inputs and what decided them; what was answered, and its end.
      expect((await own.counters()).rows).toBe(before + 2);
      expect([rows(own), rows(own, "lifetimes")]).toEqual([0, 0]);
    }));

  test("is not brought back by a restart, whether it succeeded or failed", () =>
    inOwnTenant({}, [ECHO, withTask("throws", "throws")], async (own) => {
      const { lifetime } = await own.start("echo");
      const failed = await own.start("throws");
      for (let again = 0; again < 2; again++) {
        const after = own.again();
        expect(await after.view(lifetime)).toMatchObject({ status: "SUCCEEDED" });
        expect(await after.view(failed.lifetime)).toMatchObject({ status: "FAILED" });
        expect([rows(own), rows(own, "lifetimes")]).toEqual([0, 2]);
      }
    }));
});

describe("a lifetime that runs", () => {
  test("is found by its start in the log, as it was, and goes on", () => {
    const { gate, held } = gated();
    return inOwnTenant({}, [held], async (own) => {
      const before = own.again({ executors: { plan: own.ports.executors.plan, task: silent } });
      const { lifetime } = await before.begin(HELD);
      await expect.poll(async () => (await before.read("task-inputs")).length).toBe(1);
      expect([rows(own), rows(own, "lifetimes")]).toEqual([0, 0]);
      const after = own.again();
      expect([rows(own), rows(own, "lifetimes")]).toEqual([1, 1]);
      expect(await after.view(lifetime)).toMatchObject({ status: "RUNNING", steps: 1 });
      openGate(gate);
      expect(await after.end(lifetime)).toMatchObject({ status: "SUCCEEDED", steps: 2 });
      expect(rows(own)).toBe(0);
    });
  });

  test("keeps what came after its row was written, over two restarts", () => {
    const wait = withTask("waits", "wait", { signal: "go", timeout: "15m" });
    return inOwnTenant({}, [wait], async (own) => {
      const { lifetime } = await own.begin("waits");
      const again = own.again();
      answered(await again.object.pauseLifetime(lifetime, "a break"));
      const paused = await own.again().view(lifetime);
      expect(paused).toMatchObject({ status: "PAUSED" });
      const last = own.again();
      expect(await last.view(lifetime)).toEqual(paused);
      answered(await last.object.resumeLifetime(lifetime));
      answered(
        await last.object.signal({
          lifetime,
          name: "go",
          by: "test",
          value: payloadOf(1).value,
        }),
      );
      expect(await last.end(lifetime)).toMatchObject({ status: "SUCCEEDED" });
    });
  });

  test("that was retried is brought to where the retry was, not to where it had failed", () => {
    const { gate, held } = gated();
    return inOwnTenant({}, [withTask("throws", "throws"), held], async (own) => {
      const { lifetime } = await own.start("throws");
      const retried = answered(await own.object.retry({ lifetime, detail: "" }));
      expect(retried.lifetime).toMatchObject({ status: "RUNNING" });
      const ended = await own.end(lifetime);
      expect(ended).toMatchObject({ status: "FAILED" });
      expect(await own.again().view(lifetime)).toEqual(ended);
      openGate(gate);
    });
  });

  test("has a row before records of others go that have its changes", () => {
    const clock = clockAhead();
    const { gate, held } = gated();
    const limits = { logRetentionMs: 0 };
    return inOwnTenant({ limits, now: clock.now }, [ECHO, held], async (own) => {
      const { lifetime } = await own.begin(HELD);
      await atWork(lifetime);
      await own.start("echo");
      answered(await own.object.projected());
      clock.at += TRIM_EVERY_MS;
      await own.object.wake();
      await expect.poll(() => rows(own)).toBe(1);
      const after = own.again();
      expect(await after.view(lifetime)).toMatchObject({ status: "RUNNING", steps: 1 });
      openGate(gate);
      expect(await after.end(lifetime)).toMatchObject({ status: "SUCCEEDED" });
    });
  });

  test("has a row once the log is far ahead, so that a restart reads little", () => {
    const { gate, held } = gated();
    return inOwnTenant({}, [ECHO, held], async (own) => {
      const { lifetime } = await own.begin(HELD);
      await atWork(lifetime);
      const input = "x".repeat(100 * 1024);
      // The input is in its root, and in the result of its task.
      for (let bytes = 0; bytes <= REDO_BYTES_MAX; bytes += 2 * input.length) await own.start("echo", input);
      await own.start("echo");
      expect(rows(own)).toBe(1);
      const { sql } = own.state.storage;
      const [row] = sql.exec("SELECT upto FROM running").toArray();
      expect(row?.upto).toBeGreaterThan(1);
      expect(sql.exec("SELECT 1 FROM marks WHERE name = 'redone'").toArray()).toHaveLength(1);
      const after = own.again();
      expect(await after.view(lifetime)).toMatchObject({ status: "RUNNING", steps: 1 });
      openGate(gate);
      expect(await after.end(lifetime)).toMatchObject({ status: "SUCCEEDED" });
    });
  });
});
