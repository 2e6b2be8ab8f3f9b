/**
 * How full this object is, and what it does about that. Asked of SQLite now and then rather than at every commit,
 * and so that what comes between two looks is a thousandth of what there is.
 */
import {
  ROOM_LEVELS,
  ROOM_LIMITS,
  type RoomLevel,
  type RoomLimits,
  roomLevel,
} from "../../src/control-plane/room.ts";
import { STORAGE_RETRY_AFTER_MS } from "../../src/limits.ts";
import { type Rejection, reject } from "../../src/rejection.ts";
import { ok, type Result } from "../../src/result.ts";
import type { LogLine } from "../log-line.ts";
import type { Identity } from "./identity.ts";
import { MirrorCursors } from "./mirror-cursors.ts";
import type { Projector } from "./projector.ts";
import type { Parts } from "./sql-store.ts";
import { Trimmer } from "./trimmer.ts";

export interface RoomPorts {
  identity(): Identity | undefined;
  readonly projector: Projector;
  /** It has become so full that nothing starts any more. */
  full(): void;
  /** It was, and something starts again. */
  roomy(): void;
  readonly say: LogLine;
}

const LOOKS = 1_000;
const COMMITS_UNSEEN_MAX = 256;

export class Room {
  readonly mirrors: MirrorCursors;
  readonly trimmer: Trimmer;
  readonly #storage: DurableObjectStorage;
  readonly #limits: RoomLimits;
  readonly #ports: RoomPorts;
  #level: RoomLevel = "ample";
  #bytes = 0;
  #appended = 0;
  #seen = 0;
  #commits = 0;

  constructor(
    storage: DurableObjectStorage,
    parts: Parts,
    lowered: Partial<RoomLimits> = {},
    ports: RoomPorts,
  ) {
    const { identity, projector } = ports;
    this.#storage = storage;
    this.#limits = { ...ROOM_LIMITS, ...lowered };
    this.#ports = ports;
    this.mirrors = new MirrorCursors(parts.sql);
    this.trimmer = new Trimmer(storage, parts, this.mirrors, this.#limits, {
      projected: () => projector.cursor,
      retention: () => identity()?.logRetentionMs ?? this.#limits.logRetentionMs,
      since: () => identity()?.createdAt ?? 0,
    });
    this.look();
  }

  /** Of the storage, when it was last looked at. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Of what it may hold. */
  get share(): number {
    return this.#bytes / this.#limits.storageBytesMax;
  }

  /** What is in flight is still recorded: there is a tenth of the storage for it. */
  get held(): boolean {
    return this.#level === "routing_held";
  }

  /** After each commit: bytes of messages that were appended so far. */
  grew(appended: number): void {
    this.#appended = appended;
    const unseen = appended - this.#seen;
    if (unseen * LOOKS >= this.#limits.storageBytesMax || ++this.#commits >= COMMITS_UNSEEN_MAX) this.look();
  }

  look(): void {
    // What was freed does not count.
    this.#bytes = this.#storage.sql.databaseSize;
    this.#seen = this.#appended;
    this.#commits = 0;
    const level = roomLevel(this.#bytes, this.#limits);
    const wasFull = this.#isFull;
    const fuller = ROOM_LEVELS.indexOf(level) > ROOM_LEVELS.indexOf(this.#level);
    if (level !== this.#level)
      this.#ports.say(fuller ? "error" : "info", `storage_${level}`, { bytes: this.#bytes });
    this.#level = level;
    if (fuller && this.#isFull) this.#ports.full();
    if (wasFull && !this.#isFull) this.#ports.roomy();
  }

  get #isFull(): boolean {
    return this.held || this.#level === "starts_refused";
  }

  mayStart(): Result<void, Rejection> {
    if (this.#isFull) return full("nothing starts until records were trimmed or lifetimes deleted");
    if (this.#ports.projector.backlogBytes < this.#limits.backlogBytesMax) return ok(undefined);
    return reject("data_plane_behind", "the database is too far behind for more to start; try again", {
      retryAfterMs: STORAGE_RETRY_AFTER_MS,
    });
  }

  /** Whether anything else that grows may come in. */
  mayArrive(): Result<void, Rejection> {
    return this.held
      ? full("nothing is taken in until records were trimmed or lifetimes deleted")
      : ok(undefined);
  }
}

const full = (what: string) =>
  reject("storage_full", `the tenant's storage is nearly full: ${what}`, {
    retryAfterMs: STORAGE_RETRY_AFTER_MS,
  });
