/** A bridge as a tenant's object sees it: a WebSocket through the gateway, and the frames that came over it. */
import { exports } from "cloudflare:workers";
import {
  type BridgeFrameInit,
  decodeEdgeFrame,
  encodeBridgeFrame,
  topicOfWire,
  wireTopic,
} from "../../../src/mirror/frame.ts";
import type { Topic } from "../../../src/topics/topics.ts";
import type { EdgeFrame } from "../../../src/wire/gen/escapement/bridge/v1/frame_pb.ts";
import { answered } from "./client.ts";

type Frame = Exclude<EdgeFrame["frame"], { case: undefined }>;
type Value<Case extends Frame["case"]> = Extract<Frame, { case: Case }>["value"];

export const PLENTY = { records: 1_000_000n, bytes: 1_000_000_000n };

const GATEWAY = "http://gateway";

export const upgrade = (tenant: string, key = "bridge-key"): Promise<Response> =>
  exports.default.fetch(
    new Request(`http://escapement/v1/tenants/${tenant}/bridge`, {
      headers: { upgrade: "websocket", authorization: `Bearer ${key}` },
    }),
  );

export type Bridge = Awaited<ReturnType<typeof connect>>;

/** Connected, and nothing said yet. */
export const connect = async (tenant: string) => {
  const { webSocket } = await upgrade(tenant);
  if (!webSocket) throw new Error(`${tenant} was not connected`);
  return bridgeOver(webSocket);
};

/** To where the socket leads, unless it is sent elsewhere. */
export const bridgeOver = (socket: WebSocket, send = (bytes: Uint8Array) => socket.send(bytes)) => {
  const frames: Frame[] = [];
  const texts: string[] = [];
  const waiting: (() => void)[] = [];
  const wake = () => {
    for (const go of waiting.splice(0)) go();
  };
  const something = () => new Promise<void>((resolve) => waiting.push(resolve));
  let closed: CloseEvent | undefined;
  socket.addEventListener("message", ({ data }) => {
    if (typeof data === "string") texts.push(data);
    else frames.push(answered(decodeEdgeFrame(new Uint8Array(data as ArrayBuffer))) as Frame);
    wake();
  });
  socket.addEventListener("close", (event) => {
    closed = event;
    wake();
  });
  socket.binaryType = "arraybuffer";
  socket.accept();
  /** The first frame of a kind that nobody has taken yet, when it is there. */
  const next = async <Case extends Frame["case"]>(wanted: Case): Promise<Value<Case>> => {
    for (;;) {
      const at = frames.findIndex((frame) => frame.case === wanted);
      if (at >= 0) return frames.splice(at, 1)[0]?.value as Value<Case>;
      if (closed) throw new Error(`closed before a ${wanted}: ${closed.code} ${closed.reason}`);
      await something();
    }
  };
  const say = (frame: BridgeFrameInit) => send(encodeBridgeFrame(frame));
  return {
    socket,
    frames,
    next,
    say,
    /** Until it is closed by the object. */
    closed: async (): Promise<CloseEvent> => {
      while (closed === undefined) await something();
      return closed;
    },
    text: async (text: string): Promise<string> => {
      socket.send(text);
      for (;;) {
        const answer = texts.shift();
        if (answer !== undefined) return answer;
        await something();
      }
    },
    hello: (bridgeId = "one", deployment = "escapement", protocolVersion = 1, gatewayUrl = GATEWAY) => {
      say({ case: "hello", value: { protocolVersion, deployment, bridgeId, gatewayUrl } });
      return next("welcome");
    },
    claim: (leaseMs = 10_000, vacantMs = 0) => {
      say({ case: "claim", value: { leaseMs: BigInt(leaseMs), vacantMs: BigInt(vacantMs) } });
      return next("lease");
    },
    resume: (after: bigint, credit = PLENTY) => {
      say({ case: "resume", value: { after } });
      say({ case: "credit", value: credit });
    },
    progress: (through: bigint) => say({ case: "progress", value: { through } }),
  };
};

/** With the lease, and sent everything from there on. */
export const streaming = async (tenant: string, after = 0n, credit = PLENTY, id = "one"): Promise<Bridge> => {
  const bridge = await connect(tenant);
  await bridge.hello(id);
  const { granted } = await bridge.claim();
  if (!granted) throw new Error(`the lease of ${tenant} is another's`);
  bridge.resume(after, credit);
  return bridge;
};

export interface Departed {
  readonly offset: number;
  readonly topics: readonly (Topic | undefined)[];
  readonly key: string;
  readonly value: Uint8Array;
}

/** All that is sent until an offset is reached, and the last `through`. */
export const departuresTo = async ({ next }: Bridge, offset: number) => {
  const records: Departed[] = [];
  for (;;) {
    const batch = await next("departures");
    for (const { offset, topics, key, value } of batch.records)
      records.push({
        offset: Number(offset),
        topics: topics.map(topicOfWire),
        key: new TextDecoder().decode(key),
        value,
      });
    if (Number(batch.through) >= offset) return { records, through: batch.through };
  }
};

export interface Arrived {
  readonly topic: Topic;
  readonly value: Uint8Array;
  readonly offset: number;
  readonly partition?: number;
  readonly origin?: string;
  readonly fault?: string;
}

export const arrivals = (records: readonly Arrived[]): BridgeFrameInit => ({
  case: "arrivals",
  value: {
    records: records.map(({ topic, value, offset, partition = 0, origin, fault = "" }) => ({
      topic: wireTopic(topic),
      partition,
      offset: BigInt(offset),
      value,
      headers:
        origin === undefined ? [] : [{ name: "escapement-origin", value: new TextEncoder().encode(origin) }],
      fault,
    })),
  },
});
