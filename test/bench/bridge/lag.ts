// What the bridge's memory comes to where a million records wait.
import { type Lab, mebibytes } from "./lab.ts";
import { drain } from "./to-edge.ts";

/** Memory is at its highest long before: what is fetched is bounded, and not what waits. */
const SECONDS_MAX = 60;

export const lag = async (lab: Lab, records: number): Promise<void> => {
  console.log(`\nKafka → edge with a lag of ${records} records of 1 KiB`);
  const { rate, taken, memory } = await drain(lab, records, SECONDS_MAX);
  console.log(
    `  ${taken} taken in at ${Math.round(rate)} records/s; memory ${mebibytes(memory)}, to stay under 256 MiB`,
  );
};
