/**
 * Carries the log to D1, in order, many records at a time, with no await on the path of routing. D1 down
 * means a backlog, not a stop: it is retried with backoff and drained in order.
 */
import {
  FLUSH_BYTES_MAX,
  FLUSH_MS,
  FLUSH_RECORDS_MAX,
  PROJECTED_NOTE_EVERY,
  READ_BARRIER_MS_MAX,
} from "../../src/limits.ts";
import type { LogRecord } from "../../src/topics/record.ts";
import type { LogLine } from "../log-line.ts";
import { type Log, sizeOf } from "./log.ts";

export interface ProjectedAddress {
  readonly tenant: string;
  readonly partition: number;
  readonly generation: number;
}

export interface ProjectionPort {
  /** The last offset that D1 has. */
  cursor(address: ProjectedAddress): Promise<number>;
  /**
   * Rows and cursor as one, if D1 is where the span begins; may be repeated, late or from an older generation
   * without harm. The cursor does not move while records are refused.
   */
  flush(
    address: ProjectedAddress,
    records: readonly LogRecord[],
    span: { readonly after: number; readonly upTo: number },
  ): Promise<{
    readonly rowsWritten: number;
    readonly cursor: number;
    readonly refused: readonly { readonly offset: number; readonly detail: string }[];
  }>;
}

export interface ProjectorPorts {
  readonly projection: ProjectionPort;
  address(): ProjectedAddress | undefined;
  /** Keeps a record that D1 never takes, before it is passed over. */
  setAside(offset: number, detail: string): void;
  /** It lacks less than it did. */
  caughtUp(): void;
  readonly say: LogLine;
}

const RETRY_MS = 250;
const RETRY_MS_MAX = 30_000;

const PROJECTED: readonly LogRecord["type"][] = [
  "execution",
  "lifetime_started",
  "lifetime_ended",
  "lifetime_status",
  "lifetime_retried",
  "verdict",
  "approval_opened",
  "approval_changed",
  "approval_closed",
  "graph_registered",
  "graph_status",
];

export class Projector {
  readonly #ports: ProjectorPorts;
  readonly #log: Log;
  #cursor: number | undefined;
  #flushing: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #backlogBytes: number;
  flushes = 0;
  /** Attempts at a flush that failed. */
  failed = 0;
  /** Of D1. */
  rows = 0;

  constructor(log: Log, ports: ProjectorPorts) {
    this.#log = log;
    this.#ports = ports;
    this.#backlogBytes = log.bytesAfter(log.projected, PROJECTED);
  }

  /** The last offset that D1 has; undefined while that is not known. */
  get cursor(): number | undefined {
    return this.#log.tail === 1 ? 0 : this.#cursor;
  }

  /** Records that D1 does not have yet; an upper bound, because inputs are not projected. */
  get backlog(): number {
    return this.#log.tail - 1 - (this.#cursor ?? 0);
  }

  /** Of those records: of their messages; the rest is small. Also while D1 has not said where it is, then about. */
  get backlogBytes(): number {
    return this.#backlogBytes;
  }

  /** Age of the oldest of those records; undefined while it is not known which they are. */
  lagMs(now: number): number | undefined {
    const { cursor } = this;
    if (cursor === undefined || this.backlog === 0) return cursor === undefined ? undefined : 0;
    return now - (this.#log.get(cursor + 1)?.at ?? now);
  }

  /** What was appended just now. */
  grew(records: readonly LogRecord[]): void {
    for (const record of records) if (PROJECTED.includes(record.type)) this.#backlogBytes += sizeOf(record);
    this.schedule();
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
    const generation = this.#ports.address()?.generation;
    // For a tenant that has gone nothing is awaited below, and such a loop would never let time pass.
    const gone = () => generation === undefined || this.#ports.address()?.generation !== generation;
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
    this.#backlogBytes = 0;
  }

  async #tryDrain(): Promise<void> {
    const address = this.#ports.address();
    if (address === undefined) return;
    // What comes back for a tenant that has gone says nothing of the one that came after it.
    const stale = () => this.#ports.address()?.generation !== address.generation;
    try {
      await this.#drain(address, stale);
      if (stale()) return;
      if (this.#failures > 0) this.#ports.say("info", "flush_recovered", { failures: this.#failures });
      this.#failures = 0;
    } catch (cause) {
      if (stale()) return;
      this.#failures++;
      this.failed++;
      const { backlog, backlogBytes: bytes } = this;
      this.#ports.say("error", "flush_failed", { detail: String(cause), backlog, bytes });
      this.schedule();
      throw cause;
    }
  }

  async #drain(address: ProjectedAddress, stale: () => boolean): Promise<void> {
    const { projection, setAside } = this.#ports;
    if (this.#cursor === undefined) {
      const cursor = await projection.cursor(address);
      if (stale()) return;
      this.#begin(cursor);
    }
    for (let after = this.#cursor ?? 0; after < this.#log.tail - 1; after = this.#cursor ?? 0) {
      const { records, upTo } = this.#next(after + 1);
      let flushed = await projection.flush(address, records, { after, upTo });
      if (stale()) return;
      this.flushes++;
      this.rows += flushed.rowsWritten;
      if (flushed.refused.length > 0 && flushed.cursor === after) {
        for (const { offset, detail } of flushed.refused) setAside(offset, detail);
        flushed = await projection.flush(address, [], { after, upTo });
        if (stale()) return;
      }
      if (flushed.cursor === upTo) this.#reached(upTo, records);
      else this.#begin(flushed.cursor);
    }
  }

  #reached(offset: number, records: readonly LogRecord[]): void {
    for (const record of records) this.#backlogBytes -= sizeOf(record);
    this.#moved(offset);
    this.#ports.caughtUp();
  }

  /** Noted, so that after a restart it is known about how much is missing, without D1. */
  #moved(cursor: number): void {
    this.#cursor = cursor;
    const ahead = cursor - this.#log.projected;
    if (ahead < 0 || ahead >= PROJECTED_NOTE_EVERY) this.#log.noteProjected(cursor);
  }

  /** Where D1 is, D1 says: a flush that was thought lost may have come through. */
  #begin(cursor: number): void {
    const { first, tail } = this.#log;
    if (cursor >= tail)
      throw new Error(
        `D1 has offset ${cursor}, but the log ends at ${tail - 1}; restore both from one backup`,
      );
    if (cursor + 1 < first)
      this.#ports.say("error", "projection_gap", {
        from: cursor + 1,
        to: first - 1,
        detail:
          "D1 was brought to a moment before what was trimmed: it lacks records that the log has no more",
      });
    this.#moved(cursor);
    this.#backlogBytes = this.#log.bytesAfter(cursor, PROJECTED);
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
