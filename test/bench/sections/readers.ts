/** Every workload while ten readers follow the events of the tenant, and without them, in turn on the same data. */

import { readEvents } from "../event-readers.ts";
import type { Bench, Lab, Measured } from "../lab.ts";
import { ratio, table } from "../report.ts";
import { WORKLOADS } from "../workloads.ts";
import { SHAPES } from "./shapes.ts";

const READERS = 10;
const ASKED = [{ title: "chain", workload: WORKLOADS.chain, callers: 32 }, ...SHAPES];

interface Round {
  readonly without: Measured;
  readonly within: Measured;
}

const inTurn = async (bench: Bench, { workload, callers }: (typeof ASKED)[number], readersFirst: boolean) => {
  const { events } = bench.subject;
  if (events === undefined) throw new Error("the runtime alone has events");
  const ask = { workload, callers };
  // Also what is measured first, before anything is compiled.
  await bench.measure({ ...ask, seconds: 1 });
  const alone = () => bench.measure(ask);
  const read = async () => {
    const reading = await readEvents(READERS, events);
    const measured = await bench.measure(ask);
    const counts = await reading.stop();
    if (Math.min(...counts) === 0) throw new Error(`a reader has read nothing: ${counts.join(", ")}`);
    return measured;
  };
  if (!readersFirst) return { without: await alone(), within: await read() };
  const within = await read();
  return { without: await alone(), within };
};

export const readers = async (lab: Lab): Promise<void> => {
  const rounds = ASKED.map((): Round[] => []);
  for (let round = 0; round < lab.options.pairs; round++)
    await lab.with("runtime", 1, async (bench) => {
      for (const [at, asked] of ASKED.entries())
        rounds[at]?.push(await inTurn(bench, asked, round % 2 === 1));
    });
  for (const [at, { title, callers }] of ASKED.entries()) {
    const without = (rounds[at] ?? []).map((round) => round.without);
    const within = (rounds[at] ?? []).map((round) => round.within);
    console.log(`\n${title}, ${callers} callers, with readers of the tenant's events`);
    console.log(
      table([
        ["none", without],
        [String(READERS), within],
      ]),
    );
    const rate = ratio(within, without, (m) => m.perSecond);
    console.log(`${READERS} readers / none, median of the rounds: lifetimes/s ${rate}`);
  }
};
