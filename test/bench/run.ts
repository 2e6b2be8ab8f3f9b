/**
 * `npm run bench`: chain at several numbers of callers, the runtime and the floor in interleaved pairs, so that
 * whatever else the machine does hits both. Prints medians over the pairs, and medians of the paired ratios.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { columns } from "../../examples/demo/columns.ts";
import { load } from "./load.ts";
import type { Loaded } from "./loader.ts";
import { median } from "./median.ts";
import { profile } from "./profile.ts";
import {
  type Counters,
  lagMs,
  prepare,
  STEPS,
  SUBJECTS,
  type Subject,
  type SubjectName,
} from "./subjects.ts";

const { values: options } = parseArgs({
  options: {
    pairs: { type: "string", default: "7" },
    seconds: { type: "string", default: "3" },
    callers: { type: "string", default: "1,32,256" },
    only: { type: "string" },
    profile: { type: "boolean", default: false },
  },
});
const CALLERS = options.callers.split(",").map(Number);
const NAMES = (Object.keys(SUBJECTS) as SubjectName[]).filter((name) => (options.only ?? name) === name);

interface Measured extends Loaded {
  /** Of what the subject counts, per step. */
  readonly perStep: Counters;
  readonly memoryBytes: number;
  readonly lagMs: number | undefined;
}

const measure = async (subject: Subject, callers: number, earlier: number): Promise<Measured> => {
  const before = await subject.counters();
  const { hostname, port } = new URL(subject.local.url);
  const seconds = Number(options.seconds);
  const request = { ...subject.request, host: hostname, port: Number(port), callers, seconds };
  const loaded = options.profile ? await profile(subject.local, () => load(request)) : await load(request);
  const lag = await lagMs(subject, earlier + loaded.lifetimesInAll);
  const after = Object.entries(await subject.counters());
  const steps = loaded.lifetimesInAll * STEPS;
  const perStep = Object.fromEntries(after.map(([name, n]) => [name, (n - (before[name] ?? 0)) / steps]));
  return { ...loaded, perStep, memoryBytes: subject.memoryBytes(), lagMs: lag };
};

/** One start on fresh data, measured at each number of callers. */
const round = async (start: Awaited<ReturnType<typeof prepare>>, folder: string): Promise<Measured[]> => {
  const data = await mkdtemp(join(folder, "data-"));
  const subject = await start({ data, ...(options.profile ? { inspectorPort: 0 } : {}) });
  const measured: Measured[] = [];
  try {
    let earlier = 0;
    for (const callers of CALLERS) {
      const result = await measure(subject, callers, earlier);
      earlier += result.lifetimesInAll;
      measured.push(result);
    }
  } finally {
    await subject.stop();
    await rm(data, { recursive: true, force: true });
  }
  return measured;
};

type Rounds = Readonly<Record<SubjectName, Measured[][]>>;

const HEAD = ["", "p50 ms", "p99 ms", "lifetimes/s", "steps/s", "memory MiB", "D1 lag ms"];

const figures = (rounds: Rounds, at: number): string => {
  const rows = NAMES.map((name) => {
    const of = (pick: (measured: Measured) => number | undefined) =>
      median(rounds[name].map((round) => pick(round[at] as Measured) ?? Number.NaN));
    const lag = of((measured) => measured.lagMs);
    return [
      name,
      of((measured) => measured.p50Ms).toFixed(2),
      of((measured) => measured.p99Ms).toFixed(2),
      of((measured) => measured.perSecond).toFixed(0),
      of((measured) => measured.perSecond * STEPS).toFixed(0),
      of((measured) => measured.memoryBytes / 2 ** 20).toFixed(0),
      Number.isNaN(lag) ? "-" : lag.toFixed(0),
    ];
  });
  return columns([HEAD, ...rows]).join("\n");
};

const perStep = (rounds: Rounds, at: number): string[] =>
  NAMES.map((name) => {
    const counted = rounds[name].map((round) => (round[at] as Measured).perStep);
    const each = Object.keys(counted[0] ?? {}).map((key) => {
      return `${key} ${median(counted.map((counters) => counters[key] ?? 0)).toFixed(3)}`;
    });
    return `${name}, per step: ${each.length === 0 ? "not counted" : each.join(", ")}`;
  });

const ratios = (rounds: Rounds, at: number): string => {
  const of = (pick: (measured: Measured) => number) =>
    median(
      rounds.runtime.map((round, i) => pick(round[at] as Measured) / pick(rounds.floor[i]?.[at] as Measured)),
    ).toFixed(2);
  return `runtime / floor, median of the pairs: lifetimes/s ${of((m) => m.perSecond)}, p50 ${of((m) => m.p50Ms)}, p99 ${of((m) => m.p99Ms)}`;
};

const print = (rounds: Rounds): void => {
  for (const [at, callers] of CALLERS.entries()) {
    console.log(`\nchain, ${callers} ${callers === 1 ? "caller" : "callers"}`);
    console.log([figures(rounds, at), ...perStep(rounds, at)].join("\n"));
    if (NAMES.length === 2) console.log(ratios(rounds, at));
  }
};

const main = async (): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), "escapement-bench-"));
  const rounds: Rounds = { floor: [], runtime: [] };
  try {
    const starts = new Map<SubjectName, Awaited<ReturnType<typeof prepare>>>();
    for (const name of NAMES) starts.set(name, await prepare(name, join(folder, name)));
    const pairs = options.profile ? 1 : Number(options.pairs);
    for (let pair = 0; pair < pairs; pair++) {
      // Who goes first alternates, so that neither always runs on the warmer machine.
      const order = pair % 2 === 0 ? [...starts] : [...starts].reverse();
      for (const [name, start] of order) rounds[name].push(await round(start, folder));
      if (process.stderr.isTTY) process.stderr.write(`\rpair ${pair + 1} of ${pairs}`);
    }
    print(rounds);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

await main();
