/** `npm start`: the runtime on one machine until it is told to stop. */
import { parseArgs } from "node:util";
import { startLocal } from "./runtime.ts";

/** As in wrangler.toml, where a deploy reads it. */
const SWEEP_MS = 5 * 60_000;
const USAGE = "npm start -- [--host 127.0.0.1] [--port 8787] [--data ./data]";

const readArguments = () => {
  try {
    const { values } = parseArgs({
      options: {
        host: { type: "string", default: "127.0.0.1" },
        port: { type: "string", default: "8787" },
        data: { type: "string", default: "data" },
      },
    });
    const port = Number(values.port);
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw new Error("--port takes a number from 1 to 65535.");
    return { host: values.host, port, data: values.data };
  } catch (error) {
    console.error(`${(error as Error).message}\nUsage: ${USAGE}`);
    return process.exit(2);
  }
};

// Everything acknowledged is on disk, so leaving at once is clean: workerd is ended on the way out. Listening
// before the simulator does decides the exit code.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(0));

const main = async (): Promise<void> => {
  const local = await startLocal({ ...readArguments(), keys: process.env.ESCAPEMENT_KEYS });
  // A deploy has a cron trigger; here the same sweep is asked for by a timer.
  const sweep = async () => {
    const worker = await local.miniflare.getWorker();
    await worker.scheduled({ cron: "local" });
  };
  setInterval(() => void sweep().catch(console.error), SWEEP_MS);
  await sweep().catch(console.error);
  console.log(`Escapement is ready on ${local.url} (keys: ${local.keys.source})`);
};

main().catch((error: Error) => {
  console.error(error.message);
  process.exit(1);
});
