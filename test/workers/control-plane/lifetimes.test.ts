// Without these, a lifetime might not get from its start to its end, or one that goes wrong could take others along.
import { describe, expect, test } from "vitest";
import { aborted, openGate, started } from "../../fixtures/gates.ts";
import { answered, ECHO, freshName, freshTenant, inOwnTenant, taskExecution, withTask } from "./client.ts";

const CHAIN = `digraph chain {
  node [kind=parallel type=plan] p1 p2
  node [kind=transform type=task expression="input"] t1 t2
  p1 -> t1 -> p2 -> t2
}`;

describe("a lifetime", () => {
  test("runs through a chain of plans and tasks to its end", async () => {
    const { start } = await freshTenant(CHAIN);
    expect(await start("chain", { n: 1 })).toMatchObject({ status: "SUCCEEDED", steps: 4 });
  });

  test("keeps its id: a second of the same id is refused", async () => {
    const { begin, tryStart } = await freshTenant(ECHO);
    const { lifetime } = await begin("echo");
    expect(await tryStart("echo", null, { lifetime })).toMatchObject({
      ok: false,
      error: { code: "lifetime_exists" },
    });
  });

  test.for([
    ["throws", {}, "error: it broke"],
    ["never_settles", { timeout: "30ms" }, "timed_out: no answer within 30 ms"],
    ["returns_the_wrong_shape", {}, "invalid_output: answer: "],
  ] as const)(
    "fails with a clear reason where a node %s, and no other with it",
    ([kind, attributes, detail]) =>
      inOwnTenant({}, [ECHO, withTask("broken", kind, attributes)], async ({ start, read }) => {
        // All at once: they share turns and calls.
        const [before, broken, after] = await Promise.all([
          start("echo", 1),
          start("broken"),
          start("echo", 2),
        ]);
        expect(broken).toMatchObject({ status: "FAILED", reason: { code: "node_failed" } });
        expect(broken?.reason?.detail).toContain(`work: ${detail}`);
        expect([before?.status, after?.status]).toEqual(["SUCCEEDED", "SUCCEEDED"]);
        expect(await read("task-executions")).toHaveLength(3);
      }),
  );

  test("tries a node again after its backoff, until it succeeds", async () => {
    const { start, read } = await freshTenant(
      withTask("flaky", "flaky", { retry: 3, retry_backoff: "5ms", failures: 2 }),
    );
    expect(await start("flaky")).toMatchObject({ status: "SUCCEEDED", steps: 4 });
    const attempts = (await read("task-executions")).map(({ value }) => taskExecution(value).header);
    expect(attempts.map((header) => header?.attempt)).toEqual([1, 2, 3]);
    expect(new Set(attempts.map((header) => header?.inputId)).size).toBe(1);
    expect(new Set(attempts.map((header) => header?.execId)).size).toBe(3);
  });

  test("that is canceled aborts what it runs, and what that still answers is a stray", async () => {
    const gate = freshName("gate");
    const { object, begin, end, next, read, strays } = await freshTenant(
      ECHO,
      withTask("held", "gated", { gate }),
    );
    const { lifetime } = await begin("held");
    const input = await next("task-inputs");
    const key = `${lifetime}:2`;
    await expect.poll(() => started.includes(key)).toBe(true);

    expect(await object.cancel(lifetime, "enough")).toMatchObject({
      ok: true,
      value: { status: "CANCELED" },
    });
    await expect.poll(() => aborted.includes(key)).toBe(true);
    expect(await end(lifetime)).toMatchObject({ reason: { code: "canceled", detail: "enough" } });
    const [execution] = await read("task-executions");
    expect(taskExecution(execution?.value ?? input.value)).toMatchObject({
      header: { inputId: key, status: 5 },
      result: { errorMessage: "canceled: enough" },
    });

    const late = await object.produce("task-executions", execution?.value ?? new Uint8Array());
    expect(late).toMatchObject({ ok: true, value: { outcome: "stray", reason: "late" } });
    expect(await strays()).toMatchObject([{ reason: "late", kind: "task" }]);
    expect(await object.cancel(lifetime, "again")).toMatchObject({ error: { code: "illegal_transition" } });
    openGate(gate);
  });

  test("that is canceled at once aborts a call that has only just begun", () =>
    inOwnTenant({}, [withTask("held", "gated", { gate: "never" })], async (own) => {
      const { lifetime } = await own.begin("held");
      await own.next("task-inputs");
      await own.object.cancel(lifetime, "at once");
      await expect.poll(() => aborted.includes(`${lifetime}:2`)).toBe(true);
    }));
});

describe("a join of the first", () => {
  test("aborts the tasks that lose, sets their answers aside, and goes on", async () => {
    const [gate, last] = [freshName("gate"), freshName("gate")];
    const { object, begin, end, read, strays } = await freshTenant(`digraph race {
      node [type=plan, kind=parallel] ask decide [join="first: 2"]
      node [type=task, kind=gated, gate="${gate}"] one two
      lost [gate=never] publish [gate="${last}"]
      ask -> lost; ask -> one; ask -> two; {lost one two} -> decide -> publish
    }`);
    const { lifetime } = await begin("race");
    const key = `${lifetime}:2`;
    await expect.poll(() => started.includes(key)).toBe(true);
    openGate(gate);
    await expect.poll(() => aborted.includes(key)).toBe(true);
    const answers = (await read("task-executions")).map(({ value }) => ({
      value,
      ...taskExecution(value),
    }));
    const withdrawn = answers.find(({ header }) => header?.inputId === key);
    expect(withdrawn).toMatchObject({
      header: { name: "lost", status: 5 },
      result: { errorMessage: "canceled: decide has fired without it" },
    });
    const late = await object.produce("task-executions", withdrawn?.value ?? new Uint8Array());
    expect(late).toMatchObject({ ok: true, value: { outcome: "stray", reason: "late" } });
    expect((await strays()).map(({ reason }) => reason)).toContain("late");
    openGate(last);
    expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED", steps: 6 });
  });
});

describe("an idempotency key", () => {
  const idempotency = { key: "k", bodyHash: "a" };

  test("answers the same request with the lifetime that it started", async () => {
    const { tryStart, read } = await freshTenant(ECHO);
    const first = await tryStart("echo", null, { idempotency });
    const second = await tryStart("echo", null, { idempotency });
    expect(first).toMatchObject({ ok: true, value: { replayed: false } });
    expect(second).toEqual({ ok: true, value: { ...(first.ok && first.value), replayed: true } });
    expect(await read("plan-inputs")).toHaveLength(1);
  });

  test("is refused with another request", async () => {
    const { tryStart } = await freshTenant(ECHO);
    await tryStart("echo", null, { idempotency });
    const other = await tryStart("echo", 1, { idempotency: { key: "k", bodyHash: "b" } });
    expect(other).toMatchObject({ ok: false, error: { code: "idempotency_conflict" } });
  });

  test("starts one lifetime when two requests come in the same turn", () =>
    inOwnTenant({}, [ECHO], async ({ tryStart, read }) => {
      const answers = await Promise.all([1, 2].map(() => tryStart("echo", null, { idempotency })));
      const [first, second] = answers.map(answered);
      expect([first?.replayed, second?.replayed]).toEqual([false, true]);
      expect(second?.lifetime.lifetime).toBe(first?.lifetime.lifetime);
      expect(await read("plan-inputs")).toHaveLength(1);
    }));
});
