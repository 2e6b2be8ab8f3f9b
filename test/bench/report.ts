/** What was measured, as text: medians over the rounds, and medians of the ratios within a round. */
import { columns } from "../../examples/demo/columns.ts";
import type { Measured } from "./lab.ts";
import { median } from "./median.ts";
import { NAMES, type SubjectName } from "./subjects.ts";

/** By subject, a measurement a round; a subject that was left out has none. */
export type Rounds = Readonly<Record<SubjectName, readonly Measured[]>>;

type Pick = (measured: Measured) => number;

const HEAD = ["", "p50 ms", "p99 ms", "lifetimes/s", "steps/s", "memory MiB", "D1 lag ms"];
const MIB = 2 ** 20;

const figures = (name: string, rounds: readonly Measured[]): string[] => {
  const of = (pick: (measured: Measured) => number | undefined) =>
    median(rounds.map((round) => pick(round) ?? Number.NaN));
  const lag = of((measured) => measured.lagMs);
  return [
    name,
    of((measured) => measured.p50Ms).toFixed(2),
    of((measured) => measured.p99Ms).toFixed(2),
    of((measured) => measured.perSecond).toFixed(0),
    of((measured) => measured.stepsPerSecond).toFixed(0),
    of((measured) => measured.memoryBytes / MIB).toFixed(0),
    Number.isNaN(lag) ? "-" : lag.toFixed(0),
  ];
};

const perStep = (name: string, rounds: readonly Measured[]): string => {
  const each = Object.keys(rounds[0]?.perStep ?? {}).map(
    (key) => `${key} ${median(rounds.map((round) => round.perStep[key] ?? 0)).toFixed(3)}`,
  );
  return `${name}, per step: ${each.length === 0 ? "not counted" : each.join(", ")}`;
};

export const ratio = (over: readonly Measured[], under: readonly Measured[], pick: Pick): string =>
  median(over.map((round, i) => pick(round) / pick(under[i] as Measured))).toFixed(2);

export const table = (rows: readonly (readonly [name: string, rounds: readonly Measured[]])[]): string =>
  columns([HEAD, ...rows.map(([name, rounds]) => figures(name, rounds))]).join("\n");

export const printPair = (title: string, rounds: Rounds): void => {
  const names = NAMES.filter((name) => rounds[name].length > 0);
  console.log(`\n${title}\n${table(names.map((name) => [name, rounds[name]]))}`);
  for (const name of names) console.log(perStep(name, rounds[name]));
  const { runtime, floor } = rounds;
  if (runtime.length === 0 || floor.length === 0) return;
  const of = (pick: Pick) => ratio(runtime, floor, pick);
  const [rate, p50, p99] = [of((m) => m.perSecond), of((m) => m.p50Ms), of((m) => m.p99Ms)];
  console.log(`runtime / floor, median of the pairs: lifetimes/s ${rate}, p50 ${p50}, p99 ${p99}`);
};

/** From rounds of lists to a list of rounds. */
export const pairsAt = (
  rounds: Readonly<Record<SubjectName, readonly (readonly Measured[])[]>>,
  at: number,
) =>
  Object.fromEntries(
    NAMES.map((name) => [name, rounds[name].map((round) => round[at] as Measured)]),
  ) as unknown as Rounds;
