/**
 * One tenant partition: keeps a connection to its object, has its topics made, and mirrors both ways over it. After
 * whatever trouble it begins anew with another connection, so that there is one way to recover, and it is often used.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { topicOfWire } from "../src/mirror/frame.ts";
import { kafkaTopic, topicsOf } from "../src/mirror/names.ts";
import type { Topic } from "../src/topics/topics.ts";
import type {
  Lease,
  Settings as TenantSettings,
  Welcome,
} from "../src/wire/gen/escapement/bridge/v1/frame_pb.ts";
import { type Frame, Link, LinkClosed } from "./edge/link.ts";
import { refusalName } from "./edge/refusal.ts";
import type { Gateway } from "./gateway.ts";
import { Arrivals, type Moved } from "./inbound/arrivals.ts";
import { type Log, logOf } from "./log.ts";
import type { Leadership } from "./outbound/leadership.ts";
import { Outbound, type OutboundPorts } from "./outbound/outbound.ts";
import type { Settings } from "./settings.ts";
import { settlesWithin } from "./settles-within.ts";

const BACKOFF_MS_MIN = 200;
const BACKOFF_MS_MAX = 5_000;
/** A lease of another is asked for again after it, or sooner when it runs out. */
const CLAIM_MS_MAX = 2_000;
const CLAIM_MS_MIN = 100;

/** A broker that is there has ended a transaction by then; else whoever has the lease next fences it. */
const TRANSACTION_MS_MAX = 5_000;

export interface MirrorPorts extends Omit<OutboundPorts, "holdsLease"> {
  readonly gateway: Gateway;
  readonly leadership: Leadership<TenantMirror>;
  readonly settings: Settings;
}

export class TenantMirror {
  readonly tenant: string;
  readonly #ports: MirrorPorts & OutboundPorts;
  readonly #log: Log;
  #link: Link | undefined;
  #arrivals: Arrivals | undefined;
  #takes: ReadonlySet<Topic> = new Set();
  #outbound: Outbound | undefined;
  #writing: Promise<void> = Promise.resolve();
  #failures = 0;
  /** The last attempt to write to Kafka failed. */
  #failed = false;
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

  get connected(): boolean {
    return this.#link !== undefined;
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
    const ended = await settlesWithin(TRANSACTION_MS_MAX, this.#writing);
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
    try {
      this.#arrivals = new Arrivals(link, welcome.credit, {
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
      link.close("begins anew");
      this.#outbound?.stop();
      await this.#writing;
      this.#outbound = undefined;
      this.#ports.leadership.forget(this);
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
    if (failure === undefined) return this.#claim(link);
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

  /** Asks again later where others should have it. */
  #claim(link: Link): void {
    if (link !== this.#link || this.#outbound !== undefined) return;
    if (this.#ports.leadership.enter(this))
      link.send({ case: "claim", value: { leaseMs: BigInt(this.#ports.settings.leaseMs) } });
    else {
      this.#failed = false;
      this.#claimAfter(link, CLAIM_MS_MAX);
    }
  }

  #receive(link: Link, welcome: Welcome, frame: Frame): void {
    switch (frame.case) {
      case "lease":
        if (frame.value.granted) this.#lead(link, welcome, frame.value);
        else if (this.#outbound !== undefined) this.#outbound.fail(`lease lost to ${frame.value.holder}`);
        else {
          this.#failed = false;
          this.#ports.leadership.leave(this);
          this.#claimAfter(link, Math.min(Math.max(Number(frame.value.lastsMs), CLAIM_MS_MIN), CLAIM_MS_MAX));
        }
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

  #claimAfter(link: Link, ms: number): void {
    setTimeout(() => this.#claim(link), ms).unref();
  }

  #tally(echoes: number, deadLetters: number): void {
    const { measures } = this.#ports;
    if (echoes > 0) measures.echoes.add({ tenant: this.tenant }, echoes);
    if (deadLetters > 0) measures.deadLetters.add({ direction: "to_edge", tenant: this.tenant }, deadLetters);
  }

  /** Another bridge should write what goes out, after the transaction that is open. */
  handOver(): void {
    const outbound = this.#outbound;
    const link = this.#link;
    if (outbound === undefined || link === undefined) return;
    outbound.stop();
    void this.#writing.then(() => {
      if (this.#outbound !== outbound || this.#link !== link) return;
      this.#failed = false;
      this.#log("info", "mirror_handed_over");
      this.#release(link);
      this.#claimAfter(link, CLAIM_MS_MAX);
    });
  }

  #release(link: Link): void {
    this.#outbound = undefined;
    this.#ports.leadership.leave(this);
    link.send({ case: "release", value: {} });
  }

  /** Where it fails, what arrives goes on; the lease is anybody's then, and asked for again later. */
  #lead(link: Link, welcome: Welcome, lease: Lease): void {
    if (this.#outbound !== undefined || this.#stopped) return;
    const outbound = new Outbound(this.#ports, link, welcome, lease);
    this.#outbound = outbound;
    const began = Date.now();
    this.#writing = outbound.run().catch((error: Error) => {
      this.#log("error", "mirror_failed", { after: outbound.written, error: error.message });
      this.#release(link);
      this.#beginAgain(link, began);
    });
  }
}
