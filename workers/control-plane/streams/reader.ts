/**
 * One reader of a stream: what waits for it, how far it has come, and how it ends. Where events come from is not
 * known here.
 *
 * 1. What waits is bounded; over it the reader is cut off, and reads the rest of the log when it comes back.
 * 2. Nothing is encoded here: the bytes that wait are shared with every other reader of the same.
 */
import { type ClosingCode, closingFrame } from "../../../src/stream/frame.ts";
import type { LogLine } from "../../log-line.ts";

export interface ReaderPorts {
  /** What may wait. */
  readonly bytesMax: number;
  /** Gives the reader some of what it has not seen yet, lets it join those who have, or finishes it. */
  catchUp(reader: Reader): void;
  left(reader: Reader): void;
  readonly say: LogLine;
}

const encoder = new TextEncoder();
export const bytesOf = (text: string): Uint8Array => encoder.encode(text);

/** When to come back after a cut, for clients that do by themselves. It also tells at once that all is well. */
const OPENING = bytesOf("retry: 1000\n\n");
const KEEP_ALIVE = bytesOf(": keep-alive\n\n");

export class Reader {
  readonly lifetime: string | undefined;
  readonly stream: ReadableStream<Uint8Array>;
  /** The first offset that it has not been given. */
  next: number;
  /** It has all there is, and is given what comes. */
  live = false;
  readonly #ports: ReaderPorts;
  readonly #queue: Uint8Array[] = [OPENING];
  #bytes = OPENING.byteLength;
  #state: "open" | "ending" | "gone" = "open";
  #wake: (() => void) | undefined;
  #turns = 0;
  /** What the last tick saw. */
  #seen = { turns: 0, owed: false };
  ticks = 0;

  constructor(lifetime: string | undefined, next: number, ports: ReaderPorts) {
    this.lifetime = lifetime;
    this.next = next;
    this.#ports = ports;
    // Nothing is made before it is asked for, so that what waits is counted here.
    this.stream = new ReadableStream<Uint8Array>(
      { pull: (controller) => this.#pull(controller), cancel: () => this.#leave() },
      { highWaterMark: 0 },
    );
  }

  offer(chunk: Uint8Array): void {
    if (this.#state !== "open") return;
    // Looked at before: one commit may be larger than what may wait, and that is nobody's slowness.
    if (this.#bytes > this.#ports.bytesMax) {
      this.close("reader_too_slow", `more than ${this.#ports.bytesMax} bytes wait for this reader`);
      return;
    }
    this.#queue.push(chunk);
    this.#bytes += chunk.byteLength;
    this.#wake?.();
  }

  /** Ends with what waits. */
  finish(): void {
    if (this.#state === "open") this.#state = "ending";
    this.#wake?.();
  }

  /** Ends with a reason, instead of what waits. */
  close(code: ClosingCode, detail: string): void {
    if (this.#state === "gone") return;
    const { lifetime, next } = this;
    const level = code === "reader_too_slow" || code === "internal" ? "warn" : "info";
    this.#ports.say(level, "stream_cut", { code, lifetime, next, detail });
    const again = "come back with the id of the last event as Last-Event-ID";
    const last = bytesOf(closingFrame(code, `${detail}; ${again}`));
    this.#queue.splice(0, this.#queue.length, last);
    this.#bytes = last.byteLength;
    this.finish();
    this.#ports.left(this);
  }

  /** Now and then: keeps the connection alive, and finds out who takes nothing any more. */
  tick(): void {
    this.ticks++;
    const owed = this.#queue.length > 0 || !this.live;
    const { turns } = this.#seen;
    if (owed && this.#seen.owed && turns === this.#turns) {
      this.close("reader_too_slow", "this reader has taken nothing for a while");
      return;
    }
    this.#seen = { turns: this.#turns, owed };
    if (this.#queue.length === 0) this.offer(KEEP_ALIVE);
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    while (this.#state !== "gone") {
      this.#turns++;
      const chunk = this.#queue.shift();
      if (chunk) {
        this.#bytes -= chunk.byteLength;
        controller.enqueue(chunk);
        return;
      }
      if (this.#state === "ending") {
        this.#leave();
        controller.close();
      } else if (this.live) await this.#woken();
      else await this.#catchUp();
    }
  }

  async #catchUp(): Promise<void> {
    try {
      this.#ports.catchUp(this);
    } catch (cause) {
      this.#ports.say("error", "stream_failed", { lifetime: this.lifetime, detail: String(cause) });
      this.close("internal", "a fault of ours");
    }
    // Others come in between, however much there is to look through.
    if (this.#queue.length === 0 && !this.live) await scheduler.wait(0);
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }

  #leave(): void {
    this.#state = "gone";
    this.#queue.length = 0;
    this.#wake?.();
    this.#ports.left(this);
  }
}
