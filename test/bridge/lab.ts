// A runtime and bridges as processes of this machine, beside the broker of the project.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Local, startLocal } from "../../workers/local/runtime.ts";
import { KEYS } from "../setup/keys.ts";

export interface Runtime extends AsyncDisposable {
  readonly local: Local;
}

/** On a folder of its own; of another worker, where its wrangler.toml is named. */
export const startRuntime = async (deployment = "escapement", config?: string): Promise<Runtime> => {
  const data = await mkdtemp(join(tmpdir(), "escapement-test-"));
  const local = await startLocal({ data, keys: JSON.stringify(KEYS), deployment, ...(config && { config }) });
  const end = async () => {
    await local.stop().finally(() => rm(data, { recursive: true, force: true }));
  };
  return { local, [Symbol.asyncDispose]: end };
};

/** As `npm run bridge` has them. */
const FLAGS = JSON.parse(readFileSync("package.json", "utf8")).scripts.bridge.match(/--\S+/g) as string[];

export interface RunningBridge extends AsyncDisposable {
  readonly process: ChildProcess;
  /** Of its metrics. */
  readonly url: string;
  /** Lines of its log with this event. */
  said(event: string): readonly Record<string, unknown>[];
  output(): string;
  /** Settles when it has ended, with the code or the signal. */
  readonly ended: Promise<number | string>;
}

const START_MS_MAX = 45_000;

export type BridgeEnvironment = Readonly<Record<string, string>>;

/** Settles when it listens; only the tenant that is named is its business. The brokers have to be named. */
export const startBridge = async (
  runtime: Runtime,
  tenant: string,
  environment: BridgeEnvironment,
): Promise<RunningBridge> => {
  const child = spawn(process.execPath, [...FLAGS, "bridge/main.ts"], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      ESCAPEMENT_URL: runtime.local.url,
      ESCAPEMENT_KEY: "bridge-key",
      BRIDGE_TENANTS: tenant,
      // What one that has ended has compiled, the next need not.
      NODE_COMPILE_CACHE: join(tmpdir(), "escapement-compiled"),
      BRIDGE_PORT: "0",
      BRIDGE_SCALER_PORT: "0",
      BRIDGE_LEASE_MS: "3000",
      ...environment,
    },
  });
  let output = "";
  const lines = () =>
    output
      .split("\n")
      .flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as Record<string, unknown>] : []));
  const started = Promise.withResolvers<string>();
  const hear = (chunk: Buffer) => {
    output += chunk.toString();
    const url = /"event":"started".*"url":"([^"]+)"/.exec(output)?.[1];
    if (url) started.resolve(url);
  };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  const ended = once(child, "close").then(([code, signal]) => (code ?? signal) as number | string);
  // One that never listens would leave its test waiting, and itself running.
  const late = setTimeout(() => child.kill("SIGKILL"), START_MS_MAX);
  void started.promise.catch(() => {}).finally(() => clearTimeout(late));
  void ended.then((how) => started.reject(new Error(`The bridge ended with ${how}: ${output}`)));
  const end = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    await ended;
  };
  return {
    process: child,
    url: await started.promise,
    said: (event) => lines().filter((line) => line.event === event),
    output: () => output,
    ended,
    [Symbol.asyncDispose]: end,
  };
};
