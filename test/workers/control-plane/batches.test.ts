// Without this, each step could cost a commit and a call of its own, and a slow node could hold up quick ones.
import { describe, expect, test } from "vitest";
import { openGate } from "../../fixtures/gates.ts";
import { ECHO, freshName, freshTenant, inOwnTenant, withTask } from "./client.ts";

const CALLERS = 100;

describe("a tenant object", () => {
  test("lets many callers share a commit, and many inputs a call", () =>
    inOwnTenant({}, [ECHO], async ({ start, counters }) => {
      const before = await counters();
      const ended = await Promise.all(Array.from({ length: CALLERS }, () => start("echo")));
      const after = await counters();
      expect(ended.map((lifetime) => lifetime.status)).toEqual(ended.map(() => "SUCCEEDED"));
      // Each of the three turns of a lifetime in one commit, and in two where a call did not hold all.
      expect(after.commits - before.commits).toBeLessThan(CALLERS / 5);
      expect(after.rpcs - before.rpcs).toBeLessThan(CALLERS / 5);
    }));

  test("writes no more rows for a lifetime among many than for one alone", () =>
    inOwnTenant({}, [ECHO], async ({ start, counters }) => {
      const rows = [(await counters()).rows];
      await start("echo");
      rows.push((await counters()).rows);
      await Promise.all(Array.from({ length: CALLERS }, () => start("echo")));
      rows.push((await counters()).rows);
      const [none = 0, one = 0, all = 0] = rows;
      expect((all - one) / CALLERS).toBeLessThanOrEqual(one - none);
    }));

  test("takes each answer as it comes: a slow node holds up no quick one", async () => {
    const gate = freshName("gate");
    const { start, begin, end } = await freshTenant(ECHO, withTask("slow", "gated", { gate }));
    const { lifetime } = await begin("slow");
    expect(await start("echo")).toMatchObject({ status: "SUCCEEDED" });
    openGate(gate);
    expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED", steps: 2 });
  });
});
