/** Chain while ten readers follow the events of the tenant, and without them, in turn on the same data. */

import { readEvents } from "../event-readers.ts";
import type { Lab, Measured } from "../lab.ts";
import { ratio, table } from "../report.ts";
import { WORKLOADS } from "../workloads.ts";

const CALLERS = 32;
const READERS = 10;

export const readers = async (lab: Lab): Promise<void> => {
  const without: Measured[] = [];
  const within: Measured[] = [];
  for (let round = 0; round < lab.options.pairs; round++)
    await lab.with("runtime", 1, async (bench) => {
      const { events } = bench.subject;
      if (events === undefined) return;
      const ask = { workload: WORKLOADS.chain, callers: CALLERS };
      // Also what is measured first, before anything is compiled.
      await bench.measure({ ...ask, seconds: 1 });
      const alone = () => bench.measure(ask).then((measured) => without.push(measured));
      const read = async () => {
        const reading = await readEvents(READERS, events);
        within.push(await bench.measure(ask));
        const counts = await reading.stop();
        if (Math.min(...counts) === 0) throw new Error(`a reader has read nothing: ${counts.join(", ")}`);
      };
      for (const next of round % 2 === 0 ? [alone, read] : [read, alone]) await next();
    });
  console.log(`\nchain, ${CALLERS} callers, with readers of the tenant's events`);
  console.log(
    table([
      ["none", without],
      [String(READERS), within],
    ]),
  );
  const rate = ratio(within, without, (m) => m.perSecond);
  console.log(`${READERS} readers / none, median of the rounds: lifetimes/s ${rate}`);
};
