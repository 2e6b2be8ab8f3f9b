// How long a step through an executor on premises takes: edge → Kafka → executor → Kafka → edge.
import { startExecutor } from "../../../examples/on-premises/executor.ts";
import { median } from "../median.ts";
import { kafkaOf, type Lab, newTenant, watchedBridge } from "./lab.ts";
import { until } from "./wait.ts";

const STEPS = 100;
const ELSEWHERE = `digraph elsewhere {
  begin [type=plan, kind=parallel]
  work [type=task, executor=kafka]
  begin -> work
}`;

const measure = async (lab: Lab): Promise<number[]> => {
  const { tenant, ask } = newTenant(lab, "steps");
  await ask("PUT", "", {});
  await ask("POST", "/graphs", { dot: ELSEWHERE });
  await using bridge = await watchedBridge(lab, tenant);
  await until("the partitions", () => bridge.said("partitions_assigned").length > 0);
  await using executor = await startExecutor(kafkaOf(lab), tenant);
  const took: number[] = [];
  for (let n = 0; n < STEPS; n++) {
    const began = performance.now();
    const { status } = await ask<{ status: string }>("POST", "/graphs/elsewhere/lifetimes?wait=30s", {
      input: n,
    });
    if (status !== "SUCCEEDED") throw new Error(`a lifetime is ${status}`);
    took.push(performance.now() - began);
  }
  if (executor.count() !== STEPS) throw new Error(`the executor had ${executor.count()} of ${STEPS} inputs`);
  // What came while everything was warming up is left out.
  return took.slice(STEPS / 5).sort((a, b) => a - b);
};

export const steps = async (lab: Lab): Promise<void> => {
  console.log("\nA lifetime with one step through an executor on premises");
  const medians: number[] = [];
  for (let run = 0; run < lab.runs; run++) {
    const took = await measure(lab);
    const at = (share: number) => took[Math.floor(took.length * share)] ?? 0;
    medians.push(at(0.5));
    console.log(`  p50 ${Math.round(at(0.5))} ms, p99 ${Math.round(at(0.99))} ms`);
  }
  console.log(`  median p50 ${Math.round(median(medians))} ms; to reach 100`);
};
