/**
 * Who follows this tenant's events, and what they are given: first the log from where they are, then what is
 * committed, as it is. Nothing is done while nobody follows.
 *
 * 1. Nothing is sent before it is durable.
 * 2. What is before the edge is read from the log, what is at it or after it is delivered: so a reader that joins
 *    at the edge misses nothing and sees nothing twice.
 */
import type { Answer, StreamRequest } from "../../../src/control-plane/tenant.ts";
import * as limits from "../../../src/limits.ts";
import { reject } from "../../../src/rejection.ts";
import { ok } from "../../../src/result.ts";
import { type ClosingCode, type Progress, progressFrame } from "../../../src/stream/frame.ts";
import type { LogRecord } from "../../../src/topics/record.ts";
import type { LogLine } from "../../log-line.ts";
import type { Lifetimes } from "../lifetimes.ts";
import type { Log } from "../log.ts";
import { lifetimeSlice, tenantSlice } from "./catch-up.ts";
import { type Aside, Feeds } from "./feeds.ts";
import { Frames } from "./frames.ts";
import { bytesOf, Reader } from "./reader.ts";

export const STREAM_BOUNDS = {
  readersMax: limits.STREAM_READERS_MAX,
  tenantBytesMax: limits.TENANT_READER_BYTES_MAX,
  lifetimeBytesMax: limits.LIFETIME_READER_BYTES_MAX,
  keepAliveMs: limits.KEEP_ALIVE_MS,
  msMax: limits.STREAM_MS_MAX,
};

export interface StreamsPorts {
  readonly log: Log;
  readonly lifetimes: Lifetimes;
  /** Settles when everything that is committed is on disk. */
  durable(): Promise<void>;
  readonly bounds: typeof STREAM_BOUNDS;
  readonly say: LogLine;
}

export class Streams {
  readonly #ports: StreamsPorts;
  readonly #frames = new Frames();
  readonly #open = new Set<Reader>();
  readonly #feeds = new Feeds();
  #committed: LogRecord[] = [];
  #asides: Aside[] = [];
  #delivering = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(ports: StreamsPorts) {
    this.#ports = ports;
  }

  get readers(): number {
    return this.#open.size;
  }

  /** Undefined where everything has been seen already. */
  async open({ lifetime, after }: StreamRequest): Promise<Answer<ReadableStream<Uint8Array> | undefined>> {
    const { bounds, say } = this.#ports;
    if (this.#open.size >= bounds.readersMax)
      return reject("too_many_readers", `this tenant has ${bounds.readersMax} readers; try again`, {
        retryAfterMs: bounds.keepAliveMs,
      });
    const from = lifetime === undefined ? this.#fromTenant(after) : this.#fromLifetime(lifetime, after);
    if (!from.ok) return from;
    if (from.value === undefined) return ok(undefined);
    const reader = new Reader(lifetime, from.value, {
      bytesMax: lifetime === undefined ? bounds.tenantBytesMax : bounds.lifetimeBytesMax,
      catchUp: (each) => this.#catchUp(each),
      left: (each) => this.#left(each),
      say,
    });
    this.#open.add(reader);
    this.#timer ??= setInterval(() => this.#tick(), bounds.keepAliveMs);
    // What is committed from here on is delivered; what was before is in the log, and is durable after this.
    await this.#ports.durable();
    return ok(reader.stream);
  }

  /** After the commit. */
  publish(records: readonly LogRecord[]): void {
    if (records.length === 0 || (this.#open.size === 0 && this.#committed.length === 0)) return;
    for (const record of records) this.#committed.push(record);
    this.#schedule();
  }

  /** What is in no log, for those who are there. `progress` is JSON text. */
  progressed(of: Progress, progress: string): void {
    if (!this.#feeds.follow(of.lifetime)) return;
    this.#asides.push({ lifetime: of.lifetime, text: progressFrame(of, progress) });
    this.#schedule();
  }

  /** Ends all streams, and forgets what is kept of the log. */
  reset(code: ClosingCode, detail: string): void {
    for (const reader of [...this.#open]) reader.close(code, detail);
    this.#committed = [];
    this.#asides = [];
    this.#frames.reset();
  }

  /** The first offset that has not been delivered. */
  get #edge(): number {
    return this.#committed[0]?.offset ?? this.#ports.log.tail;
  }

  #fromTenant(after: number | undefined): Answer<number> {
    const { log } = this.#ports;
    const next = log.tail;
    if (after === undefined) return ok(next);
    if (after >= next)
      return reject(
        "cursor_invalid",
        `there is no event ${after}: the log ends at ${next - 1}; read from there`,
      );
    const { first } = log;
    if (after === 0) return ok(first);
    if (after + 1 >= first) return ok(after + 1);
    const detail = `events below ${first} were trimmed; read on from after=0, which is where they begin by now`;
    return reject("offset_trimmed", detail, { firstOffset: first });
  }

  /** Undefined where it has ended and everything has been seen. */
  #fromLifetime(id: string, after = 0): Answer<number | undefined> {
    const { log, lifetimes } = this.#ports;
    const found = lifetimes.get(id);
    const { started, ended } = found && "head" in found ? found.head : { started: 0, ...found };
    if (log.get(started)?.type !== "lifetime_started")
      return reject("lifetime_not_found", `no lifetime ${id} in this tenant`);
    if (after >= log.tail)
      return reject("cursor_invalid", `there is no event ${after}: the log ends at ${log.tail - 1}`);
    return ok(ended !== undefined && after >= ended ? undefined : Math.max(started, after + 1));
  }

  /** Undefined while it runs. */
  #endOf(id: string): number | undefined {
    const found = this.#ports.lifetimes.get(id);
    return found && "head" in found ? found.head.ended : found?.ended;
  }

  /** Whether records that a reader has yet to see may be gone. */
  #isTrimmed({ lifetime, next }: Reader): boolean {
    const { log, lifetimes } = this.#ports;
    if (next >= log.first || lifetime === undefined) return next < log.first;
    const found = lifetimes.get(lifetime);
    // A lifetime keeps all of its records, or they go from its start on.
    return found === undefined || log.get("head" in found ? found.head.started : found.started) === undefined;
  }

  #catchUp(reader: Reader): void {
    const { lifetime, next } = reader;
    const edge = this.#edge;
    const end = lifetime === undefined ? undefined : this.#endOf(lifetime);
    if (end !== undefined && next > end) {
      reader.finish();
      return;
    }
    if (this.#isTrimmed(reader)) {
      reader.close("offset_trimmed", "events that this reader had yet to see were trimmed");
      return;
    }
    // Who asks for what comes after something that is not delivered yet waits until it is.
    if (next === edge) this.#feeds.join(reader);
    if (next >= edge) return;
    const { log } = this.#ports;
    const slice =
      lifetime === undefined ? tenantSlice(log, next, edge) : lifetimeSlice(log, lifetime, next, edge);
    reader.next = slice.next;
    const text = slice.records.map((record) => this.#frames.of(record)).join("");
    if (text !== "") reader.offer(bytesOf(text));
  }

  #schedule(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    void this.#deliverAll().finally(() => {
      this.#delivering = false;
    });
  }

  async #deliverAll(): Promise<void> {
    try {
      while (this.#committed.length > 0 || this.#asides.length > 0) {
        await scheduler.wait(limits.FRAMES_MS);
        const committed = this.#committed;
        const durable = committed.length;
        await this.#ports.durable();
        // Of a tenant that is gone, nothing comes to those who follow the next one of its name.
        if (committed === this.#committed)
          this.#deliver(this.#asides.splice(0), committed.splice(0, durable));
      }
    } catch (cause) {
      this.#ports.say("error", "streams_failed", { detail: String(cause) });
      this.reset("internal", "a fault of ours");
    }
  }

  #deliver(asides: readonly Aside[], records: readonly LogRecord[]): void {
    this.#feeds.deliver(asides, records, this.#frames);
    for (const record of records)
      if (record.type === "lifetime_ended" && this.#endOf(record.lifetime) === record.offset)
        this.#feeds.finish(record.lifetime);
  }

  #tick(): void {
    const ticksMax = this.#ports.bounds.msMax / this.#ports.bounds.keepAliveMs;
    for (const reader of [...this.#open])
      if (reader.ticks < ticksMax) reader.tick();
      else reader.close("stream_expired", "this stream has been open for long");
  }

  /** Without readers there is no timer, so that the object can rest. */
  #left(reader: Reader): void {
    this.#open.delete(reader);
    this.#feeds.leave(reader);
    if (this.#open.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
