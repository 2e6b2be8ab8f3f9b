/**
 * Where tests end the bridge without a word: BRIDGE_CRASH_AT is the name of a point, and `:n` the pass through it;
 * BRIDGE_CRASH_SIGNAL may put it to sleep instead.
 */

const [at, pass = "1"] = (process.env.BRIDGE_CRASH_AT ?? "").split(":");
const signal = process.env.BRIDGE_CRASH_SIGNAL ?? "SIGKILL";
let passed = 0;

export type CrashPoint =
  | "departures-received"
  | "writer-opened"
  | "records-written"
  | "refused-for-size"
  | "undelivered-buried"
  | "transaction-committed"
  | "progress-said"
  | "arrivals-sent"
  | "arrivals-received"
  | "offsets-committed"
  | "groups-deleted"
  | "topics-deleted";

export const crashPoint = (name: CrashPoint): void => {
  if (name === at && ++passed === Number(pass)) process.kill(process.pid, signal);
};
