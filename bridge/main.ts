/** `npm run bridge`: the bridge between the gateway and Kafka, until it is told to stop; `-- doctor` only looks. */
import { parseArgs } from "node:util";
import { Bridge } from "./bridge.ts";
import { doctor } from "./doctor/doctor.ts";
import { log } from "./log.ts";
import { startScaler } from "./scaler/server.ts";
import { startServer } from "./server.ts";
import { readSettings } from "./settings.ts";

/** What waits longer is begun anew by the next. */
const STOP_MS_MAX = 9_000;

const main = async (): Promise<void> => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { json: { type: "boolean" } },
  });
  const [command] = positionals;
  if (command === "doctor") process.exit((await doctor(process.env, console.log, values)) ? 0 : 1);
  if (command !== undefined)
    throw new Error(`There is no ${command}. Usage: npm run bridge [-- doctor [--json]]`);
  const settings = readSettings(process.env);
  const bridge = new Bridge(settings, log);
  const server = await startServer(bridge, settings.listen);
  const scaler = await startScaler(bridge.gateway, {
    host: settings.listen.host,
    port: settings.listen.scalerPort,
  });
  bridge.start();
  const { deployment, bridgeId: bridge_id, gateway, kafka } = settings;
  log("info", "started", {
    deployment,
    bridge_id,
    gateway: gateway.url,
    brokers: kafka.brokers,
    url: server.url,
    scaler_port: scaler.port,
  });
  let stopping = false;
  const stop = async (signal: string): Promise<void> => {
    // Whoever says it twice does not want to wait.
    if (stopping) process.exit(1);
    stopping = true;
    log("info", "stopping", { signal });
    setTimeout(() => {
      log("warn", "stopped_late");
      process.exit(0);
    }, STOP_MS_MAX).unref();
    await bridge.stop();
    server.close();
    scaler.close();
    log("info", "stopped");
    process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => void stop(signal).catch(() => process.exit(1)));
};

main().catch((error: Error) => {
  console.error(error.message);
  process.exit(1);
});
