/**
 * The tenant's end of its bridges: takes their frames, and answers them. One of them, that with the lease, is sent
 * the log; any may bring what Kafka has. Does nothing while none is connected.
 */
import {
  MIRROR_CONNECTIONS_MAX,
  MIRROR_CREDIT_BYTES,
  MIRROR_CREDIT_RECORDS,
  RETRY_AFTER_MS,
  SIGNED_PATH_MS,
} from "../../../src/limits.ts";
import type { Family } from "../../../src/metrics/family.ts";
import type { Fate } from "../../../src/mirror/admit.ts";
import { decodeBridgeFrame, PING, PONG, PROTOCOL_VERSION } from "../../../src/mirror/frame.ts";
import type { Mark } from "../../../src/mirror/mark.ts";
import { type MirrorSettings, mirrorSettings, settingsFrame } from "../../../src/mirror/settings.ts";
import type { MirrorState } from "../../../src/mirror/state.ts";
import { Tally } from "../../../src/mirror/tally.ts";
import type { Rejection } from "../../../src/rejection.ts";
import type { InputRecord } from "../../../src/topics/record.ts";
import type { Topic } from "../../../src/topics/topics.ts";
import {
  type BridgeFrame,
  type Credit,
  type Hello,
  type Progress,
  RefusalCode,
  type Resume,
} from "../../../src/wire/gen/escapement/bridge/v1/frame_pb.ts";
import { signedPath, withSignedPaths } from "../../../src/wire/signed-path.ts";
import type { Engine } from "../engine.ts";
import { Arrivals, markFrame, sendMarks } from "./arrivals.ts";
import { Connection, GOING_AWAY, POLICY_VIOLATION } from "./connection.ts";
import { Departures } from "./departures.ts";
import { GapMark } from "./gap.ts";
import { Leases } from "./leases.ts";
import { isFatal, type Refused, refused } from "./refusal.ts";
import { buryUndelivered } from "./undelivered.ts";

/** What the platform gives for sockets that outlive an object's sleep, and the storage. */
type State = Pick<
  DurableObjectState,
  | "storage"
  | "acceptWebSocket"
  | "getWebSockets"
  | "setWebSocketAutoResponse"
  | "getWebSocketAutoResponseTimestamp"
>;

export interface MirrorPorts {
  readonly secret: string;
  readonly deployment: string;
  now(): number;
}

/** The tag of a bridge's socket, and the name of its cursor. */
const KAFKA = "kafka";

export class Mirror {
  readonly #engine: Engine;
  readonly #state: State;
  readonly #ports: MirrorPorts;
  readonly #connections = new Map<WebSocket, Connection>();
  readonly #leases: Leases;
  readonly #tally = new Tally();
  readonly #gap: GapMark;
  readonly #departures: Departures;
  readonly #arrivals: Arrivals;

  constructor(engine: Engine, state: State, ports: MirrorPorts) {
    this.#engine = engine;
    this.#state = state;
    this.#ports = ports;
    this.#leases = new Leases(engine.parts.sql, {
      connections: () => this.#connections.values(),
      pingedAt: (socket) => state.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0,
      now: ports.now,
      acknowledged: () => this.#acknowledged,
    });
    this.#departures = new Departures({
      log: engine.parts.log,
      settings: () => this.settings,
      input: (record) => this.#inputOf(record),
      sent: (topic, bytes) => this.#tally.passed("out", topic, bytes),
      failed: (to, cause) => {
        engine.watch.say("error", "departures_failed", { detail: String(cause) });
        to.close(GOING_AWAY, "the log could not be read");
      },
    });
    this.#gap = new GapMark(engine.parts.sql);
    this.#arrivals = new Arrivals(engine, {
      deployment: ports.deployment,
      arrived: (topic, bytes, fate) => this.#arrived(topic, bytes, fate),
    });
    // Of before this object slept.
    for (const socket of state.getWebSockets(KAFKA)) {
      const connection = this.#connected(socket);
      if (connection.sent !== undefined && connection.epoch === this.#leases.epoch)
        this.#departures.begin(connection);
    }
  }

  get settings(): MirrorSettings {
    return mirrorSettings(this.#engine.identity?.mirror);
  }

  get state(): MirrorState {
    const { parts, room } = this.#engine;
    const lease = this.#leases.held;
    const acknowledged = room.mirrors.get(KAFKA);
    return {
      deployment: this.#ports.deployment,
      connections: this.#connections.size,
      ...(lease && { lease }),
      acknowledged,
      lag: parts.log.tail - 1 - acknowledged,
      partitions: parts.marks.all(),
    };
  }

  families(): Family[] {
    const lag = this.#leases.epoch === undefined ? undefined : this.state.lag;
    return this.#tally.families({ connections: this.#connections.size, lag });
  }

  /** The storage is nearly full: as the tenant has chosen, Kafka is not waited for any longer. */
  full(): void {
    const { active, inbox, parts, room, watch } = this.#engine;
    const had = room.mirrors.get(KAFKA);
    const to = parts.log.tail - 1;
    const drops = this.settings.atThreshold === "drop_mirror" && this.#leases.epoch !== undefined;
    if (active === undefined || !drops || had >= to) return;
    this.#engine.commit(() => {
      this.#gap.open(had, to);
      room.mirrors.set(KAFKA, to, this.#ports.now());
      return () => {};
    });
    watch.say("error", "mirror_gap", { from: had + 1, to });
    inbox
      .ask((turn) => turn.append({ type: "mirror_gap", from: had + 1, to }))
      .catch((cause) => watch.say("error", "mirror_gap_unrecorded", { detail: String(cause) }));
  }

  /** The topic of a partition was made anew: it is taken from its beginning. */
  renew(topic: Topic, partition: number): Mark {
    const { marks } = this.#engine.parts;
    const { generation } = marks.get(topic, partition);
    const mark = { topic, partition, generation: generation + 1, next: 0, regressed: false };
    this.#engine.commit(() => marks.write([mark]));
    for (const each of this.#connections.values()) if (each.bridge) sendMarks(each, [mark]);
    return mark;
  }

  /** The answer to a request for a connection. */
  open(): Response {
    if (this.#connections.size >= MIRROR_CONNECTIONS_MAX) return Response.json(TOO_MANY, { status: 429 });
    const { 0: client, 1: server } = new WebSocketPair();
    this.#state.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
    this.#state.acceptWebSocket(server, [KAFKA]);
    this.#connected(server);
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
    this.#pin();
  }

  message(socket: WebSocket, bytes: Uint8Array | string): void {
    const from = this.#connections.get(socket);
    if (from === undefined) return;
    from.heardAt = this.#ports.now();
    if (typeof bytes === "string") return;
    const frame = decodeBridgeFrame(bytes);
    const refusal = frame.ok ? this.#take(from, frame.value) : refused(RefusalCode.MALFORMED, frame.error);
    if (refusal) this.#refuse(from, refusal);
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
    this.#gap.reset();
  }

  #connected(socket: WebSocket): Connection {
    const connection = new Connection(socket, this.#ports.now());
    this.#connections.set(socket, connection);
    return connection;
  }

  #take(from: Connection, frame: BridgeFrame["frame"]): Refused | undefined {
    if ((frame.case === "hello") === (from.bridge !== undefined))
      return refused(RefusalCode.MALFORMED, "say hello first, and once");
    switch (frame.case) {
      case "hello":
        return this.#hello(from, frame.value);
      case "claim":
        this.#claim(from, Number(frame.value.leaseMs));
        return undefined;
      case "resume":
        return this.#resume(from, frame.value);
      case "credit":
        this.#credit(from, frame.value);
        return undefined;
      case "progress":
        return this.#progress(from, frame.value);
      case "release":
        this.#departures.end(from);
        this.#leases.release(from);
        from.keep({ epoch: undefined, sent: undefined });
        return undefined;
      case "arrivals":
        this.#arrivals.take(from, frame.value);
        return undefined;
      case "logEnds":
        this.#arrivals.compare(from, frame.value);
        return undefined;
      case "goodbye":
        this.closed(from.socket);
        from.close(NORMAL, frame.value.reason);
        return undefined;
      default:
        return refused(RefusalCode.MALFORMED, "this object does not know such a frame");
    }
  }

  #hello(from: Connection, { protocolVersion, deployment, bridgeId }: Hello): Refused | undefined {
    const { active, parts } = this.#engine;
    const own = this.#ports.deployment;
    if (active === undefined) return refused(RefusalCode.MALFORMED, "there is no such tenant");
    if (protocolVersion !== PROTOCOL_VERSION)
      return refused(RefusalCode.PROTOCOL_VERSION, `this object speaks version ${PROTOCOL_VERSION}`);
    if (deployment !== own)
      return refused(RefusalCode.WRONG_DEPLOYMENT, `this is deployment ${own}, not ${deployment}`);
    if (bridgeId === "") return refused(RefusalCode.MALFORMED, "a hello needs a bridge_id");
    from.keep({ bridge: bridgeId });
    from.send({
      case: "welcome",
      value: {
        protocolVersion: PROTOCOL_VERSION,
        tenant: active.tenant,
        partition: active.partition,
        generation: BigInt(active.generation),
        settings: settingsFrame(own, this.settings),
        acknowledged: BigInt(this.#acknowledged),
        marks: parts.marks.all().map(markFrame),
        credit: { records: BigInt(MIRROR_CREDIT_RECORDS), bytes: BigInt(MIRROR_CREDIT_BYTES) },
        tail: BigInt(parts.log.tail),
      },
    });
    return undefined;
  }

  #claim(from: Connection, leaseMs: number): void {
    if (!this.#leases.claim(from, leaseMs)) return;
    if (this.#departures.to) this.#departures.end(this.#departures.to);
    // From now on nothing is trimmed that Kafka does not have.
    if (this.settings.out.length > 0) this.#engine.room.mirrors.set(KAFKA, 0, this.#ports.now());
    this.#engine.watch.say("info", "mirror_leased", { bridge: from.bridge, epoch: from.epoch });
  }

  /** What Kafka has to have at least. */
  get #acknowledged(): number {
    return this.#gap.least(this.#engine.room.mirrors.get(KAFKA));
  }

  /** What goes nowhere keeps nothing from being trimmed. Once it goes somewhere, what comes from then on is kept. */
  #pin(): void {
    const { parts, room } = this.#engine;
    if (this.settings.out.length === 0) room.mirrors.delete(KAFKA);
    else if (this.#leases.epoch !== undefined && !room.mirrors.has(KAFKA))
      this.#state.storage.transactionSync(() => {
        const to = parts.log.tail - 1;
        room.mirrors.set(KAFKA, to, this.#ports.now());
        this.#gap.open(0, to);
      });
  }

  #resume(from: Connection, { after }: Resume): Refused | undefined {
    const { parts } = this.#engine;
    const at = Number(after);
    const had = this.#acknowledged;
    if (from.epoch === undefined) return refused(RefusalCode.NOT_LEASED, "claim the lease first");
    if (at < had)
      return refused(
        RefusalCode.PROGRESS_LOST,
        `Kafka is at ${at}, and was at ${had}: look for its progress in the origins at the ends of the topics`,
      );
    if (at >= parts.log.tail)
      return refused(
        RefusalCode.PROGRESS_AHEAD,
        `Kafka is at ${at}, and the log ends at ${parts.log.tail - 1}: it is older than what Kafka was sent`,
      );
    from.keep({ sent: at });
    this.#departures.begin(from);
    return undefined;
  }

  #credit(from: Connection, { records, bytes }: Credit): void {
    const had = from.credit;
    from.keep({ records: had.records + Number(records), bytes: had.bytes + Number(bytes) });
    if (from === this.#departures.to) this.#departures.soon();
  }

  /** The cursor; and what the broker does not take, however often it is said. */
  #progress(from: Connection, { through, undelivered }: Progress): Refused | undefined {
    const upTo = Number(through);
    if (from.epoch === undefined || from.sent === undefined)
      return refused(RefusalCode.NOT_LEASED, "claim the lease, and resume");
    if (upTo > from.sent) return refused(RefusalCode.MALFORMED, `nothing above ${from.sent} was sent yet`);
    const { parts, room, watch } = this.#engine;
    const at = this.#ports.now();
    let buried = 0;
    this.#state.storage.transactionSync(() => {
      if (this.settings.out.length > 0) room.mirrors.set(KAFKA, upTo, at);
      this.#gap.passed(upTo);
      for (const each of undelivered) if (buryUndelivered(parts, each, at)) buried++;
    });
    for (let i = 0; i < buried; i++) watch.metrics.buried("undeliverable");
    const last = undelivered.at(-1);
    if (last) from.send({ case: "buried", value: { through: last.offset } });
    return undefined;
  }

  /** Whoever reads it there may have no key for what it refers to. */
  #inputOf(record: InputRecord): Uint8Array {
    const { parts, identity } = this.#engine;
    const input = parts.log.compose(record);
    const expires = record.at + SIGNED_PATH_MS;
    return withSignedPaths(record.kind, input, identity?.tenant ?? "", (path) =>
      signedPath(this.#ports.secret, path, expires),
    );
  }

  #arrived(topic: Topic, bytes: number, fate: Fate): void {
    if (fate.outcome === "refused") return;
    if (fate.outcome === "ignored") this.#tally.ignored(fate.reason);
    else this.#tally.passed("in", topic, bytes);
    if (fate.outcome === "replica") this.#tally.kept();
  }

  #refuse(from: Connection, refusal: Refused): void {
    const { code, detail } = refusal;
    this.#engine.watch.say("warn", "bridge_refused", { bridge: from.bridge, code, detail });
    from.send({ case: "refusal", value: { code, detail } });
    if (!isFatal(refusal)) return;
    this.closed(from.socket);
    from.close(POLICY_VIOLATION, detail);
  }
}

const NORMAL = 1000;

const TOO_MANY: Rejection = {
  code: "overloaded",
  detail: `${MIRROR_CONNECTIONS_MAX} bridges are connected already; close some`,
  retryAfterMs: RETRY_AFTER_MS,
};
