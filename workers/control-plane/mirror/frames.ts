/**
 * Takes the frames of bridges, one by one, and answers them: who is there, who has the lease, and how far Kafka is.
 * Records themselves come in through arrivals and go out through departures.
 */
import { MIRROR_CREDIT_BYTES, MIRROR_CREDIT_RECORDS } from "../../../src/limits.ts";
import { decodeBridgeFrame, frameDecoder, PROTOCOL_VERSION } from "../../../src/mirror/frame.ts";
import { isArrivals, readArrivals } from "../../../src/mirror/read-arrivals.ts";
import { isFatal, type Refused, refused } from "../../../src/mirror/refusal.ts";
import { type MirrorSettings, settingsFrame } from "../../../src/mirror/settings.ts";
import {
  type BridgeFrame,
  type Claim,
  type Credit,
  type Hello,
  type Progress,
  RefusalCode,
  type Resume,
} from "../../../src/wire/gen/escapement/bridge/v1/frame_pb.ts";
import type { Engine } from "../engine.ts";
import { type Arrivals, markFrame } from "./arrivals.ts";
import { type Connection, POLICY_VIOLATION } from "./connection.ts";
import type { Cursor } from "./cursor.ts";
import type { Departures } from "./departures.ts";
import type { Leases } from "./leases.ts";
import { buryUndelivered } from "./undelivered.ts";

export interface FramesPorts {
  readonly deployment: string;
  readonly leases: Leases;
  readonly cursor: Cursor;
  readonly departures: Departures;
  readonly arrivals: Arrivals;
  settings(): MirrorSettings;
  /** This connection is at its end. */
  closed(connection: Connection): void;
  now(): number;
}

export class Frames {
  readonly #engine: Engine;
  readonly #ports: FramesPorts;

  constructor(engine: Engine, ports: FramesPorts) {
    this.#engine = engine;
    this.#ports = ports;
  }

  take(from: Connection, bytes: Uint8Array): void {
    const refusal = isArrivals(bytes) ? this.#arrivals(from, bytes) : this.#other(from, bytes);
    if (refusal) this.#refuse(from, refusal);
  }

  #arrivals(from: Connection, bytes: Uint8Array): Refused | undefined {
    if (from.bridge === undefined) return HELLO_FIRST;
    const arrivals = decodeArrivals(bytes);
    if (!arrivals.ok) return refused(RefusalCode.MALFORMED, arrivals.error);
    if (this.#ports.arrivals.take(from, arrivals.value)) return undefined;
    return refused(RefusalCode.MALFORMED, "arrivals have to wait for credit");
  }

  #other(from: Connection, bytes: Uint8Array): Refused | undefined {
    const frame = decodeBridgeFrame(bytes);
    return frame.ok ? this.#take(from, frame.value) : refused(RefusalCode.MALFORMED, frame.error);
  }

  #take(from: Connection, frame: BridgeFrame["frame"]): Refused | undefined {
    if ((frame.case === "hello") === (from.bridge !== undefined)) return HELLO_FIRST;
    switch (frame.case) {
      case "hello":
        return this.#hello(from, frame.value);
      case "claim":
        this.#claim(from, frame.value);
        return undefined;
      case "resume":
        return this.#resume(from, frame.value);
      case "credit":
        this.#credit(from, frame.value);
        return undefined;
      case "progress":
        return this.#progress(from, frame.value);
      case "release":
        this.#ports.departures.end(from);
        this.#ports.leases.release(from, frame.value.failed);
        from.keep({ epoch: undefined, sent: undefined });
        return undefined;
      case "logEnds":
        this.#ports.arrivals.compare(from, frame.value);
        return undefined;
      case "goodbye":
        this.#ports.closed(from);
        from.close(NORMAL, frame.value.reason);
        return undefined;
      default:
        return refused(RefusalCode.MALFORMED, "this object does not know such a frame");
    }
  }

  #hello(from: Connection, hello: Hello): Refused | undefined {
    const { protocolVersion, deployment, bridgeId, gatewayUrl } = hello;
    const { active, parts } = this.#engine;
    const own = this.#ports.deployment;
    if (active === undefined) return refused(RefusalCode.MALFORMED, "there is no such tenant");
    if (protocolVersion !== PROTOCOL_VERSION)
      return refused(RefusalCode.PROTOCOL_VERSION, `this object speaks version ${PROTOCOL_VERSION}`);
    if (deployment !== own)
      return refused(RefusalCode.WRONG_DEPLOYMENT, `this is deployment ${own}, not ${deployment}`);
    if (bridgeId === "") return refused(RefusalCode.MALFORMED, "a hello needs a bridge_id");
    if (gatewayUrl !== "" && !GATEWAY_URL.test(gatewayUrl))
      return refused(RefusalCode.MALFORMED, "gateway_url is http or https, of 300 characters at most");
    from.keep({ bridge: bridgeId, gateway: gatewayUrl });
    from.send({
      case: "welcome",
      value: {
        protocolVersion: PROTOCOL_VERSION,
        tenant: active.tenant,
        partition: active.partition,
        generation: BigInt(active.generation),
        settings: settingsFrame(own, this.#ports.settings()),
        acknowledged: BigInt(this.#ports.cursor.least),
        marks: parts.marks.all().map(markFrame),
        credit: { records: BigInt(MIRROR_CREDIT_RECORDS), bytes: BigInt(MIRROR_CREDIT_BYTES) },
        tail: BigInt(parts.log.tail),
      },
    });
    return undefined;
  }

  #claim(from: Connection, { leaseMs, vacantMs }: Claim): void {
    if (!this.#ports.leases.claim(from, Number(leaseMs), Number(vacantMs))) return;
    if (this.#ports.departures.to) this.#ports.departures.end(this.#ports.departures.to);
    this.#ports.cursor.begin();
    this.#engine.watch.say("info", "mirror_leased", { bridge: from.bridge, epoch: from.epoch });
  }

  #resume(from: Connection, { after }: Resume): Refused | undefined {
    const { parts } = this.#engine;
    const at = Number(after);
    const had = this.#ports.cursor.least;
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
    this.#ports.departures.begin(from);
    return undefined;
  }

  #credit(from: Connection, { records, bytes }: Credit): void {
    const had = from.credit;
    from.keep({ records: had.records + Number(records), bytes: had.bytes + Number(bytes) });
    if (from === this.#ports.departures.to) this.#ports.departures.soon();
  }

  /** The cursor; and what the broker does not take, however often it is said. */
  #progress(from: Connection, { through, undelivered }: Progress): Refused | undefined {
    const upTo = Number(through);
    if (from.epoch === undefined || from.sent === undefined)
      return refused(RefusalCode.NOT_LEASED, "claim the lease, and resume");
    if (upTo > from.sent) return refused(RefusalCode.MALFORMED, `nothing above ${from.sent} was sent yet`);
    const { parts, watch } = this.#engine;
    const at = this.#ports.now();
    this.#engine.commit(() => {
      this.#ports.cursor.passed(upTo);
      const buried = undelivered.filter((each) => buryUndelivered(parts, each, at));
      return () => {
        for (const _ of buried) watch.metrics.buried("undeliverable");
      };
    });
    const last = undelivered.at(-1);
    if (last) from.send({ case: "buried", value: { through: last.offset } });
    return undefined;
  }

  #refuse(from: Connection, refusal: Refused): void {
    const { code, detail } = refusal;
    this.#engine.watch.say("warn", "bridge_refused", { bridge: from.bridge, code, detail });
    from.send({ case: "refusal", value: { code, detail } });
    if (!isFatal(refusal)) return;
    this.#ports.closed(from);
    from.close(POLICY_VIOLATION, detail);
  }
}

const decodeArrivals = frameDecoder(readArrivals);
const HELLO_FIRST = refused(RefusalCode.MALFORMED, "say hello first, and once");
const NORMAL = 1000;
/** It stands in every reference of an input, and is kept beside a socket, where a few hundred bytes are. */
const GATEWAY_URL = /^https?:\/\/[^\s?#]{1,290}$/;
