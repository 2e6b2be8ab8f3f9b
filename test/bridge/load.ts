// Lifetimes that start and end as fast as a few callers ask, until they are told to stop.
import type { askOf } from "../local/ask.ts";

/** Two plans and two tasks, of different names, so that there are several keys. */
const CHAIN = `digraph chain {
  node [type=plan, kind=sequential]; first; second
  node [type=task, kind=transform, expression="input"]
  say; tell
  first -> say -> second -> tell
}`;

export interface Load extends AsyncDisposable {
  /** Acknowledged lifetimes so far. */
  count(): number;
  /** Settles when there are so many more. */
  more(count: number): Promise<void>;
  stop(): Promise<void>;
}

export const startLoad = async (ask: ReturnType<typeof askOf>, callers = 4): Promise<Load> => {
  await ask("PUT", "", {});
  await ask("POST", "/graphs", { dot: CHAIN });
  let count = 0;
  let stopped = false;
  const waiting = new Set<{ readonly at: number; readonly reached: () => void }>();
  const call = async () => {
    while (!stopped) {
      // A runtime that is being killed answers nobody.
      const started = await ask("POST", "/graphs/chain/lifetimes?wait=30s", { input: count }).catch(
        () => undefined,
      );
      if (started === undefined) await new Promise((resolve) => setTimeout(resolve, 50));
      else count++;
      for (const each of waiting) if (count >= each.at) each.reached();
    }
  };
  const running = Promise.all(Array.from({ length: callers }, call));
  const stop = async () => {
    stopped = true;
    await running;
  };
  const more = (add: number) =>
    new Promise<void>((resolve) => {
      const wait = { at: count + add, reached: resolve };
      waiting.add(wait);
    });
  return { count: () => count, more, stop, [Symbol.asyncDispose]: stop };
};
