/**
 * Callers over HTTP keep-alive, each with one request in flight, in a process of its own. Raw sockets, because
 * it shares the machine with what it measures. Every answer is checked.
 */
import { connect, type Socket } from "node:net";

export interface Load {
  readonly host: string;
  readonly port: number;
  readonly callers: number;
  readonly seconds: number;
  /** Ends before its time when so many are done. */
  readonly lifetimesMax?: number;
  /** Where each caller posts, the same every time; the first caller to the first of them, and so on around. */
  readonly paths: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** A regular expression that every body must match. */
  readonly expect: string;
}

export interface Loaded {
  readonly lifetimes: number;
  /** With those of the warm-up, which nothing else here counts. */
  readonly lifetimesInAll: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const WARM_UP_MS = 500;

const requestBytes = (load: Load, path: string): Buffer => {
  const headers = {
    host: "localhost",
    "content-length": String(Buffer.byteLength(load.body)),
    ...load.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join("")}\r\n${load.body}`);
};

/** The whole of one response with a Content-Length, or undefined while some of it is missing. */
const parse = (text: string): { status: number; body: string } | undefined => {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return undefined;
  const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, head))?.[1];
  if (length === undefined) throw new Error(`An answer without a length:\n${text}`);
  const body = text.slice(head + 4);
  return body.length < Number(length) ? undefined : { status: Number(text.slice(9, 12)), body };
};

const open = ({ host, port }: Load): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host, noDelay: true });
    socket.once("error", reject).once("connect", () => resolve(socket));
  });

const caller = (socket: Socket, load: Load, path: string) => {
  const request = requestBytes(load, path);
  const expected = new RegExp(load.expect);
  let text = "";
  let answered: (body: { status: number; body: string }) => void;
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
    const answer = parse(text);
    if (answer === undefined) return;
    text = "";
    answered(answer);
  });
  return async (): Promise<number> => {
    const { promise, resolve } = Promise.withResolvers<{ status: number; body: string }>();
    answered = resolve;
    const from = performance.now();
    socket.write(request);
    const { status, body } = await promise;
    if (status !== 200 || !expected.test(body)) throw new Error(`A wrong answer: ${status} ${body}`);
    return performance.now() - from;
  };
};

const run = async (load: Load): Promise<Loaded> => {
  const callers: (() => Promise<number>)[] = [];
  // One after the other: a burst would overflow the queue of new connections and wait a second to be retried.
  for (let i = 0; i < load.callers; i++)
    callers.push(caller(await open(load), load, load.paths[i % load.paths.length] ?? ""));
  const warmUp = performance.now() + WARM_UP_MS;
  const { lifetimesMax = Number.POSITIVE_INFINITY } = load;
  let lifetimesInAll = 0;
  const callUntil = async (deadline: number, done: (ms: number) => void): Promise<void> => {
    await Promise.all(
      callers.map(async (call) => {
        do {
          done(await call());
          lifetimesInAll++;
        } while (performance.now() < deadline && lifetimesInAll < lifetimesMax);
      }),
    );
  };
  await callUntil(warmUp, () => undefined);
  const times: number[] = [];
  const from = performance.now();
  await callUntil(from + load.seconds * 1_000, (ms) => times.push(ms));
  const seconds = (performance.now() - from) / 1_000;
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return {
    lifetimes: times.length,
    lifetimesInAll,
    perSecond: times.length / seconds,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
};

process.once("message", (load: Load) => {
  run(load).then(
    (loaded) => process.send?.({ loaded }, undefined, undefined, () => process.exit(0)),
    (error: Error) => process.send?.({ error: error.message }, undefined, undefined, () => process.exit(1)),
  );
});
