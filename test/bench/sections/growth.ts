/**
 * The same again when many lifetimes are stored: what grows with them is what this shows. Each is measured on a
 * start of its own: a process also holds what it has not collected yet of all that it has done since its start,
 * and whoever has just stored the many has done more.
 */
import type { Bench, Lab, Measured } from "../lab.ts";
import { ratio, table } from "../report.ts";
import { WORKLOADS } from "../workloads.ts";

const CALLERS = 32;
const [FEW, MANY] = [2_000, 20_000];
const NAMES = ["chain", "fan", "cycle"] as const;

/** Long enough for any machine: the number of lifetimes ends it. */
const FILL_SECONDS = 600;

const fill = async (bench: Bench, lifetimes: number): Promise<void> => {
  const ask = { workload: WORKLOADS.chain, callers: CALLERS, seconds: FILL_SECONDS };
  await bench.measure({ ...ask, lifetimesMax: lifetimes });
};

const each = async (bench: Bench): Promise<Record<(typeof NAMES)[number], Measured>> => {
  const measured: [string, Measured][] = [];
  // What is measured first would also be what is compiled.
  await bench.measure({ workload: WORKLOADS.chain, callers: CALLERS, seconds: 1 });
  for (const name of NAMES)
    measured.push([name, await bench.measure({ workload: WORKLOADS[name], callers: CALLERS })]);
  return Object.fromEntries(measured) as Record<(typeof NAMES)[number], Measured>;
};

export const growth = async (lab: Lab): Promise<void> => {
  const rounds: { few: Awaited<ReturnType<typeof each>>; many: Awaited<ReturnType<typeof each>> }[] = [];
  for (let round = 0; round < lab.options.pairs; round++)
    rounds.push(
      await lab.onData(async (data) => {
        const start = <T>(use: (bench: Bench) => Promise<T>) => lab.startOn(data, "runtime", 1, use);
        await start((bench) => fill(bench, FEW));
        const few = await start(each);
        await start((bench) => fill(bench, MANY - FEW));
        return { few, many: await start(each) };
      }),
    );
  for (const name of NAMES) {
    const few = rounds.map((round) => round.few[name]);
    const many = rounds.map((round) => round.many[name]);
    console.log(`\n${name}, ${CALLERS} callers, with so many lifetimes stored`);
    console.log(
      table([
        [FEW.toLocaleString("en"), few],
        [MANY.toLocaleString("en"), many],
      ]),
    );
    const rate = ratio(many, few, (m) => m.perSecond);
    const memory = ratio(many, few, (m) => m.memoryBytes);
    console.log(`many / few, median of the rounds: lifetimes/s ${rate}, resident memory ${memory}`);
  }
};
