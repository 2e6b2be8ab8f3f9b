// Without this, two deployments on one Kafka would run each other's lifetimes, or send records round for ever.
import { expect } from "vitest";
import { kafkaTopic } from "../../src/mirror/names.ts";
import { ORIGIN_HEADER, parseOrigin } from "../../src/mirror/origin.ts";
import { askOf } from "../local/ask.ts";
import { brokers, brokerTest, testKafka, unique } from "./broker-test.ts";
import { consume, logged } from "./consume.ts";
import { startBridge, startRuntime } from "./lab.ts";
import { startLoad } from "./load.ts";

const TOPIC = "task-executions";

brokerTest(
  "each of two deployments has the other's records as replicas, runs only its own, and nothing goes round",
  async () => {
    const tenant = unique("shared");
    const names = ["here", "there"] as const;
    await using here = await startRuntime(names[0]);
    await using there = await startRuntime(names[1]);
    const asks = [askOf(here.local, tenant), askOf(there.local, tenant)] as const;
    await using loadHere = await startLoad(asks[0], 1);
    await using loadThere = await startLoad(asks[1], 1);
    const environment = (name: string) => ({ KAFKA_BROKERS: brokers().join(), ESCAPEMENT_DEPLOYMENT: name });
    await using _ = await startBridge(here, tenant, environment(names[0]));
    await using __ = await startBridge(there, tenant, environment(names[1]));
    await Promise.all([loadHere.more(20), loadThere.more(20)]);
    await Promise.all([loadHere.stop(), loadThere.stop()]);

    const own = { here: 0, there: 0 };
    const written = async () => {
      const found = { here: 0, there: 0 };
      for (const { headers } of await consume(testKafka(), [kafkaTopic(TOPIC, tenant)])) {
        const name = parseOrigin(headers[ORIGIN_HEADER] ?? "")?.deployment;
        if (name === "here" || name === "there") found[name]++;
      }
      return found;
    };
    // Two tasks a lifetime.
    for (const [i, load] of [loadHere, loadThere].entries()) own[names[i] ?? "here"] = 2 * load.count();
    await expect.poll(written, { interval: 1_000 }).toEqual(own);
    const all = own.here + own.there;
    // Its own and the replicas of the other's.
    for (const ask of asks) await expect.poll(async () => (await logged(ask, TOPIC)).length).toBe(all);
    for (const [i, ask] of asks.entries()) {
      const { items } = await ask<{ items: unknown[] }>("GET", "/lifetimes?limit=1000");
      expect(items).toHaveLength([loadHere, loadThere][i]?.count() ?? 0);
      expect((await ask<{ items: unknown[] }>("GET", "/dead-letters")).items).toEqual([]);
    }
    // What has come back was not sent again.
    expect(await written()).toEqual(own);
  },
);
