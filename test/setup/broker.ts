// The Kafka broker that all tests of the project share: topics and groups are named by each test for itself.
import type { TestProject } from "vitest/node";
import { type FoundBroker, findBroker } from "../../bridge/local/find-broker.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Undefined where there is none: then nothing of the project runs. */
    broker: Pick<FoundBroker, "brokers" | "secured"> | undefined;
  }
}

export const setup = async (project: TestProject) => {
  const found = await findBroker({ secured: true });
  if (typeof found === "string") {
    if (process.env.CI === "true") throw new Error(`The tests of the bridge need a Kafka broker: ${found}`);
    console.warn(`\n  NO KAFKA: every test of the bridge is skipped. To run them: ${found}.\n`);
    project.provide("broker", undefined);
    return;
  }
  const { brokers, secured } = found;
  project.provide("broker", { brokers, ...(secured ? { secured } : {}) });
  return () => found[Symbol.asyncDispose]();
};
