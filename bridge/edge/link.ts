/**
 * One connection to the object of a tenant partition, from its hello to its close: frames in order, and signs of life.
 * It never reconnects: whoever needs another opens another.
 */
import {
  type BridgeFrameInit,
  decodeEdgeFrame,
  encodeBridgeFrame,
  PING,
  PROTOCOL_VERSION,
} from "../../src/mirror/frame.ts";
import { isFatal, refusalName } from "../../src/mirror/refusal.ts";
import type { EdgeFrame, Welcome } from "../../src/wire/gen/escapement/bridge/v1/frame_pb.ts";

export interface LinkOptions {
  readonly url: string;
  readonly key: string | undefined;
  readonly tenant: string;
  readonly deployment: string;
  readonly bridgeId: string;
  /** Nothing heard for so long is a connection that is dead. */
  readonly silenceMs: number;
}

export type Frame = EdgeFrame["frame"];

/** Why it ended, in words for whoever operates it. */
export interface Ending {
  readonly reason: string;
  /** Where the object refused what it was asked. */
  readonly refused?: string;
}

export class LinkClosed extends Error {
  override readonly name = "LinkClosed";
  readonly ending: Ending;

  constructor(ending: Ending) {
    super(ending.reason);
    this.ending = ending;
  }
}

/** What Node's own takes beside the standard: headers. */
type Options = { readonly headers: Readonly<Record<string, string>> };
const Socket = WebSocket as unknown as new (url: string, options: Options) => WebSocket;

export class Link {
  readonly #socket: WebSocket;
  readonly #silenceMs: number;
  #heard = Date.now();
  #pulse: NodeJS.Timeout | undefined;
  #receive: (frame: Frame) => void = () => {};
  readonly #closed = Promise.withResolvers<Ending>();
  readonly #welcome = Promise.withResolvers<Welcome>();

  private constructor({ url, key, tenant, deployment, bridgeId, silenceMs }: LinkOptions) {
    this.#silenceMs = silenceMs;
    const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const socket = new Socket(`${url.replace(/^http/, "ws")}/v1/tenants/${tenant}/bridge`, { headers });
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    this.#welcome.promise.catch(() => {});
    socket.addEventListener("open", () => {
      const who = { protocolVersion: PROTOCOL_VERSION, deployment, bridgeId };
      this.send({ case: "hello", value: { ...who, gatewayUrl: url } });
    });
    socket.addEventListener("message", ({ data }) => this.#hear(data));
    socket.addEventListener("error", () =>
      this.#end("the gateway is not reached, or refused the connection"),
    );
    socket.addEventListener("close", ({ code, reason }) => this.#end(`closed with ${code} ${reason}`));
    this.#pulse = setInterval(() => this.#beat(), silenceMs / 3);
  }

  /** Settles with the object's welcome; rejects with what it said instead. */
  static async open(options: LinkOptions, given?: AbortSignal): Promise<{ link: Link; welcome: Welcome }> {
    const link = new Link(options);
    const giveUp = () => link.close("given up");
    given?.addEventListener("abort", giveUp);
    if (given?.aborted) giveUp();
    try {
      return { link, welcome: await link.#welcome.promise };
    } finally {
      given?.removeEventListener("abort", giveUp);
    }
  }

  /** All frames from now on. */
  listen(receive: (frame: Frame) => void): void {
    this.#receive = receive;
  }

  send(frame: BridgeFrameInit): void {
    this.sendFrame(encodeBridgeFrame(frame));
  }

  /** One that is encoded already; its bytes may change once this has returned. */
  sendFrame(frame: Uint8Array): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(frame);
  }

  /** Settles when it is closed. */
  get closed(): Promise<Ending> {
    return this.#closed.promise;
  }

  close(reason: string): void {
    this.send({ case: "goodbye", value: { reason } });
    this.#end(reason);
  }

  #hear(data: unknown): void {
    this.#heard = Date.now();
    if (!(data instanceof ArrayBuffer)) return;
    const decoded = decodeEdgeFrame(new Uint8Array(data));
    if (!decoded.ok) this.close(decoded.error);
    else this.#read(decoded.value);
  }

  #read(frame: Frame): void {
    if (frame.case === "welcome") this.#welcome.resolve(frame.value);
    else if (frame.case === "goodbye") this.#end(frame.value.reason);
    else if (frame.case === "refusal" && isFatal(frame.value))
      this.#end(frame.value.detail, refusalName(frame.value.code));
    else this.#receive(frame);
  }

  #beat(): void {
    if (Date.now() - this.#heard > this.#silenceMs) this.#end("nothing was heard of the object");
    else if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(PING);
  }

  #end(reason: string, refused?: string): void {
    clearInterval(this.#pulse);
    const ending = { reason, ...(refused === undefined ? {} : { refused }) };
    this.#closed.resolve(ending);
    this.#welcome.reject(new LinkClosed(ending));
    if (this.#socket.readyState <= WebSocket.OPEN) this.#socket.close();
  }
}
