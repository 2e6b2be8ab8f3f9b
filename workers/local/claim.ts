/**
 * One runtime to a data folder: who has it is written in the folder. A runtime whose launcher was killed
 * outright would keep the port and the files; the next one to start there ends it first.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { commandOf } from "./process.ts";

interface Holder {
  readonly launcher: number;
  readonly workerd: readonly number[];
}

const POLL_MS = 10;

const read = (path: string): Holder | undefined => {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
};

const isWorkerd = (pid: number): boolean => /\bworkerd serve\b/.test(commandOf(pid));

const endOrphan = async (pid: number): Promise<void> => {
  process.kill(pid, "SIGKILL");
  while (isWorkerd(pid)) await sleep(POLL_MS);
};

export interface Claim {
  /** To be called again whenever workerd has been started again. */
  record(workerd: readonly number[]): void;
  release(): void;
}

export const claim = async (data: string): Promise<Claim> => {
  const path = join(data, "process.json");
  const holder = read(path);
  if (holder !== undefined && holder.launcher !== process.pid && /\bnode\b/.test(commandOf(holder.launcher)))
    throw new Error(
      `${data} is in use by process ${holder.launcher}. Stop it first, or choose another folder.`,
    );
  for (const pid of holder?.workerd ?? []) if (isWorkerd(pid)) await endOrphan(pid);
  const write = (workerd: readonly number[]): void =>
    writeFileSync(path, JSON.stringify({ launcher: process.pid, workerd } satisfies Holder));
  write([]);
  return { record: write, release: () => rmSync(path, { force: true }) };
};
