// Without this, whoever sets the bridge up would be told nothing, or something wrong, of what is missing.
import { afterAll, beforeAll, expect } from "vitest";
import { doctor } from "../../bridge/doctor/doctor.ts";
import { type Environment, readSettings } from "../../bridge/settings.ts";
import { askOf } from "../local/ask.ts";
import { brokers, brokerTest, unique } from "./broker-test.ts";
import { type Runtime, startBridge, startRuntime } from "./lab.ts";

let runtime: Runtime;
beforeAll(async () => {
  runtime = await startRuntime();
}, 120_000);
afterAll(() => runtime?.[Symbol.asyncDispose]());

const examined = async (environment: Environment) => {
  const lines: string[] = [];
  const settings = readSettings({
    ESCAPEMENT_URL: runtime.local.url,
    ESCAPEMENT_KEY: "bridge-key",
    KAFKA_BROKERS: brokers().join(),
    ...environment,
  });
  const well = await doctor(settings, (line) => lines.push(line));
  return { well, said: lines.join("\n") };
};

brokerTest("the doctor finds all well where a bridge has run, and looks without a trace", async () => {
  const tenant = unique("doctor");
  await askOf(runtime.local, tenant)("PUT", "", {});
  await using bridge = await startBridge(runtime, tenant, { KAFKA_BROKERS: brokers().join() });
  await expect.poll(() => bridge.said("mirror_resumed").length).toBeGreaterThan(0);
  const { well, said } = await examined({ BRIDGE_TENANTS: tenant });
  expect(said).toMatch(/ok +topics +.* has all seven/);
  expect(said).toMatch(/ok +writes/);
  expect(said).toMatch(/ok +deployment/);
  expect(said).not.toContain("FAIL");
  expect(well).toBe(true);
});

const FAULTS: readonly [string, Environment, RegExp][] = [
  ["no gateway", { ESCAPEMENT_URL: "http://127.0.0.1:1" }, /FAIL +gateway .*ESCAPEMENT_URL/],
  ["a key that is none", { ESCAPEMENT_KEY: "wrong" }, /FAIL +credential .*ESCAPEMENT_KEYS/],
  ["another deployment", { ESCAPEMENT_DEPLOYMENT: "other" }, /FAIL +deployment .*ESCAPEMENT_DEPLOYMENT/],
  ["no broker", { KAFKA_BROKERS: "127.0.0.1:1" }, /FAIL +broker .*KAFKA_BROKERS/],
  ["topics that nobody makes", { BRIDGE_PROVISION: "false" }, /FAIL +topics .*BRIDGE_PROVISION/],
];

for (const [what, environment, message] of FAULTS)
  brokerTest(`the doctor says what to do about ${what}`, async () => {
    const tenant = unique("doctor");
    await askOf(runtime.local, tenant)("PUT", "", {});
    const { well, said } = await examined({ BRIDGE_TENANTS: tenant, ...environment });
    expect(said).toMatch(message);
    expect(well).toBe(false);
  });
