/** Ports and processes of this machine. */
import { execFileSync } from "node:child_process";
import { createServer } from "node:net";

export const freePort = (host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, host, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });

const ps = (...args: readonly string[]): string => {
  try {
    return execFileSync("ps", args, { encoding: "utf8", maxBuffer: 16 << 20 });
  } catch {
    // What it says when no process matches.
    return "";
  }
};

/** The command line of a process; empty when it is gone. */
export const commandOf = (pid: number): string => ps("-o", "command=", "-p", String(pid)).trim();

/** Resident memory of a process in bytes; 0 when it is gone. */
export const residentBytes = (pid: number): number => Number(ps("-o", "rss=", "-p", String(pid))) * 1024;

/** The workerd processes that this process started and that are alive. */
export const workerdPids = (): readonly number[] =>
  ps("-A", "-o", "pid=,ppid=,command=")
    .split("\n")
    .flatMap((line) => {
      const [, pid, parent, command = ""] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
      return Number(parent) === process.pid && /\bworkerd serve\b/.test(command) ? [Number(pid)] : [];
    });
