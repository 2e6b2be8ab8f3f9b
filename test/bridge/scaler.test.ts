// Without this, executors on premises would not be started when there is work, or never be stopped.
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { expect } from "vitest";
import { startExecutor } from "../../examples/on-premises/executor.ts";
import { ExternalScaler } from "../../src/wire/gen/externalscaler/externalscaler_pb.ts";
import { askOf } from "../local/ask.ts";
import { brokers, brokerTest, testKafka, unique } from "./broker-test.ts";
import { startBridge, startRuntime } from "./lab.ts";

const ELSEWHERE = `digraph elsewhere {
  begin [type=plan, kind=parallel]
  work [type=task, executor=kafka]
  begin -> work
}`;

brokerTest("KEDA is told of open inputs as they come and go, and others as JSON", async () => {
  await using runtime = await startRuntime();
  const tenant = unique("scaler");
  const ask = askOf(runtime.local, tenant);
  await ask("PUT", "", {});
  await ask("POST", "/graphs", { dot: ELSEWHERE });
  await using bridge = await startBridge(runtime, tenant, { KAFKA_BROKERS: brokers().join() });
  const port = bridge.said("started")[0]?.scaler_port;
  const client = createClient(ExternalScaler, createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` }));
  const scaled = { name: "executor", scalerMetadata: { tenant, node: "work", inputsPerReplica: "2" } };
  expect((await client.isActive(scaled)).result).toBe(false);
  expect((await client.getMetricSpec(scaled)).metricSpecs).toMatchObject([
    { targetSize: 2n, targetSizeFloat: 2 },
  ]);
  await expect(client.isActive({ name: "executor" })).rejects.toThrow(/tenant/);

  const ending = new AbortController();
  const told: boolean[] = [];
  const following = (async () => {
    for await (const { result } of client.streamIsActive(scaled, { signal: ending.signal }))
      told.push(result);
  })().catch(() => {});
  await expect.poll(() => told).toEqual([false]);
  for (let n = 0; n < 5; n++) await ask("POST", "/graphs/elsewhere/lifetimes", { input: n });
  const inputs = async () => {
    const { metricValues } = await client.getMetrics({ scaledObjectRef: scaled, metricName: "" });
    return metricValues[0]?.metricValueFloat;
  };
  await expect.poll(inputs).toBe(5);
  const json = await (await fetch(`${bridge.url}/open-inputs?tenant=${tenant}&node=work`)).json();
  expect(json).toEqual({ tenant, node: "work", inputs: 5 });
  await expect.poll(() => told).toEqual([false, true]);

  await expect.poll(() => bridge.said("connected").length).toBeGreaterThan(0);
  await using _ = await startExecutor(testKafka(), tenant);
  await expect.poll(inputs).toBe(0);
  await expect.poll(() => told).toEqual([false, true, false]);
  ending.abort();
  await following;
});
