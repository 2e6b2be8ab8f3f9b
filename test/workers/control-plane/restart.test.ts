// Without this, a deploy or an eviction could strand what runs, and one bad event could stop a tenant.
import { abortAllDurableObjects } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import { policyDocument } from "../../../src/guardrails/document.ts";
import { merged, written } from "../../../src/metrics/family.ts";
import { payloadOf, readResult } from "../../../src/wire/payload.ts";
import { STEPS } from "../../../workers/control-plane/schema.ts";
import { readExposition } from "../../fixtures/exposition.ts";
import { openGate, started } from "../../fixtures/gates.ts";
import {
  answered,
  type Client,
  clockAhead,
  ECHO,
  freshName,
  freshTenant,
  inOwnTenant,
  planExecution,
  silent,
  taskExecution,
  tenantOf,
  withTask,
} from "./client.ts";

/** More tasks than a state of one row has entries. */
const TASKS = 45;
const names = Array.from({ length: TASKS }, (_, i) => `work${i}`).join(" ");
const fanOut = (gate: string) => `digraph fan_out {
  begin [type=plan kind=parallel]; collect [type=plan kind=parallel end=true]
  node [type=task kind=gated gate="${gate}"] ${names}
  begin -> { ${names} } -> collect
}`;

describe("an object that is started again", () => {
  test("sends what was outstanding again, and every lifetime finishes", async () => {
    const gate = freshName("gate");
    const { tenant, begin } = await freshTenant(withTask("held", "gated", { gate }));
    const begun = await Promise.all(Array.from({ length: 10 }, () => begin("held")));
    const keys = begun.map(({ lifetime }) => `${lifetime}:2`);
    await expect.poll(() => keys.every((key) => started.includes(key))).toBe(true);
    await abortAllDurableObjects();
    openGate(gate);
    const { end, read } = tenantOf(tenant);
    for (const { lifetime } of begun)
      expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED", steps: 2 });
    const answers = (await read("task-executions")).map(({ value }) => taskExecution(value).header);
    expect(answers.map((header) => header?.inputId).sort()).toEqual(keys.sort());
    // The same attempts: nothing had failed.
    expect(answers.map((header) => header?.attempt)).toEqual(keys.map(() => 1));
  });

  test("has a state that had outgrown one row", async () => {
    const gate = freshName("gate");
    const { tenant, begin } = await freshTenant(fanOut(gate));
    const { lifetime } = await begin("fan_out");
    await expect.poll(() => started.filter((key) => key.startsWith(lifetime)).length).toBe(TASKS);
    await abortAllDurableObjects();
    openGate(gate);
    const { end, read } = tenantOf(tenant);
    expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED", steps: TASKS + 2 });
    expect(await read("task-executions")).toHaveLength(TASKS);
    expect(await read("plan-executions")).toHaveLength(2);
  });

  test("merges what came before and what comes after", async () => {
    const gate = freshName("gate");
    const { tenant, begin } = await freshTenant(`digraph report {
      node [type=plan, kind=parallel] begin left right collect [join=merge, end=true]
      node [type=task] verified [kind=gated, gate="${gate}"]
      node [kind=transform, expression="1"] a b edited
      begin -> a -> left -> edited -> collect
      begin -> b -> right -> verified -> collect
    }`);
    const { lifetime } = await begin("report");
    await expect.poll(() => started.some((key) => key.startsWith(lifetime))).toBe(true);
    await abortAllDurableObjects();
    openGate(gate);
    const { end, read } = tenantOf(tenant);
    expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED", steps: 8 });
    const merges = (await read("plan-executions"))
      .map(({ value }) => planExecution(value))
      .filter(({ header }) => header?.name === "collect");
    expect(merges.map(({ parentTaskNames }) => parentTaskNames.toSorted())).toEqual([["edited", "verified"]]);
  });

  test("still waits, with the signals that it kept, and goes on once they are taken", async () => {
    const { tenant, begin, object } = await freshTenant(`digraph waits {
      node [type=plan kind=parallel] begin next
      node [type=task kind=wait] one [signal=first]; two [signal=last]
      begin -> one -> next -> two
    }`);
    const { lifetime } = await begin("waits");
    const signal = (name: string, to: Client["object"]) =>
      to.signal({ lifetime, name, value: payloadOf(name).value, by: "test" });
    expect(await signal("last", object)).toMatchObject({ value: { kept: true } });
    await abortAllDurableObjects();
    const after = tenantOf(tenant);
    expect(await signal("first", after.object)).toMatchObject({ value: { kept: false } });
    expect(await after.end(lifetime)).toMatchObject({ status: "SUCCEEDED", steps: 4 });
    const results = (await after.read("task-executions")).map(({ value }) =>
      readResult(taskExecution(value).result),
    );
    expect(results).toEqual(["first", "last"]);
  });

  test.each([1, TASKS])("continues what had failed, of %i tasks, when it is asked to", async (width) => {
    const some = names.split(" ").slice(1, width).join(" ");
    const { tenant, begin, end } = await freshTenant(`digraph mend {
      begin [type=plan kind=parallel]; collect [type=plan kind=parallel end=true]
      flaky [type=task kind=flaky failures=1]
      node [type=task kind=transform expression="1"] ${some}
      begin -> { ${some} flaky } -> collect
    }`);
    const { lifetime } = await begin("mend");
    expect(await end(lifetime)).toMatchObject({ status: "FAILED" });
    await abortAllDurableObjects();
    const after = tenantOf(tenant);
    expect(await after.object.retry({ lifetime, detail: "" })).toMatchObject({ value: { replayed: false } });
    expect(await after.end(lifetime)).toMatchObject({ status: "SUCCEEDED" });
    expect(await after.object.retry({ lifetime, detail: "" })).toMatchObject({
      error: { code: "illegal_transition" },
    });
  });

  test("starts nothing again for a request that it had answered", async () => {
    const idempotency = { key: "k", bodyHash: "a" };
    const { tenant, begin } = await freshTenant(withTask("throws", "throws"));
    const { lifetime } = await begin("throws", { idempotency });
    await abortAllDurableObjects();
    expect(await tenantOf(tenant).begin("throws", { idempotency })).toMatchObject({ lifetime });
  });
});

test("an object that is started again neither reads nor writes what waits and what is held", () => {
  const clock = clockAhead();
  const dot = `digraph approval {
    node [type=plan kind=parallel] begin next
    ask [type=task kind=wait signal=go]; say [type=task kind=transform expression="1"]
    begin -> ask -> next -> say
  }`;
  return inOwnTenant(clock, [dot], async (own) => {
    const { lifetime: waits } = await own.begin("approval");
    const { lifetime: held } = await own.begin("approval");
    answered(await own.object.pauseLifetime(held, "look at it"));
    const signal = { lifetime: held, name: "go", by: "test", value: payloadOf(1).value };
    answered(await own.object.signal(signal));
    // Their rows have what only the log had.
    own.again();
    const after = own.again({ ...clock, executors: { plan: silent, task: silent } });
    await after.object.wake();
    // Takes a turn after all that the start brought about, and leaves its lifetime as it was.
    answered(await after.object.resumeLifetime(waits));
    const samples = readExposition(
      written(merged([{ labels: {}, families: answered(await after.object.metrics()) }])),
    );
    expect(samples.get("escapement_commit_arrivals_sum")).toBe(1);
    expect(samples.get("escapement_lifetimes_open")).toBe(2);
    expect(samples.get("escapement_inputs_outstanding")).toBe(2);
    expect(await after.counters()).toMatchObject({ rows: 0 });
    // The states are not looked at even to be counted.
    own.state.storage.sql.exec("UPDATE running SET state = 'of no use'");
    await own.again(clock).object.wake();
  });
});

describe("an event that reduce throws on", () => {
  test("fails its lifetime, leaves evidence, and lets the others of its turn commit", () => {
    const gate = freshName("gate");
    return inOwnTenant({}, [withTask("held", "gated", { gate })], async ({ state, again }) => {
      const before = again({ executors: { plan: state.exports.PlanInputs, task: silent } });
      const [poisoned, healthy] = [await before.begin("held"), await before.begin("held")];
      await before.next("task-inputs");
      await expect.poll(async () => (await before.read("task-inputs")).length).toBe(2);
      const after = again({});
      // Of the state, the wave goes that the task belongs to.
      state.storage.sql.exec(
        `UPDATE running SET state = json_set(state, '$.parts.waves', json('[]'))
         WHERE started = (SELECT started FROM lifetimes WHERE id = ?)`,
        poisoned.lifetime,
      );
      openGate(gate);
      const [failed, succeeded] = await Promise.all([
        after.end(poisoned.lifetime),
        after.end(healthy.lifetime),
      ]);
      expect(failed).toMatchObject({ status: "FAILED", reason: { code: "internal" } });
      expect(succeeded).toMatchObject({ status: "SUCCEEDED", steps: 2 });
      const [letter] = await after.deadLetters();
      expect(letter).toMatchObject({ reason: "internal", topic: "task-executions" });
      expect(taskExecution(letter?.message ?? new Uint8Array()).header).toMatchObject({
        inputId: `${poisoned.lifetime}:2`,
      });
    });
  });
});

/** Of all that there is now, keeps what the first version had: its tables, with its columns. */
const backToFirst = (sql: SqlStorage): void => {
  const names = (): string[] =>
    sql
      .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")
      .toArray()
      .map(({ name }) => name)
      .filter((name) => !/^(_cf_|sqlite_)/.test(name));
  const columns = (table: string): string[] =>
    sql
      .exec<{ name: string }>("SELECT name FROM pragma_table_info(?)", table)
      .toArray()
      .map(({ name }) => name);
  const indexes = sql
    .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    .toArray();
  for (const { name } of indexes) sql.exec(`DROP INDEX ${name}`);
  const now = names();
  for (const name of now) sql.exec(`ALTER TABLE ${name} RENAME TO now_${name}`);
  sql.exec(STEPS[0] ?? "");
  for (const name of names()) {
    if (!now.includes(name)) continue;
    const kept = columns(name).join();
    sql.exec(`INSERT INTO ${name} (${kept}) SELECT ${kept} FROM now_${name}`);
  }
  for (const name of now) sql.exec(`DROP TABLE now_${name}`);
  sql.exec("UPDATE meta SET value = '1' WHERE key = 'tables_version'");
};

describe("the tables of an object", () => {
  test("of the first version are brought forward, with what is in them", () =>
    inOwnTenant({}, [ECHO], async (own) => {
      const { lifetime } = await own.start("echo");
      const { sql } = own.state.storage;
      // Its row has what only the log had.
      own.again();
      const [before] = sql.exec("SELECT * FROM lifetimes").toArray();
      expect(before).toMatchObject({ id: lifetime });
      backToFirst(sql);
      const again = own.again();
      expect(sql.exec("SELECT * FROM lifetimes").toArray()).toEqual([before]);
      expect(await again.view(lifetime)).toMatchObject({ status: "SUCCEEDED" });
      expect(await again.start("echo")).toMatchObject({ status: "SUCCEEDED" });
    }));

  test("keep of policies what holds, and the number of the last change", () =>
    inOwnTenant({}, [ECHO], async (own) => {
      const { sql } = own.state.storage;
      const put = (name: string, message: string) =>
        own.object.putPolicy(
          policyDocument.parse({ name, on: "task_input", when: "false", action: "WARN", message }),
        );
      for (const message of ["one", "two", "three"]) await put("a", message);
      await put("b", "four");
      await own.object.removePolicy("b");
      const kept = () => sql.exec("SELECT name, version FROM policies").toArray();
      expect(kept()).toEqual([{ name: "a", version: 3 }]);
      sql.exec("INSERT INTO policies VALUES ('a', 1, 0, '{}'), ('c', 9, 0, NULL), ('c', 8, 0, '{}')");
      sql.exec("DELETE FROM marks WHERE name = 'policies'");
      sql.exec(STEPS.find((step) => step.includes("DELETE FROM policies")) ?? "");
      const again = own.again();
      expect(kept()).toEqual([{ name: "a", version: 3 }]);
      expect(
        await again.object.putPolicy(
          policyDocument.parse({ name: "d", on: "task_input", action: "WARN", message: "ten" }),
        ),
      ).toMatchObject({ ok: true, value: { version: 10 } });
    }));

  test("of a later version are refused and left as they are", () =>
    inOwnTenant({}, [], async (own) => {
      own.state.storage.sql.exec("UPDATE meta SET value = '1000' WHERE key = 'tables_version'");
      expect(() => own.again()).toThrow("tables have version 1000; deploy code that knows it");
    }));
});
