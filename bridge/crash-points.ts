/** Where tests end the bridge without a word: BRIDGE_CRASH_AT is the name of a point, and `:n` the pass through it. */

const [at, pass = "1"] = (process.env.BRIDGE_CRASH_AT ?? "").split(":");
let passed = 0;

export type CrashPoint =
  | "departures-received"
  | "writer-opened"
  | "records-written"
  | "transaction-committed"
  | "progress-said"
  | "arrivals-sent"
  | "arrivals-received"
  | "offsets-committed";

export const crashPoint = (name: CrashPoint): void => {
  if (name === at && ++passed === Number(pass)) process.kill(process.pid, "SIGKILL");
};
