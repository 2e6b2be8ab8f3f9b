/** What a broker speaks, and so which release it is: asked on a connection of its own, before any login. */
import { connect, isIP, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import type { KafkaSettings } from "./client.ts";

/** Of each kind of request, by its number: the last version that the broker takes. */
export type ApiVersions = ReadonlyMap<number, number>;

const ANSWER_MS_MAX = 5_000;
const API_VERSIONS = 18;
const CORRELATION = 1;
const SIZE_BYTES = 4;
/** Of a request: its number, its version, what it is called again in the answer, and no client's name. */
const REQUEST = [0, API_VERSIONS, 0, 0, 0, 0, 0, CORRELATION, 0xff, 0xff];
/** Of an answer before its entries: correlation, error, how many there are. */
const HEAD_BYTES = 10;
/** Of an entry: number, first and last version. */
const ENTRY_BYTES = 6;

const parse = (answer: Buffer): ApiVersions => {
  const count = answer.readInt32BE(HEAD_BYTES - 4);
  const entries = Array.from({ length: count }, (_, n) => HEAD_BYTES + n * ENTRY_BYTES);
  return new Map(entries.map((at) => [answer.readInt16BE(at), answer.readInt16BE(at + 4)]));
};

const opened = (address: string, ssl: KafkaSettings["ssl"]): Socket => {
  const at = address.lastIndexOf(":");
  const host = address.slice(0, at).replace(/^\[|\]$/g, "");
  const to = { host, port: Number(address.slice(at + 1)) };
  if (!ssl) return connect(to);
  const options: ConnectionOptions = ssl === true ? {} : ssl;
  return connectTls({ ...to, ...(isIP(host) ? {} : { servername: host }), ...options });
};

/** Throws where nobody answers, or somebody else than a broker. */
export const apiVersions = (address: string, ssl: KafkaSettings["ssl"]): Promise<ApiVersions> =>
  new Promise((resolve, reject) => {
    const socket = opened(address, ssl);
    const settle = (act: () => void) => {
      socket.destroy();
      act();
    };
    let heard = Buffer.alloc(0);
    socket.setTimeout(ANSWER_MS_MAX, () => settle(() => reject(new Error("does not answer"))));
    socket.on("error", (error) => settle(() => reject(error)));
    socket.on("close", () => reject(new Error("closes the connection without an answer")));
    socket.on(ssl ? "secureConnect" : "connect", () =>
      socket.write(Buffer.from([0, 0, 0, REQUEST.length, ...REQUEST])),
    );
    socket.on("data", (chunk) => {
      heard = Buffer.concat([heard, chunk]);
      if (heard.length < SIZE_BYTES || heard.length < SIZE_BYTES + heard.readInt32BE(0)) return;
      settle(() => resolve(parse(heard.subarray(SIZE_BYTES))));
    });
  });

const PRODUCE = 0;
/** Each release that takes a later version of the request to produce than those before it, the last one first. */
const RELEASES: readonly (readonly [produceMax: number, release: string])[] = [
  [13, "4.1 or newer"],
  [12, "4.0"],
  [11, "3.8 or 3.9"],
  [10, "3.7"],
  [0, "older than 3.7"],
];

export interface Release {
  readonly name: string;
  /** Whether it ends transactions as the bridge relies on: from 4.0 on. */
  readonly isEnough: boolean;
}

export const releaseOf = (versions: ApiVersions): Release => {
  const produceMax = versions.get(PRODUCE) ?? 0;
  const name = RELEASES.find(([from]) => produceMax >= from)?.[1] ?? "unknown";
  return { name, isEnough: produceMax >= 12 };
};
