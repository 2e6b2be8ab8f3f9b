/**
 * Carries the log to D1, in order, many records at a time, with no await on the path of routing. D1 down
 * means a backlog, not a stop: it is retried with backoff and drained in order.
 */
import { FLUSH_BYTES_MAX, FLUSH_MS, FLUSH_RECORDS_MAX, READ_BARRIER_MS_MAX } from "../../src/limits.ts";
import type { LogRecord } from "../../src/topics/record.ts";
import type { Log } from "./log.ts";

export interface ProjectedAddress {
  readonly tenant: string;
  readonly partition: number;
  readonly generation: number;
}

export interface ProjectionPort {
  /** The last offset that D1 has. */
  cursor(address: ProjectedAddress): Promise<number>;
  /** Rows and cursor as one; may be repeated, late or from an older generation without harm. */
  flush(
    address: ProjectedAddress,
    records: readonly LogRecord[],
    upTo: number,
  ): Promise<{ rowsWritten: number }>;
}

const RETRY_MS = 250;
const RETRY_MS_MAX = 30_000;

const PROJECTED: readonly LogRecord["type"][] = [
  "execution",
  "lifetime_started",
  "lifetime_ended",
  "lifetime_status",
  "lifetime_retried",
  "graph_registered",
  "graph_status",
];

export class Projector {
  readonly #port: ProjectionPort;
  readonly #log: Log;
  readonly #address: () => ProjectedAddress | undefined;
  #cursor: number | undefined;
  #flushing: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  flushes = 0;
  /** Of D1. */
  rows = 0;

  constructor(port: ProjectionPort, log: Log, address: () => ProjectedAddress | undefined) {
    this.#port = port;
    this.#log = log;
    this.#address = address;
  }

  /** The last offset that D1 has; undefined while that is not known. */
  get cursor(): number | undefined {
    return this.#log.tail === 1 ? 0 : this.#cursor;
  }

  /** Records that D1 does not have yet; an upper bound, because inputs are not projected. */
  get backlog(): number {
    return this.#log.tail - 1 - (this.#cursor ?? 0);
  }

  /** Soon, together with what comes until then. */
  schedule(): void {
    this.#timer ??= setTimeout(() => void this.flush().catch(() => {}), this.#delay());
  }

  /** Everything that is in the log now; throws when D1 does not take it. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#flushing === undefined) {
      const own = this.#tryDrain().finally(() => {
        if (this.#flushing === own) this.#flushing = undefined;
      });
      this.#flushing = own;
    }
    await this.#flushing;
  }

  /** Whether D1 has everything up to this offset, waiting a bounded time for it. */
  async reaches(offset: number): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let late = false;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        late = true;
        resolve();
      }, READ_BARRIER_MS_MAX);
    });
    const generation = this.#address()?.generation;
    // For a tenant that has gone nothing is awaited below, and such a loop would never let time pass.
    const gone = () => generation === undefined || this.#address()?.generation !== generation;
    while (!gone() && (this.#cursor ?? 0) < offset && !late)
      await Promise.race([this.flush().catch(() => deadline), deadline]);
    clearTimeout(timer);
    return !gone() && (this.#cursor ?? 0) >= offset;
  }

  /** A flush in flight is left to itself: whoever comes next does not wait for it. */
  reset(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flushing = undefined;
    this.#cursor = undefined;
    this.#failures = 0;
  }

  async #tryDrain(): Promise<void> {
    const address = this.#address();
    if (address === undefined) return;
    // What comes back for a tenant that has gone says nothing of the one that came after it.
    const stale = () => this.#address()?.generation !== address.generation;
    try {
      await this.#drain(address, stale);
      if (!stale()) this.#failures = 0;
    } catch (cause) {
      if (stale()) return;
      this.#failures++;
      console.error(JSON.stringify({ event: "flush_failed", detail: String(cause), backlog: this.backlog }));
      this.schedule();
      throw cause;
    }
  }

  async #drain(address: ProjectedAddress, stale: () => boolean): Promise<void> {
    let cursor = this.#cursor ?? (await this.#port.cursor(address));
    if (stale()) return;
    this.#cursor = cursor;
    while (cursor < this.#log.tail - 1) {
      const { records, upTo } = this.#next(cursor + 1);
      const { rowsWritten } = await this.#port.flush(address, records, upTo);
      if (stale()) return;
      this.#cursor = cursor = upTo;
      this.flushes++;
      this.rows += rowsWritten;
    }
  }

  #next(from: number): { records: LogRecord[]; upTo: number } {
    const end = this.#log.tail - 1;
    const { records, whole } = this.#log.read(PROJECTED, undefined, from, FLUSH_RECORDS_MAX, FLUSH_BYTES_MAX);
    return { records, upTo: whole ? end : (records.at(-1)?.offset ?? end) };
  }

  #delay(): number {
    return this.#failures === 0 ? FLUSH_MS : Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** this.#failures);
  }
}
