/**
 * The same again when many lifetimes are stored: what grows with them is what this shows. Each is measured on a
 * start of its own, and as many lifetimes are run on it: a process also holds what it has not collected yet of all
 * that it has done, and whoever has just stored the many has done more.
 */
import { cp } from "node:fs/promises";
import type { Bench, Lab, Measured } from "../lab.ts";
import { ratio, table } from "../report.ts";
import { WORKLOADS } from "../workloads.ts";

const CALLERS = 32;
const STORED = { few: 2_000, many: 20_000 };
/** Of each so many: some two seconds, and with them fewer than are stored of the few. */
const ASKED = { chain: 1_000, fan: 500, cycle: 150 };
const WARM_UP = 300;

type Name = keyof typeof ASKED;
const NAMES = Object.keys(ASKED) as Name[];
type Round = Readonly<Record<keyof typeof STORED, Readonly<Record<Name, Measured>>>>;

/** Long enough for any machine: the number of lifetimes ends it. */
const SECONDS = 600;

const run = (bench: Bench, name: Name, lifetimesMax: number): Promise<Measured> =>
  bench.measure({ workload: WORKLOADS[name], callers: CALLERS, seconds: SECONDS, lifetimesMax });

const each = async (bench: Bench): Promise<Record<Name, Measured>> => {
  const measured: [string, Measured][] = [];
  // What is measured first would also be what is compiled.
  await run(bench, "chain", WARM_UP);
  for (const name of NAMES) measured.push([name, await run(bench, name, ASKED[name])]);
  return Object.fromEntries(measured) as Record<Name, Measured>;
};

const rounds = async (lab: Lab, few: string, many: string): Promise<Round[]> => {
  const on = <T>(data: string, use: (bench: Bench) => Promise<T>) => lab.startOn(data, "runtime", 1, use);
  const onCopy = (data: string) =>
    lab.onData(async (copy) => {
      await cp(data, copy, { recursive: true });
      return on(copy, each);
    });
  await on(few, (bench) => run(bench, "chain", STORED.few));
  await on(many, (bench) => run(bench, "chain", STORED.many));
  const done: Round[] = [];
  for (let round = 0; round < lab.options.pairs; round++)
    if (round % 2 === 0) done.push({ few: await onCopy(few), many: await onCopy(many) });
    else done.push({ many: await onCopy(many), few: await onCopy(few) });
  return done;
};

export const growth = async (lab: Lab): Promise<void> => {
  const done = await lab.onData((few) => lab.onData((many) => rounds(lab, few, many)));
  for (const name of NAMES) {
    const few = done.map((round) => round.few[name]);
    const many = done.map((round) => round.many[name]);
    console.log(`\n${name}, ${CALLERS} callers, with so many lifetimes stored`);
    console.log(
      table([
        [STORED.few.toLocaleString("en"), few],
        [STORED.many.toLocaleString("en"), many],
      ]),
    );
    const rate = ratio(many, few, (m) => m.perSecond);
    const memory = ratio(many, few, (m) => m.memoryBytes);
    console.log(`many / few, median of the rounds: lifetimes/s ${rate}, resident memory ${memory}`);
  }
};
