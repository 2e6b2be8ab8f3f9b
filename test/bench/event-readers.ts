/** Readers of an event stream in a process of their own, which count the events and keep none. */
import { fork } from "node:child_process";
import { get } from "node:http";

interface Stream {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Settles when all of them are connected; `stop` answers how many events each has read. */
export const readEvents = async (readers: number, stream: Stream) => {
  const child = fork(import.meta.filename, ["child"]);
  const next = () =>
    new Promise<number[]>((resolve, reject) => {
      child.once("message", resolve as () => void);
      child.once("exit", () => reject(new Error("a reader was cut off: it said why above")));
    });
  const connected = next();
  child.send({ readers, ...stream });
  await connected;
  return {
    stop: (): Promise<number[]> => {
      const counts = next();
      child.send("stop");
      return counts;
    },
  };
};

const EVENT = "\nid: ";

const read = ({ readers, url, headers }: Stream & { readers: number }): void => {
  const counts = Array<number>(readers).fill(0);
  let connected = 0;
  for (let i = 0; i < readers; i++)
    get(url, { headers, agent: false }, (response) => {
      if (response.statusCode !== 200) throw new Error(`${url}: ${response.statusCode}`);
      response.on("data", (chunk: Buffer) => {
        counts[i] = (counts[i] ?? 0) + chunk.toString("latin1").split(EVENT).length - 1;
      });
      // What a reader is not given costs nothing, so a run without it would say nothing.
      response.on("end", () => {
        throw new Error(`the stream of reader ${i} ended after ${counts[i]} events`);
      });
      if (++connected === readers) process.send?.([]);
    });
  process.once("message", () => process.send?.(counts, undefined, undefined, () => process.exit(0)));
};

if (process.argv[2] === "child") process.once("message", read);
