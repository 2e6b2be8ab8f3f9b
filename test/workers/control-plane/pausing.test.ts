// Without this, a deadline could pass while its lifetime is held, or an object that dies could leave some held for ever.
import { describe, expect, test, vi } from "vitest";
import { NEVER } from "../../../src/control-plane/lifetime.ts";
import { ALARM_AT_MAX, ALIGN_LIFETIMES } from "../../../src/limits.ts";
import { Timers } from "../../../workers/control-plane/timers.ts";
import { answered, clockAhead, ECHO, inOwnTenant, type Own, silent, withTask } from "./client.ts";

vi.setConfig({ testTimeout: 60_000 });

const TIMEOUT_MS = 30_000;
const LIFETIMES = 2 * ALIGN_LIFETIMES + 1;

const holdsIn = ({ state }: Own) => state.storage.sql.exec("SELECT lifted FROM holds").toArray();

const beginAll = ({ begin }: Own): Promise<readonly string[]> =>
  Promise.all(Array.from({ length: LIFETIMES }, async () => (await begin("echo")).lifetime));

test("the timeout of a lifetime stands still while it is paused", () => {
  const clock = clockAhead();
  const graph = withTask("held", "gated", { gate: "never" }, { timeout: TIMEOUT_MS });
  return inOwnTenant(clock, [graph], async (first) => {
    const own = { ...first, ...first.again({ ...clock, executors: { plan: silent, task: silent } }) };
    const { lifetime } = await own.begin("held");
    clock.at += TIMEOUT_MS - 1;
    await own.object.pauseLifetime(lifetime, "look at it");
    // Not as long as the lease of its attempt, which runs on.
    clock.at += TIMEOUT_MS;
    await own.object.alarm();
    expect(await own.view(lifetime)).toMatchObject({ status: "PAUSED" });
    await own.object.resumeLifetime(lifetime);
    await own.object.alarm();
    expect(await own.view(lifetime)).toMatchObject({ status: "RUNNING" });
    clock.at += 1;
    await own.object.alarm();
    expect(await own.view(lifetime)).toMatchObject({ reason: { code: "lifetime_timed_out" } });
  });
});

test("a lifetime that has no time wants no alarm, and is counted all the same", () =>
  inOwnTenant({}, [], async ({ state: { storage } }) => {
    await storage.deleteAlarm();
    const timers = new Timers(storage);
    timers.set(1, NEVER);
    timers.arm();
    expect(timers.size).toBe(1);
    expect(await storage.getAlarm()).toBe(null);
  }));

test("pausing a graph writes nothing of the others that are paused", () => {
  const names = ["a", "b", "c", "d"];
  const graphs = names.map((name) => withTask(name, "gated", { gate: "never" }));
  return inOwnTenant({}, graphs, async (own) => {
    const rows: number[] = [];
    for (const name of names) {
      const before = (await own.counters()).rows;
      answered(await own.object.pauseGraph(name, "an incident"));
      answered(await own.object.projected());
      rows.push((await own.counters()).rows - before);
    }
    expect(new Set(rows).size).toBe(1);
  });
});

test("an alarm that is wanted later than the platform can have one is set for its last", () =>
  inOwnTenant({}, [], async ({ state: { storage } }) => {
    const timers = new Timers(storage);
    for (const due of [NEVER - 1, ALARM_AT_MAX - 1]) {
      timers.set(1, due);
      timers.arm();
      expect(await storage.getAlarm()).toBe(Math.min(due, ALARM_AT_MAX));
    }
    await storage.deleteAlarm();
  }));

/** While it is there, no lifetime can learn anything. */
const deafen = ({ state }: Own) =>
  state.storage.sql.exec(
    "CREATE TRIGGER deaf BEFORE UPDATE ON running BEGIN SELECT RAISE(ABORT, 'it is deaf'); END",
  );
const undeafen = ({ state }: Own) => state.storage.sql.exec("DROP TRIGGER deaf");

test("a tenant is seen to be paused, and to go on, before its lifetimes have learned of it", () =>
  inOwnTenant({}, [withTask("held", "gated", { gate: "never" })], async (own) => {
    const { lifetime } = await own.begin("held");
    deafen(own);
    await own.object.pauseTenant("an incident");
    expect(await own.view(lifetime)).toMatchObject({
      status: "PAUSED",
      reason: { code: "tenant_paused", detail: "an incident" },
      paused: [{ scope: "tenant", reason: "an incident" }],
    });
    await own.object.resumeTenant();
    const view = await own.view(lifetime);
    expect(view).toMatchObject({ status: "RUNNING" });
    expect(view).not.toHaveProperty("paused");
    undeafen(own);
  }));

describe("a tenant that is resumed", () => {
  test("lets its lifetimes go on some at a time, and forgets the pause when all have", () =>
    inOwnTenant({}, [ECHO], async (own) => {
      answered(await own.object.pauseTenant("an incident"));
      const begun = await beginAll(own);
      const before = await own.counters();
      answered(await own.object.resumeTenant());
      for (const lifetime of begun) expect(await own.end(lifetime)).toMatchObject({ status: "SUCCEEDED" });
      expect((await own.counters()).commits - before.commits).toBeGreaterThan(LIFETIMES / ALIGN_LIFETIMES);
      await expect.poll(() => holdsIn(own), { timeout: 30_000 }).toEqual([]);
    }));

  test("lets the rest go on after a restart, woken by nothing but its alarm", () =>
    inOwnTenant({}, [ECHO], async (own) => {
      answered(await own.object.pauseTenant("an incident"));
      const begun = await beginAll(own);
      // As it is between the resumption and the first lifetime that learns of it.
      own.state.storage.sql.exec("UPDATE holds SET lifted = 1");
      const after = own.again();
      await after.object.alarm();
      await expect.poll(() => holdsIn(own), { timeout: 30_000 }).toEqual([]);
      for (const lifetime of begun) expect(await after.end(lifetime)).toMatchObject({ status: "SUCCEEDED" });
    }));

  test("tries again with its next alarm where that failed, and lists wait for it", () =>
    inOwnTenant({}, [ECHO], async (own) => {
      await own.object.pauseTenant("an incident");
      const { lifetime } = await own.begin("echo");
      deafen(own);
      await own.object.resumeTenant();
      expect(holdsIn(own)).toEqual([{ lifted: 1 }]);
      const projected = own.object.projected();
      undeafen(own);
      await own.object.alarm();
      expect(await projected).toMatchObject({ ok: true });
      expect(await own.end(lifetime)).toMatchObject({ status: "SUCCEEDED" });
      await expect.poll(() => holdsIn(own), { timeout: 30_000 }).toEqual([]);
    }));

  test("sets that alarm with the resumption", () => {
    const clock = clockAhead();
    return inOwnTenant(clock, [ECHO], async ({ object, state, again }) => {
      await object.pauseTenant("an incident");
      await state.storage.deleteAlarm();
      await again().object.resumeTenant();
      expect(await state.storage.getAlarm()).toBeLessThanOrEqual(clock.at + 1_000);
    });
  });

  test("and paused again before all have gone on holds them all", () =>
    inOwnTenant({}, [ECHO], async (own) => {
      await own.object.pauseTenant("first");
      const begun = await beginAll(own);
      await Promise.all([own.object.resumeTenant(), own.object.pauseTenant("second")]);
      await own.object.projected();
      for (const lifetime of begun)
        expect(await own.view(lifetime)).toMatchObject({ paused: [{ reason: "second" }], steps: 0 });
    }));
});
