/** Other shapes of graph than a chain, and a chain whose plans an executor is asked about. */
import type { Lab, Measured } from "../lab.ts";
import { pairsAt, printPair } from "../report.ts";
import { WORKLOADS } from "../workloads.ts";

const CALLERS = 32;
/** A mebibyte a result: what is in flight is what one process can hold. */
const LARGE_CALLERS = 4;

export const SHAPES = [
  { title: "fan: a plan, 20 tasks, a join", workload: WORKLOADS.fan, callers: CALLERS },
  { title: "cycle: 50 laps", workload: WORKLOADS.cycle, callers: CALLERS },
  { title: "chain, its plans asked of an executor", workload: WORKLOADS.asked, callers: CALLERS },
  { title: "large: results of 1 MiB", workload: WORKLOADS.large, callers: LARGE_CALLERS },
];

export const shapes = async (lab: Lab): Promise<void> => {
  const rounds = await lab.rounds(1, async (bench) => {
    const measured: Measured[] = [];
    for (const { workload, callers } of SHAPES) measured.push(await bench.measure({ workload, callers }));
    return measured;
  });
  for (const [at, { title, callers }] of SHAPES.entries())
    printPair(`${title}, ${callers} callers`, pairsAt(rounds, at));
};
