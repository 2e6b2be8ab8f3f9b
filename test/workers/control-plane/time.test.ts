// Without this, a deadline could pass unnoticed, strike early, or be forgotten together with an alarm.
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import { LEASE_MARGIN_MS } from "../../../src/limits.ts";
import { openGate } from "../../fixtures/gates.ts";
import {
  clockAhead,
  ECHO,
  freshName,
  freshTenant,
  inOwnTenant,
  type Own,
  silent,
  stubOf,
  taskExecution,
  withTask,
} from "./client.ts";

const TIMEOUT_MS = 30_000;
const tasksVanish = (state: DurableObjectState) => ({ plan: state.exports.PlanInputs, task: silent });

const alarmOf = async ({ state }: Own): Promise<number> => {
  const due = await state.storage.getAlarm();
  if (due === null) throw new Error("there is no alarm");
  return due;
};

const attemptsOf = async ({ read }: Own) => (await read("task-inputs")).length;

describe("an alarm", () => {
  test("that rings early retries nothing, and one that is due does", () => {
    const clock = clockAhead();
    const graph = withTask("flaky", "flaky", { retry: 2, retry_backoff: "20s" });
    return inOwnTenant(clock, [graph], async (own) => {
      const { lifetime } = await own.begin("flaky");
      await own.next("task-executions");
      const due = await alarmOf(own);
      expect(due).toBeGreaterThan(clock.at);
      expect(due).toBeLessThanOrEqual(clock.at + 20_000);
      clock.at = due - 1;
      await own.object.alarm();
      expect(await attemptsOf(own)).toBe(1);
      clock.at = due;
      await own.object.alarm();
      expect(await attemptsOf(own)).toBe(2);
      expect(await own.end(lifetime)).toMatchObject({ status: "SUCCEEDED" });
    });
  });

  test("ends a wait when it is over, and not before", () => {
    const clock = clockAhead();
    const graph = withTask("nap", "wait", { for: "1h" });
    return inOwnTenant(clock, [graph], async (own) => {
      const { lifetime } = await own.begin("nap");
      expect(await alarmOf(own)).toBeLessThanOrEqual(clock.at + 3_600_000);
      clock.at += 3_600_000 - 1;
      await own.object.alarm();
      expect(await own.view(lifetime)).toMatchObject({ status: "WAITING" });
      clock.at += 1;
      await own.object.alarm();
      expect(await own.view(lifetime)).toMatchObject({ status: "SUCCEEDED", steps: 2 });
    });
  });

  test("ends an attempt whose executor is silent, and takes its later answer for late", () => {
    const clock = clockAhead();
    const graph = withTask("held", "gated", {
      gate: "never",
      timeout: TIMEOUT_MS,
      retry: 2,
      retry_backoff: "1s",
    });
    return inOwnTenant(clock, [graph], async (first) => {
      const own = { ...first, ...first.again({ ...clock, executors: tasksVanish(first.state) }) };
      const { lifetime } = await own.begin("held");
      await own.next("task-inputs");
      clock.at += TIMEOUT_MS + LEASE_MARGIN_MS - 1;
      await own.object.alarm();
      expect(await own.read("task-executions")).toEqual([]);
      clock.at += 1;
      await own.object.alarm();
      const { value } = await own.next("task-executions");
      expect(taskExecution(value)).toMatchObject({
        header: { attempt: 1, status: 7, inputId: `${lifetime}:2` },
        result: { errorMessage: `timed_out: no answer within ${TIMEOUT_MS} ms` },
      });
      const late = await own.object.produce("task-executions", value);
      expect(late).toMatchObject({ value: { outcome: "stray", reason: "late" } });
      clock.at += 1_000;
      await own.object.alarm();
      expect(await attemptsOf(own)).toBe(2);
    });
  });

  test("ends each lifetime at its deadline: none before, all then", () => {
    const clock = clockAhead();
    const graph = withTask("held", "gated", { gate: "never" }, { timeout: TIMEOUT_MS });
    return inOwnTenant(clock, [graph], async (first) => {
      const own = { ...first, ...first.again({ ...clock, executors: tasksVanish(first.state) }) };
      const deadlines = new Map<string, number>();
      for (let i = 0; i < 20; i++) {
        const { lifetime } = await own.begin("held");
        deadlines.set(lifetime, clock.at + TIMEOUT_MS);
        clock.at += (i * 7919) % 1_000;
      }
      for (let rung = 0; deadlines.size > 0 && rung < 100; rung++) {
        clock.at = Math.max(clock.at, await alarmOf(own));
        await own.object.alarm();
        for (const [lifetime, deadline] of deadlines) {
          const { status, reason } = await own.view(lifetime);
          expect(status).toBe(clock.at < deadline ? "RUNNING" : "FAILED");
          if (status === "RUNNING") continue;
          expect(reason?.code).toBe("lifetime_timed_out");
          deadlines.delete(lifetime);
        }
      }
      expect(deadlines.size).toBe(0);
    });
  });

  test("is not held up by a database that does not answer", () => {
    const clock = clockAhead();
    const never = () => new Promise<never>(() => {});
    const graph = withTask("held", "gated", { gate: "never" }, { timeout: TIMEOUT_MS });
    return inOwnTenant(clock, [graph], async (own) => {
      const projection = {
        cursor: never,
        flush: never,
        provision: never,
        removeSlice: never,
        removeLifetime: never,
      };
      const behind = own.again({ ...clock, projection });
      const { lifetime } = await behind.begin("held");
      await behind.object.alarm();
      clock.at += TIMEOUT_MS;
      await behind.object.alarm();
      expect(await behind.view(lifetime)).toMatchObject({ reason: { code: "lifetime_timed_out" } });
    });
  });

  test("that was lost is set again when the tenant is woken", async () => {
    const gate = freshName("gate");
    const { tenant, begin, object, end } = await freshTenant(ECHO, withTask("held", "gated", { gate }));
    const { lifetime } = await begin("held");
    const alarm = () => runInDurableObject(stubOf(tenant), (_, { storage }) => storage.getAlarm());
    expect(await alarm()).not.toBe(null);
    await runInDurableObject(stubOf(tenant), (_, { storage }) => storage.deleteAlarm());
    await object.wake();
    expect(await alarm()).not.toBe(null);
    // It rings before anything is due, and is set again for what will be.
    expect(await runDurableObjectAlarm(stubOf(tenant))).toBe(true);
    expect(await alarm()).not.toBe(null);
    openGate(gate);
    expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED" });
  });
});
