/**
 * One tenant partition: keeps a connection to its object, has its topics made, and mirrors both ways over it. After
 * whatever trouble it begins anew with another connection, so that there is one way to recover, and it is often used.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { topicOfWire } from "../src/mirror/frame.ts";
import { kafkaTopic, topicsOf } from "../src/mirror/names.ts";
import { refusalName } from "../src/mirror/refusal.ts";
import type { Topic } from "../src/topics/topics.ts";
import type {
  Lease,
  Settings as TenantSettings,
  Welcome,
} from "../src/wire/gen/escapement/bridge/v1/frame_pb.ts";
import { type Frame, Link, LinkClosed } from "./edge/link.ts";
import type { Gateway } from "./gateway.ts";
import { Arrivals, type Moved } from "./inbound/arrivals.ts";
import { type Log, logOf } from "./log.ts";
import { Outbound, type OutboundPorts } from "./outbound/outbound.ts";
import type { Settings } from "./settings.ts";
import { settlesWithin } from "./settles-within.ts";

const BACKOFF_MS_MIN = 200;
const BACKOFF_MS_MAX = 5_000;
/** A lease of another is asked for again when it runs out, but no sooner. */
const CLAIM_MS_MIN = 100;
/** What another bridge is to write for is left to it for so long, once nobody does: a group needs less to settle. */
const VACANT_MS = 10_000;

/** A broker that is there has ended a transaction by then; else whoever has the lease next fences it. */
const LAST_TRANSACTION_MS_MAX = 5_000;

export interface MirrorPorts extends Omit<OutboundPorts, "holdsLease"> {
  readonly gateway: Gateway;
  readonly settings: Settings;
}

export class TenantMirror {
  readonly tenant: string;
  readonly #ports: MirrorPorts & OutboundPorts;
  readonly #log: Log;
  #link: Link | undefined;
  #wasConnected = false;
  #arrivals: Arrivals | undefined;
  #takes: ReadonlySet<Topic> = new Set();
  #outbound: Outbound | undefined;
  #writing: Promise<void> = Promise.resolve();
  #failures = 0;
  /** The last attempt to write to Kafka failed. */
  #failed = false;
  /** Whether the group wants it to write; undefined until the group has said so. */
  #isAssigned: boolean | undefined;
  /** There is where to write to, and what failed before has been waited for. */
  #isReady = false;
  /** How long it would leave the lease to another, of the claim that is not answered. */
  #claimed: number | undefined;
  #claiming: NodeJS.Timeout | undefined;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;

  constructor(tenant: string, ports: MirrorPorts) {
    this.tenant = tenant;
    this.#log = logOf(ports.log, { tenant });
    const holdsLease = async () => (await ports.gateway.leaseHolder(tenant)) === ports.settings.bridgeId;
    this.#ports = { ...ports, log: this.#log, holdsLease };
    this.#running = this.#run();
  }

  /** Undefined while it is not connected. */
  get arrivals(): Arrivals | undefined {
    return this.#arrivals;
  }

  /** Whether it writes what goes to Kafka. */
  get leads(): boolean {
    return this.#outbound !== undefined;
  }

  /** What it should write to Kafka waits, and nobody else has taken it over. */
  get failing(): boolean {
    return this.#failed && this.#outbound?.written === undefined;
  }

  /** Whether what Kafka lacks of its log is this bridge's to write. */
  get owes(): boolean {
    return this.leads || this.failing;
  }

  get connected(): boolean {
    return this.#link !== undefined;
  }

  /** At any time: a connection that is only being opened anew is no reason to give its work to another. */
  get wasConnected(): boolean {
    return this.#wasConnected;
  }

  takes(topic: Topic): boolean {
    return this.#takes.has(topic);
  }

  forgetMarks(): void {
    this.#arrivals?.forget();
  }

  /** After the transaction that is open, where it ends soon. */
  async stop(reason: string): Promise<void> {
    this.#stopping.abort();
    this.#outbound?.stop();
    const ended = await settlesWithin(LAST_TRANSACTION_MS_MAX, this.#writing);
    if (!ended) this.#log("warn", "transaction_left_open");
    this.#link?.close(reason);
    if (ended) await this.#running;
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #run(): Promise<void> {
    for (let backoff = BACKOFF_MS_MIN; !this.#stopped; ) {
      const began = Date.now();
      const reason = await this.#session().catch((error: Error) => error);
      if (this.#stopped) return;
      const refused = reason instanceof LinkClosed ? reason.ending.refused : undefined;
      this.#ports.measures.reconnects.add({ tenant: this.tenant, reason: refused ?? "closed" });
      this.#log(refused === undefined ? "warn" : "error", "disconnected", {
        reason: reason.message,
        refused,
      });
      if (Date.now() - began > BACKOFF_MS_MAX) backoff = BACKOFF_MS_MIN;
      await sleep(backoff, undefined, { signal: this.#stopping.signal }).catch(() => {});
      backoff = Math.min(backoff * 2, BACKOFF_MS_MAX);
    }
  }

  /** Ends with what ended it. */
  async #session(): Promise<Error> {
    const { gateway, deployment, bridgeId, leaseMs } = this.#ports.settings;
    const to = { ...gateway, tenant: this.tenant, deployment, bridgeId, silenceMs: leaseMs };
    const { link, welcome } = await Link.open(to, this.#stopping.signal);
    this.#link = link;
    this.#wasConnected = true;
    try {
      this.#arrivals = new Arrivals(link, welcome, {
        log: this.#log,
        end: (topic, partition) => this.#endOf(topic, partition),
        moved: (topic, moved) => this.#moved(topic, moved),
      });
      this.#follow(welcome.settings);
      link.listen((frame) => this.#receive(link, welcome, frame));
      this.#log("info", "connected", { generation: Number(welcome.generation) });
      await this.#begin(link);
      return new LinkClosed(await link.closed);
    } finally {
      this.#link = undefined;
      this.#arrivals = undefined;
      this.#isReady = false;
      this.#claimed = undefined;
      link.close("begins anew");
      this.#outbound?.stop();
      await this.#writing;
      this.#outbound = undefined;
    }
  }

  async #provision(): Promise<void> {
    const { topics, settings } = this.#ports;
    if (!settings.provision) return;
    const made = await topics.provision(topicsOf(this.tenant), settings.topics);
    if (made.length > 0) this.#log("info", "topics_made", { topics: made });
  }

  async #endOf(topic: Topic, partition: number): Promise<number> {
    const bounds = await this.#ports.topics.bounds(kafkaTopic(topic, this.tenant));
    const found = bounds?.get(partition);
    if (found === undefined) throw new Error(`Kafka does not say where ${topic}/${partition} ends`);
    return found.end;
  }

  #moved(topic: Topic, { bytes, timestamps }: Moved): void {
    const { measures } = this.#ports;
    const now = Date.now();
    for (const timestamp of timestamps) measures.delayed("to_edge", now - timestamp);
    measures.moved("to_edge", this.tenant, topic, timestamps.length, bytes);
  }

  #follow(settings: TenantSettings | undefined): void {
    this.#takes = new Set(settings?.in.map(topicOfWire).filter((topic) => topic !== undefined));
  }

  /** Asks for the lease once there is where to write to. */
  async #begin(link: Link): Promise<void> {
    if (link !== this.#link) return;
    const began = Date.now();
    const made = this.#provision().catch((error: Error) => error);
    const [failure] = await Promise.race([made.then((error) => [error]), link.closed.then(() => [])]);
    if (failure === undefined) {
      this.#isReady = true;
      this.#claim(link);
      return;
    }
    this.#log("warn", "topics_not_made", { error: String(failure) });
    this.#beginAgain(link, began);
  }

  /** Later each time, unless it went well for a while. */
  #beginAgain(link: Link, began: number): void {
    this.#failed = true;
    this.#failures = Date.now() - began > BACKOFF_MS_MAX ? 0 : this.#failures + 1;
    const wait = Math.min(BACKOFF_MS_MIN * 2 ** this.#failures, BACKOFF_MS_MAX);
    setTimeout(() => void this.#begin(link), wait).unref();
  }

  get #vacantMs(): number {
    return this.#isAssigned === false ? VACANT_MS : 0;
  }

  /** The answer says when to ask again. */
  #claim(link: Link): void {
    clearTimeout(this.#claiming);
    const isClaiming = this.#outbound !== undefined || this.#claimed !== undefined;
    if (link !== this.#link || !this.#isReady || isClaiming || this.#stopped) return;
    this.#claimed = this.#vacantMs;
    const leaseMs = BigInt(this.#ports.settings.leaseMs);
    link.send({ case: "claim", value: { leaseMs, vacantMs: BigInt(this.#claimed) } });
  }

  /** Asks again when nobody has it, if it is nobody's then. */
  #refused(link: Link, { holder, lastsMs }: Lease): void {
    if (holder !== "") this.#failed = false;
    const isChanged = this.#claimed !== this.#vacantMs;
    this.#claimed = undefined;
    clearTimeout(this.#claiming);
    const wait = isChanged ? 0 : Math.max(Number(lastsMs), CLAIM_MS_MIN);
    this.#claiming = setTimeout(() => this.#claim(link), wait).unref();
  }

  #receive(link: Link, welcome: Welcome, frame: Frame): void {
    if (link !== this.#link) return;
    switch (frame.case) {
      case "lease":
        if (frame.value.granted) this.#lead(link, welcome, frame.value);
        else if (this.#outbound !== undefined) this.#outbound.fail(`lease lost to ${frame.value.holder}`);
        else this.#refused(link, frame.value);
        return;
      case "vacancy":
        this.#claim(link);
        return;
      case "buried":
        this.#outbound?.buried();
        return;
      case "need":
        this.#outbound?.need(Number(frame.value.bytes));
        return;
      case "departures":
        this.#outbound?.take(frame.value);
        return;
      case "settings":
        this.#follow(frame.value);
        return;
      case "credit":
        this.#arrivals?.credit(frame.value);
        return;
      case "received":
        this.#arrivals?.received(frame.value.marks);
        this.#tally(Number(frame.value.echoes), Number(frame.value.deadLetters));
        return;
      case "refusal": {
        const { code, detail, topic } = frame.value;
        this.#ports.measures.refusals.add({ tenant: this.tenant, code: refusalName(code) });
        if (topic === 0) this.#outbound?.fail(`${refusalName(code)}: ${detail}`);
        else this.#arrivals?.refused(frame.value);
        return;
      }
    }
  }

  #tally(echoes: number, deadLetters: number): void {
    const { measures } = this.#ports;
    if (echoes > 0) measures.echoes.add({ tenant: this.tenant }, echoes);
    if (deadLetters > 0) measures.deadLetters.add({ direction: "to_edge", tenant: this.tenant }, deadLetters);
  }

  /** Whether it is this bridge that should write what goes out. */
  assign(isAssigned: boolean): void {
    this.#isAssigned = isAssigned;
    const link = this.#link;
    if (link === undefined) return;
    if (this.#outbound === undefined) this.#claim(link);
    else if (!isAssigned) this.#handOver(link, this.#outbound);
  }

  /** After the transaction that is open. */
  #handOver(link: Link, outbound: Outbound): void {
    outbound.stop();
    void this.#writing.then(() => {
      if (this.#outbound !== outbound || this.#link !== link) return;
      this.#failed = false;
      this.#log("info", "mirror_handed_over");
      this.#release(link, false);
      this.#claim(link);
    });
  }

  #release(link: Link, failed: boolean): void {
    this.#outbound = undefined;
    link.send({ case: "release", value: { failed } });
  }

  /** Where it fails, what arrives goes on; the lease is anybody's then, and asked for again later. */
  #lead(link: Link, welcome: Welcome, lease: Lease): void {
    if (this.#outbound !== undefined || this.#stopped) return;
    const isAnothers = this.#isAssigned === false && this.#claimed === 0;
    this.#claimed = undefined;
    if (isAnothers) {
      this.#release(link, false);
      this.#claim(link);
      return;
    }
    const outbound = new Outbound(this.#ports, link, welcome, lease);
    this.#outbound = outbound;
    const began = Date.now();
    this.#writing = outbound.run().catch((error: Error) => {
      this.#log("error", "mirror_failed", { after: outbound.written, error: error.message });
      this.#isReady = false;
      this.#release(link, true);
      this.#beginAgain(link, began);
    });
  }
}
