// Without this, work could be lost on an executor that is not there, or be ended although it says that it goes on.
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import type { Member } from "../../../src/control-plane/lifetime.ts";
import { loadStored } from "../../../src/control-plane/stored.ts";
import type { Executor } from "../../../src/executor/dispatch.ts";
import { LEASE_MARGIN_MS, MISSING_WAIT_MS_MIN } from "../../../src/limits.ts";
import { encodeExecution } from "../../../src/wire/codec.ts";
import { openGate } from "../../fixtures/gates.ts";
import { executionOf } from "../../fixtures/play.ts";
import {
  answered,
  clockAhead,
  freshName,
  freshTenant,
  graphOf,
  inOwnTenant,
  type Own,
  taskExecution,
  withTask,
} from "./client.ts";

/** Input 2 of the only lifetime that runs, as it is stored. */
const workOf = ({ state }: Own): Member | undefined => {
  const [row] = state.storage.sql.exec<{ state: string }>("SELECT state FROM running");
  return loadStored(row?.state ?? "", () => []).lifetime.members.get(2);
};

/** For what comes by itself, however slow the machine. */
const WAIT = { timeout: 20_000 };

const versionsOf = async (tenant: string) => {
  const sql = "SELECT executor_version AS version FROM task_executions WHERE tenant = ?";
  const { results } = await env.DB.prepare(sql).bind(tenant).all<{ version: string | null }>();
  return results.map(({ version }) => version);
};

describe("a node that no deployed code has", () => {
  /** Registered while the node was there. */
  const registerGone = async (own: Own) => {
    const graph = graphOf(withTask("later", "transform", { expression: "input" }));
    const nodes = graph.nodes.map((node) => (node.type === "task" ? { ...node, kind: "gone" } : node));
    answered(await own.object.registerGraph({ graph: { ...graph, nodes }, activate: true }));
  };
  const asleep = (own: Own) => expect.poll(() => workOf(own)?.missing?.asleep, WAIT).toBe(true);

  test("keeps its inputs waiting, and runs them once a deploy brings it back", () => {
    const clock = clockAhead();
    return inOwnTenant(clock, [], async (own) => {
      await registerGone(own);
      const { lifetime } = await own.begin("later");
      await asleep(own);
      expect(await own.counters()).toMatchObject({ executor_missing: 1 });
      clock.at += MISSING_WAIT_MS_MIN;
      await own.object.alarm();
      await expect.poll(async () => (await own.counters()).executor_missing, WAIT).toBe(2);
      await asleep(own);
      expect(await own.view(lifetime)).toMatchObject({ status: "RUNNING", steps: 1 });
      const { plan, task } = own.ports.executors;
      const back: Executor = {
        run: (dispatch) =>
          task.run({
            ...dispatch,
            nodes: dispatch.nodes.map((text) => JSON.stringify({ ...JSON.parse(text), kind: "transform" })),
          }),
      };
      const deployed = own.again({ ...clock, executors: { plan, task: back } });
      expect(await deployed.end(lifetime)).toMatchObject({ status: "SUCCEEDED", steps: 2 });
    });
  });
});

describe("a heartbeat", () => {
  test("of a node keeps its attempt for longer than its timeout", () => {
    const clock = clockAhead();
    const timeout = 1_000;
    const gate = freshName("gate");
    return inOwnTenant(clock, [withTask("goes_on", "beating", { gate, timeout })], async (own) => {
      const { lifetime } = await own.begin("goes_on");
      await own.next("task-inputs");
      // Each is passed on in real time, and here the clock stands until it has come.
      for (let beats = 0; beats < 6; beats++) {
        clock.at += timeout;
        await expect.poll(() => workOf(own)?.due, WAIT).toBe(clock.at + timeout + LEASE_MARGIN_MS);
        await own.object.alarm();
      }
      openGate(gate);
      expect(await own.end(lifetime)).toMatchObject({ status: "SUCCEEDED", steps: 2 });
      const { value } = await own.next("task-executions");
      expect(taskExecution(value).header?.attempt).toBe(1);
    });
  });
});

describe("a node that is run elsewhere", () => {
  const external = { executor: "external", timeout: "1h" };

  test("is not called, and goes on with the execution that somebody produces", async () => {
    const client = await freshTenant(withTask("elsewhere", "known_there", external));
    const { lifetime } = await client.begin("elsewhere");
    const { value } = await client.next("task-inputs");
    expect(value.byteLength).toBeGreaterThan(0);
    const message = encodeExecution(
      executionOf("task", { name: "work", inputId: `${lifetime}:2`, attempt: 1 }, { bytes: 2 }),
    );
    expect(await client.object.produce("task-executions", message)).toMatchObject({
      value: { outcome: "recorded" },
    });
    expect(await client.end(lifetime)).toMatchObject({ status: "SUCCEEDED", steps: 2 });
    expect(await client.counters()).toMatchObject({ rpcs: 0 });
    answered(await client.object.projected());
    expect(await versionsOf(client.tenant)).toEqual([null]);
  });

  test("is ended by its lease where nobody answers, not by a restart", () => {
    const clock = clockAhead();
    return inOwnTenant(clock, [withTask("elsewhere", "known_there", external)], async (own) => {
      const { lifetime } = await own.begin("elsewhere");
      await own.next("task-inputs");
      const after = own.again(clock);
      clock.at += 3_600_000 + LEASE_MARGIN_MS - 1;
      await after.object.alarm();
      expect(await after.view(lifetime)).toMatchObject({ status: "RUNNING" });
      clock.at += 1;
      await after.object.alarm();
      expect(await after.end(lifetime)).toMatchObject({ status: "FAILED", reason: { code: "node_failed" } });
    });
  });
});

test("an execution has the version of the code that ran it, and a plan of the code that decided it", async () => {
  const { tenant, start, object } = await freshTenant(withTask("echo", "transform", { expression: "input" }));
  await start("echo");
  answered(await object.projected());
  const sql = `SELECT executor_version AS version FROM plan_executions WHERE tenant = ?1
    UNION ALL SELECT executor_version FROM task_executions WHERE tenant = ?1`;
  const { results } = await env.DB.prepare(sql).bind(tenant).all();
  expect(results).toEqual([{ version: "under-test" }, { version: "under-test" }]);
});
