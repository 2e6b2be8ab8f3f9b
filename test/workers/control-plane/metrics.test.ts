// Without these the metrics of a tenant count what did not happen, or cost it something to be asked for.

import { env } from "cloudflare:workers";
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { merged, written } from "../../../src/metrics/family.ts";
import { encodeExecution } from "../../../src/wire/codec.ts";
import { TaskExecutionSchema } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { Projection } from "../../../workers/data-plane/projection.ts";
import { readExposition } from "../../fixtures/exposition.ts";
import { faultyD1 } from "../../fixtures/faulty-d1.ts";
import {
  answered,
  type Client,
  clockAhead,
  ECHO,
  freshTenant,
  inOwnTenant,
  silent,
  taskExecution,
  withTask,
} from "./client.ts";

const scrape = async ({ object }: Client) =>
  readExposition(written(merged([{ labels: {}, families: answered(await object.metrics()) }])));

/** Of what was scraped, the samples of these families that are not 0. */
const some = (samples: ReadonlyMap<string, number>, ...families: readonly string[]) =>
  Object.fromEntries(
    [...samples]
      .map(([key, value]) => [key.replace(/^escapement_/, ""), value] as const)
      .filter(([key, value]) => value !== 0 && families.some((family) => key.replace(/\{.*/, "") === family)),
  );

test("lifetimes, steps, retries and what was set aside are counted exactly", async () => {
  const tenant = await freshTenant(
    ECHO,
    withTask("tries", "flaky", { failures: 1, retry: 2, retry_backoff: "1ms" }),
    withTask("breaks", "throws"),
  );
  for (const graph of ["echo", "echo", "tries", "breaks"]) await tenant.start(graph);
  const [record] = await tenant.read("task-executions");
  answered(await tenant.object.produce("task-executions", record?.value ?? new Uint8Array()));
  answered(await tenant.object.produce("task-executions", new Uint8Array([255])));
  const execution = taskExecution(record?.value ?? new Uint8Array());
  execution.header = { ...execution.header!, inputId: "nobody:1", lifetimeId: "nobody" };
  answered(
    await tenant.object.produce("task-executions", encodeExecution(create(TaskExecutionSchema, execution))),
  );
  const samples = await scrape(tenant);
  expect(
    some(
      samples,
      "lifetimes_started_total",
      "lifetime_moves_total",
      "lifetimes_open",
      "steps_total",
      "retries_total",
      "step_duration_seconds_count",
      "queue_wait_seconds_count",
      "inputs_outstanding",
      "inputs_in_flight",
      "inputs_queued",
      "strays_total",
      "dead_letters_total",
    ),
  ).toEqual({
    lifetimes_started_total: 4,
    'lifetime_moves_total{status="SUCCEEDED"}': 3,
    'lifetime_moves_total{status="FAILED"}': 1,
    'steps_total{kind="plan",status="SUCCEEDED"}': 4,
    'steps_total{kind="task",status="SUCCEEDED"}': 3,
    'steps_total{kind="task",status="FAILED"}': 2,
    'retries_total{kind="task"}': 1,
    'step_duration_seconds_count{kind="plan"}': 4,
    'step_duration_seconds_count{kind="task"}': 5,
    'queue_wait_seconds_count{kind="task"}': 5,
    'strays_total{reason="late"}': 1,
    'strays_total{reason="unknown"}': 1,
    'dead_letters_total{reason="undecodable"}': 1,
  });
});

test("what is open is told until it ends, also by an object that was started anew", async () => {
  const executors = { plan: silent, task: silent };
  await inOwnTenant({ executors }, [ECHO], async (own) => {
    const lifetimes = [await own.begin("echo"), await own.begin("echo")];
    const open = async (client: Client) =>
      some(
        await scrape(client),
        "lifetimes_open",
        "inputs_outstanding",
        "inputs_in_flight",
        "lifetimes_started_total",
      );
    expect(await open(own)).toEqual({
      lifetimes_started_total: 2,
      lifetimes_open: 2,
      inputs_outstanding: 2,
      inputs_in_flight: 2,
    });
    const again = own.again();
    expect(await open(again)).toEqual({ lifetimes_open: 2, inputs_outstanding: 2 });
    answered(await again.object.cancel(lifetimes[0]?.lifetime ?? "", "enough"));
    expect(await open(again)).toMatchObject({ lifetimes_open: 1, inputs_outstanding: 1 });
    answered(await again.object.cancel(lifetimes[1]?.lifetime ?? "", "enough"));
    expect(await open(again)).not.toHaveProperty("lifetimes_open");
    expect(
      some(await scrape(again), "lifetime_moves_total", "steps_total", "step_duration_seconds_count"),
    ).toEqual({
      'lifetime_moves_total{status="CANCELED"}': 2,
      'steps_total{kind="task",status="CANCELED"}': 2,
    });
  });
});

test("two scrapes change nothing, and no counter ever falls", async () => {
  const tenant = await freshTenant(ECHO);
  await tenant.start("echo");
  answered(await tenant.object.projected());
  const first = await scrape(tenant);
  expect(await scrape(tenant)).toEqual(first);
  expect(first.get("escapement_projection_backlog_records")).toBe(0);
  expect(first.get("escapement_projection_lag_seconds")).toBe(0);
  await tenant.start("echo");
  const second = await scrape(tenant);
  const counts = [...first].filter(([key]) => /_(total|count|sum|bucket)(\{|$)/.test(key));
  expect(counts.filter(([key, value]) => (second.get(key) ?? -1) < value)).toEqual([]);
  expect(second.get("escapement_commit_arrivals_count")).toBeGreaterThan(
    first.get("escapement_commit_arrivals_count") ?? 0,
  );
});

test("how far D1 is behind is told while it is away, and only once D1 has said where it is", async () => {
  const { faults, db } = faultyD1(env.DB);
  const clock = clockAhead();
  const ports = { now: clock.now, projection: new Projection(db) };
  await inOwnTenant(ports, [ECHO], async (own) => {
    const again = own.again();
    expect((await scrape(again)).has("escapement_projection_lag_seconds")).toBe(false);
    answered(await again.object.projected());
    faults.down = true;
    await again.start("echo");
    clock.at += 5_000;
    const failures = async () => (await scrape(again)).get("escapement_projection_failures_total");
    await expect.poll(failures, { timeout: 20_000 }).toBeGreaterThan(0);
    const behind = await scrape(again);
    expect(behind.get("escapement_projection_lag_seconds")).toBe(5);
    expect(behind.get("escapement_projection_backlog_bytes")).toBeGreaterThan(0);
    faults.down = false;
    answered(await again.object.projected());
    expect((await scrape(again)).get("escapement_projection_lag_seconds")).toBe(0);
  });
}, 30_000);
