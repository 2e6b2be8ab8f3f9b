/** Where the time of workerd goes: a CPU profile through its inspector, as self time by file and by function. */
import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { columns } from "../../examples/demo/columns.ts";
import type { Local } from "../../workers/local/runtime.ts";

interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
    readonly columnNumber: number;
  };
}

interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const ROOT = join(import.meta.dirname, "../..");
const SAMPLING_US = 200;
const ROWS = 40;

/** Opens the isolate of our worker; those of the simulator's own workers have other names. */
const connect = async (url: URL) => {
  const targets = (await (await fetch(`http://${url.host}/json`)).json()) as { id: string }[];
  const target = targets.find(({ id }) => id.startsWith("core:user:"));
  const socket = new WebSocket(`ws://${url.host}/${target?.id}`);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve, { once: true });
    socket.addEventListener("error", reject, { once: true });
  });
  let last = 0;
  const waiting = new Map<number, (result: unknown) => void>();
  socket.addEventListener("message", ({ data }) => {
    const { id, result } = JSON.parse(String(data));
    waiting.get(id)?.(result);
  });
  const send = (method: string, params: object = {}): Promise<unknown> => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    waiting.set(++last, resolve);
    socket.send(JSON.stringify({ id: last, method, params }));
    return promise;
  };
  return { send, close: () => socket.close() };
};

/** From a place in the bundle to the file that it was written in. */
const sourceOf = (bundle: string) => {
  const map = new SourceMap(JSON.parse(readFileSync(`${bundle}.map`, "utf8")));
  return ({ callFrame: { functionName, lineNumber, columnNumber } }: ProfileNode) => {
    // The runtime's own work, such as "(program)" and "(garbage collector)", has no place.
    const entry = map.findEntry(Math.max(lineNumber, 0), columnNumber);
    if (lineNumber < 0 || !("originalSource" in entry))
      return { file: "(native)", function: functionName || "(native)" };
    const file = relative(ROOT, resolve(dirname(bundle), entry.originalSource)).replace("node_modules/", "");
    return { file, function: `${functionName || "(anonymous)"} ${file}:${entry.originalLine + 1}` };
  };
};

const selfTimes = ({ nodes, samples, timeDeltas }: CpuProfile, by: (node: ProfileNode) => string) => {
  const names = new Map(nodes.map((node) => [node.id, by(node)]));
  const times = new Map<string, number>();
  for (const [i, id] of samples.entries()) {
    const name = names.get(id) ?? "?";
    // A delta is the time since the sample before: a sample lasts until the next.
    times.set(name, (times.get(name) ?? 0) + (timeDeltas[i + 1] ?? 0));
  }
  const all = [...times.values()].reduce((sum, time) => sum + time, 0);
  return [...times]
    .sort(([, a], [, b]) => b - a)
    .slice(0, ROWS)
    .map(([name, time]) => [name, `${(time / 1_000).toFixed(0)} ms`, `${((time / all) * 100).toFixed(1)} %`]);
};

/** Runs `act` under a profile of the worker's isolate and prints it. */
export const profile = async <T>(local: Local, act: () => Promise<T>): Promise<T> => {
  const inspector = await connect(await local.miniflare.getInspectorURL());
  await inspector.send("Profiler.enable");
  await inspector.send("Profiler.setSamplingInterval", { interval: SAMPLING_US });
  await inspector.send("Profiler.start");
  const result = await act();
  const { profile } = (await inspector.send("Profiler.stop")) as { profile: CpuProfile };
  inspector.close();
  const source = sourceOf(local.bundle);
  for (const by of ["file", "function"] as const) {
    const rows = selfTimes(profile, (node) => source(node)[by]);
    console.log(`\n${columns([[`Self time by ${by}`, "", ""], ...rows]).join("\n")}`);
  }
  return result;
};
