// `npm start` as a process of its own, and a client for it.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KEYS } from "../setup/keys.ts";

export const temporaryFolder = async () => {
  const path = await mkdtemp(join(tmpdir(), "escapement-test-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
};

export interface Launched extends AsyncDisposable {
  readonly process: ChildProcess;
  readonly url: string;
  /** What it has said so far. */
  output(): string;
}

/** Settles when it says that it is ready; rejects with what it said when it ends before that. */
export const launch = async (data: string, port: number, keys = JSON.stringify(KEYS)): Promise<Launched> => {
  const child = spawn(
    process.execPath,
    ["workers/local/start.ts", "--data", data, "--port", String(port)],
    // Without a value, the variable counts as not set.
    { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ESCAPEMENT_KEYS: keys } },
  );
  let said = "";
  const ready = Promise.withResolvers<string>();
  const listen = (chunk: Buffer) => {
    said += chunk.toString();
    const url = /ready on (http:\S+)/.exec(said)?.[1];
    if (url !== undefined) ready.resolve(url);
  };
  child.stdout.on("data", listen);
  child.stderr.on("data", listen);
  child.once("close", (code) => ready.reject(new Error(`It ended with ${code}: ${said}`)));
  const end = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    await once(child, "close");
  };
  return { process: child, url: await ready.promise, output: () => said, [Symbol.asyncDispose]: end };
};

/** The exit code of a process that has been told to end. */
export const ended = async (child: ChildProcess): Promise<number | null> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, "close");
  return child.exitCode;
};
