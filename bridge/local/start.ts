/** `npm run kafka`: a broker on this machine until it is told to stop. What it holds goes with it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startBroker } from "./broker.ts";
import { missingForJars } from "./jars.ts";

const main = async (): Promise<void> => {
  const { values } = parseArgs({ options: { port: { type: "string", default: "9092" } } });
  const missing = await missingForJars();
  if (missing !== undefined) throw new Error(`Install ${missing} first.`);
  const folder = mkdtempSync(join(tmpdir(), "escapement-kafka-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(0));
  const { address } = await startBroker({ folder, port: Number(values.port) });
  console.log(`Kafka is ready on ${address}`);
};

main().catch((error: Error) => {
  console.error(error.message);
  process.exit(1);
});
