/**
 * One WebSocket of a bridge, and what is known of who is at its other end. It is kept beside the socket, so that an
 * object that slept goes on where it was.
 */
import { type EdgeFrameInit, encodeEdgeFrame } from "../../../src/mirror/frame.ts";

/** Why a socket is closed, as its close frame says it. */
export const POLICY_VIOLATION = 1008;
export const GOING_AWAY = 1001;

interface Kept {
  /** Absent before its hello. */
  readonly bridge?: string;
  /** Where it reaches the gateway; empty where it has not said. */
  readonly gateway?: string;
  /** Of the lease, while it has it. */
  readonly epoch?: number;
  /** The last log offset that was sent, once it has resumed. */
  readonly sent?: number;
  /** For departures. */
  readonly records?: number;
  readonly bytes?: number;
}

export class Connection {
  readonly socket: WebSocket;
  #kept: Kept;
  /** When it last said anything but a ping. */
  heardAt: number;

  constructor(socket: WebSocket, heardAt: number) {
    this.socket = socket;
    this.heardAt = heardAt;
    this.#kept = (socket.deserializeAttachment() as Kept | null) ?? {};
  }

  get bridge(): string | undefined {
    return this.#kept.bridge;
  }

  get gateway(): string {
    return this.#kept.gateway ?? "";
  }

  get epoch(): number | undefined {
    return this.#kept.epoch;
  }

  get sent(): number | undefined {
    return this.#kept.sent;
  }

  get credit(): { readonly records: number; readonly bytes: number } {
    const { records = 0, bytes = 0 } = this.#kept;
    return { records, bytes };
  }

  keep(changed: Partial<Record<keyof Kept, Kept[keyof Kept] | undefined>>): void {
    this.#kept = { ...this.#kept, ...changed } as Kept;
    this.socket.serializeAttachment(this.#kept);
  }

  /** Leaves once everything that was written before is durable. False where nobody is there any more. */
  send(frame: EdgeFrameInit): boolean {
    try {
      this.socket.send(encodeEdgeFrame(frame));
      return true;
    } catch {
      return false;
    }
  }

  close(code: number, reason: string): void {
    this.send({ case: "goodbye", value: { reason } });
    try {
      this.socket.close(code, reason.slice(0, CLOSE_CHARS_MAX));
    } catch {
      // It is closed already.
    }
  }
}

/** A close frame holds 123 bytes; what is longer was said in a goodbye. */
const CLOSE_CHARS_MAX = 40;
