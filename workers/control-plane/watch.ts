/** What is to be seen of one tenant object: its counters, its metrics and its lines in the log. Decides nothing. */
import type { Writes } from "../../src/control-plane/store.ts";
import type { Counters } from "../../src/control-plane/tenant.ts";
import type { Family } from "../../src/metrics/family.ts";
import { remarksOn } from "../../src/metrics/remarks.ts";
import { TenantMetrics } from "../../src/metrics/tenant-metrics.ts";
import { type LogLine, logLineOf } from "../log-line.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Identity } from "./identity.ts";
import type { Mirror } from "./mirror/mirror.ts";
import type { Projector } from "./projector.ts";
import type { Room } from "./room.ts";
import type { Parts } from "./sql-store.ts";
import type { Streams } from "./streams/streams.ts";

/** Whatever of the object knows its own numbers. */
export interface Watched {
  readonly identity: Identity | undefined;
  readonly parts: Parts;
  readonly dispatcher: Dispatcher;
  readonly projector: Projector;
  readonly room: Room;
  readonly streams: Streams;
  readonly mirror: Mirror;
}

export class Watch {
  readonly #watched: Watched;
  readonly metrics = new TenantMetrics();
  readonly say: LogLine;
  /** Calls of the object. */
  requests = 0;
  #commits = 0;
  #missing = 0;

  constructor(watched: Watched) {
    this.#watched = watched;
    this.say = logLineOf(() => ({ tenant: watched.identity?.tenant }));
  }

  committed(arrivals: number, writes: Writes): void {
    this.#commits++;
    if (!this.metrics.committed(arrivals, writes)) return;
    for (const { level, event, fields } of remarksOn(writes)) this.say(level, event, fields);
  }

  /** Inputs whose node no code at their executor had, by kind of node. */
  executorMissing(kind: string, inputs: number): void {
    this.#missing += inputs;
    this.say("error", "executor_missing", { kind, inputs });
  }

  get counters(): Counters {
    const { parts, dispatcher, projector, room, streams } = this.#watched;
    return {
      requests: this.requests,
      commits: this.#commits,
      rpcs: dispatcher.calls,
      rows: parts.sql.rowsWritten,
      flushes: projector.flushes,
      d1_rows: projector.rows,
      executor_missing: this.#missing,
      backlog: projector.backlog,
      backlog_bytes: projector.backlogBytes,
      storage_bytes: room.bytes,
      stream_readers: streams.readers,
    };
  }

  /** Reads no table, but for the age of one record where D1 is behind. */
  families(now: number): Family[] {
    const { parts, dispatcher, projector, room } = this.#watched;
    return [
      ...this.metrics.families(this.counters, {
        ...parts.lifetimes.open,
        inFlight: dispatcher.inFlight,
        queued: dispatcher.queued,
        lagMs: projector.lagMs(now),
        backlog: projector.cursor === undefined ? undefined : projector.backlog,
        storageShare: room.share,
        flushFailures: projector.failed,
      }),
      ...this.#watched.mirror.families(),
    ];
  }
}
