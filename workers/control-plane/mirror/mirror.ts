/**
 * The tenant's end of its bridges: who is connected, and what they are told of the tenant. One of them, that with the
 * lease, is sent the log; any may bring what Kafka has. Does nothing while none is connected.
 */
import { MIRROR_CONNECTIONS_MAX, RETRY_AFTER_MS, SIGNED_PATH_MS } from "../../../src/limits.ts";
import type { Family } from "../../../src/metrics/family.ts";
import type { Mirrored } from "../../../src/mirror/departure.ts";
import { PING, PONG } from "../../../src/mirror/frame.ts";
import type { Mark } from "../../../src/mirror/mark.ts";
import { type MirrorSettings, mirrorSettings, settingsFrame } from "../../../src/mirror/settings.ts";
import type { MirrorState } from "../../../src/mirror/state.ts";
import { Tally } from "../../../src/mirror/tally.ts";
import { type Rejection, reject } from "../../../src/rejection.ts";
import { ok, type Result } from "../../../src/result.ts";
import type { Topic } from "../../../src/topics/topics.ts";
import { executionWithSignedPaths, inputWithSignedPaths, signedPath } from "../../../src/wire/signed-path.ts";
import type { Engine } from "../engine.ts";
import { type Alike, Arrivals, sendMarks } from "./arrivals.ts";
import { Connection, GOING_AWAY } from "./connection.ts";
import { Cursor } from "./cursor.ts";
import { Departures } from "./departures.ts";
import { Frames } from "./frames.ts";
import { Leases } from "./leases.ts";

/** What the platform gives for sockets that outlive an object's sleep, and the storage. */
type State = Pick<
  DurableObjectState,
  "acceptWebSocket" | "getWebSockets" | "setWebSocketAutoResponse" | "getWebSocketAutoResponseTimestamp"
>;

export interface MirrorPorts {
  readonly secret: string;
  readonly deployment: string;
  now(): number;
}

/** The tag of a bridge's socket. */
const KAFKA = "kafka";

export class Mirror {
  readonly #engine: Engine;
  readonly #state: State;
  readonly #ports: MirrorPorts;
  readonly #connections = new Map<WebSocket, Connection>();
  readonly #leases: Leases;
  readonly #tally = new Tally();
  readonly #cursor: Cursor;
  readonly #departures: Departures;
  readonly #arrivals: Arrivals;
  readonly #frames: Frames;

  constructor(engine: Engine, state: State, ports: MirrorPorts) {
    this.#engine = engine;
    this.#state = state;
    this.#ports = ports;
    const settings = () => this.settings;
    this.#cursor = new Cursor(engine, { settings, now: ports.now });
    this.#leases = new Leases(engine.parts.sql, {
      connections: () => this.#connections.values(),
      pingedAt: (socket) => state.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0,
      now: ports.now,
      acknowledged: () => this.#cursor.least,
    });
    this.#departures = new Departures({
      log: engine.parts.log,
      settings,
      message: (record, gateway) => this.#messageOf(record, gateway),
      sent: (topic, bytes) => this.#tally.passed("out", topic, bytes),
      failed: (to, cause) => {
        engine.watch.say("error", "departures_failed", { detail: String(cause) });
        to.close(GOING_AWAY, "the log could not be read");
      },
    });
    this.#arrivals = new Arrivals(engine, {
      deployment: ports.deployment,
      arrived: (alike) => this.#arrived(alike),
    });
    this.#frames = new Frames(engine, {
      deployment: ports.deployment,
      leases: this.#leases,
      cursor: this.#cursor,
      departures: this.#departures,
      arrivals: this.#arrivals,
      settings,
      closed: ({ socket }) => this.closed(socket),
      now: ports.now,
    });
    // Of before this object slept.
    for (const socket of state.getWebSockets(KAFKA)) {
      // When it was heard is not known, but when it was last pinged.
      const connection = this.#connected(socket, 0);
      if (connection.sent !== undefined && connection.epoch === this.#leases.epoch)
        this.#departures.begin(connection);
    }
    this.#leases.woke();
  }

  get settings(): MirrorSettings {
    return mirrorSettings(this.#engine.identity?.mirror);
  }

  get state(): MirrorState {
    const { parts } = this.#engine;
    const lease = this.#leases.held;
    const { acknowledged, gap } = this.#cursor;
    return {
      deployment: this.#ports.deployment,
      connections: this.#connections.size,
      ...(lease && { lease }),
      acknowledged,
      lag: this.settings.out.length === 0 ? 0 : parts.log.tail - 1 - acknowledged,
      ...(gap && { gap }),
      partitions: parts.marks.all(),
    };
  }

  families(): Family[] {
    const lag = this.#leases.epoch === undefined ? undefined : this.state.lag;
    return this.#tally.families({ connections: this.#connections.size, lag });
  }

  /** The storage is nearly full: as the tenant has chosen, Kafka is not waited for any longer, once that is told. */
  full(): void {
    const { active, inbox, watch } = this.#engine;
    const drops = this.settings.atThreshold === "drop_mirror" && this.#leases.epoch !== undefined;
    const gap = active && drops ? this.#cursor.lacking : undefined;
    if (gap === undefined) return;
    inbox
      .ask((turn) => turn.append({ type: "mirror_gap", ...gap }))
      .then(() => {
        this.#cursor.letGo(gap.to);
        watch.say("error", "mirror_gap", { ...gap });
      })
      .catch((cause) => watch.say("error", "mirror_gap_unrecorded", { detail: String(cause) }));
  }

  /** There is more room than there was: what was refused for the lack of it may come, once things start again. */
  roomy(): void {
    if (this.#engine.room.mayStart().ok) this.#arrivals.invite();
  }

  /** The topic of a partition was made anew: it is taken from its beginning. */
  renew(topic: Topic, partition: number): Result<Mark, Rejection> {
    const { marks } = this.#engine.parts;
    const { generation, next, regressed } = marks.get(topic, partition);
    if (!regressed)
      return reject(
        "illegal_transition",
        `${topic}/${partition} is taken in up to ${next}, and was not seen to end below that: it is of generation ${generation}`,
      );
    const mark = { topic, partition, generation: generation + 1, next: 0, regressed: false };
    this.#engine.commit(() => marks.write([mark]));
    for (const each of this.#connections.values()) if (each.bridge) sendMarks(each, [mark]);
    return ok(mark);
  }

  /** The answer to a request for a connection. */
  open(): Response {
    if (this.#connections.size >= MIRROR_CONNECTIONS_MAX) return Response.json(TOO_MANY, { status: 429 });
    const { 0: client, 1: server } = new WebSocketPair();
    this.#state.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
    this.#state.acceptWebSocket(server, [KAFKA]);
    this.#connected(server, this.#ports.now());
    return new Response(null, { status: 101, webSocket: client });
  }

  /** Something was committed. */
  grew(): void {
    this.#departures.soon();
  }

  /** The tenant's settings are others now. */
  configured(): void {
    const settings = settingsFrame(this.#ports.deployment, this.settings);
    for (const each of this.#connections.values())
      if (each.bridge) each.send({ case: "settings", value: settings });
    this.#cursor.configured(this.#leases.epoch !== undefined);
  }

  message(socket: WebSocket, bytes: Uint8Array | string): void {
    const from = this.#connections.get(socket);
    if (from === undefined) return;
    from.heardAt = this.#ports.now();
    if (typeof bytes !== "string") this.#frames.take(from, bytes);
  }

  closed(socket: WebSocket): void {
    const gone = this.#connections.get(socket);
    if (gone === undefined) return;
    this.#connections.delete(socket);
    this.#leases.release(gone);
    this.#departures.end(gone);
  }

  /** The tenant goes, and whoever is connected with it. */
  reset(): void {
    for (const each of this.#connections.values()) {
      this.#departures.end(each);
      each.close(GOING_AWAY, "the tenant is being deleted");
    }
    this.#connections.clear();
    this.#leases.reset();
    this.#cursor.reset();
  }

  #connected(socket: WebSocket, heardAt: number): Connection {
    const connection = new Connection(socket, heardAt);
    this.#connections.set(socket, connection);
    return connection;
  }

  /** Whoever reads it there may have no key for what it refers to. */
  #messageOf(record: Mirrored, gateway: string): Uint8Array {
    const { parts, identity } = this.#engine;
    const { kind, at } = record;
    const tenant = identity?.tenant ?? "";
    const sign = (path: string) => gateway + signedPath(this.#ports.secret, path, at + SIGNED_PATH_MS);
    return record.type === "input"
      ? inputWithSignedPaths(kind, parts.log.compose(record), tenant, sign)
      : executionWithSignedPaths(kind, record.message, tenant, sign);
  }

  #arrived({ topic, fate, records, bytes }: Alike): void {
    if (fate.outcome === "refused") return;
    if (fate.outcome === "ignored") this.#tally.ignored(fate.reason, records);
    else this.#tally.passed("in", topic, bytes, records);
    if (fate.outcome === "replica") this.#tally.kept(records);
  }
}

const TOO_MANY: Rejection = {
  code: "overloaded",
  detail: `${MIRROR_CONNECTIONS_MAX} bridges are connected already; close some`,
  retryAfterMs: RETRY_AFTER_MS,
};
