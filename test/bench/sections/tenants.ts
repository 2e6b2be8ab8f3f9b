/** Many tenants with one caller each: nothing is shared but the machine. */
import type { Lab } from "../lab.ts";
import { printPair } from "../report.ts";
import { WORKLOADS } from "../workloads.ts";

const TENANTS = 1_000;

export const tenants = async (lab: Lab): Promise<void> => {
  const rounds = await lab.rounds(TENANTS, (bench) =>
    bench.measure({ workload: WORKLOADS.chain, callers: TENANTS, tenants: TENANTS }),
  );
  printPair(`chain, ${TENANTS} tenants with one caller each`, rounds);
};
