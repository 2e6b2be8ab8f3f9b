/** Chain at several numbers of callers. */
import type { Lab, Measured } from "../lab.ts";
import { pairsAt, printPair } from "../report.ts";
import { WORKLOADS } from "../workloads.ts";

/** A server runs for days: neither is measured while its code is compiled anew, which for one caller takes seconds. */
const WARM_UP = { callers: 32, seconds: 3 };

export const callers = async (lab: Lab, counts: readonly number[]): Promise<void> => {
  const rounds = await lab.rounds(1, async (bench) => {
    const measured: Measured[] = [];
    await bench.measure({ workload: WORKLOADS.chain, ...WARM_UP });
    for (const each of counts)
      measured.push(await bench.measure({ workload: WORKLOADS.chain, callers: each }));
    return measured;
  });
  for (const [at, each] of counts.entries())
    printPair(`chain, ${each} ${each === 1 ? "caller" : "callers"}`, pairsAt(rounds, at));
};
