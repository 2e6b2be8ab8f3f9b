/**
 * One tenant partition: keeps a connection to its object, has its topics made, and mirrors both ways over it. After
 * whatever trouble it begins anew with another connection, so that there is one way to recover, and it is often used.
 */
import { topicOfWire } from "../src/mirror/frame.ts";
import { deadLettersTopic, kafkaTopic } from "../src/mirror/names.ts";
import { TOPIC_NAMES, type Topic } from "../src/topics/topics.ts";
import type { Settings as TenantSettings, Welcome } from "../src/wire/gen/escapement/bridge/v1/frame_pb.ts";
import { type Frame, Link, LinkClosed } from "./edge/link.ts";
import { refusalName } from "./edge/refusal.ts";
import { Arrivals } from "./inbound/arrivals.ts";
import type { Chunk } from "./inbound/chunk.ts";
import { type Log, logOf } from "./log.ts";
import { Outbound, type OutboundPorts } from "./outbound/outbound.ts";
import type { Settings } from "./settings.ts";

const BACKOFF_MS_MIN = 200;
const BACKOFF_MS_MAX = 5_000;
/** A lease of another is asked for again after it, or sooner when it runs out. */
const CLAIM_MS_MAX = 2_000;
const CLAIM_MS_MIN = 100;

export interface MirrorPorts extends OutboundPorts {
  readonly settings: Settings;
}

export class TenantMirror {
  readonly tenant: string;
  readonly #ports: MirrorPorts;
  readonly #log: Log;
  #link: Link | undefined;
  #arrivals: Arrivals | undefined;
  #takes: ReadonlySet<Topic> = new Set();
  #outbound: Outbound | undefined;
  #writing: Promise<void> = Promise.resolve();
  #stopped = Promise.withResolvers<void>();
  #stopping = false;
  readonly #running: Promise<void>;

  constructor(tenant: string, ports: MirrorPorts) {
    this.tenant = tenant;
    this.#log = logOf(ports.log, { tenant });
    this.#ports = { ...ports, log: this.#log };
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

  get connected(): boolean {
    return this.#link !== undefined;
  }

  takes(topic: Topic): boolean {
    return this.#takes.has(topic);
  }

  forgetMarks(): void {
    this.#arrivals?.forget();
  }

  /** After the transaction that is open. */
  async stop(reason: string): Promise<void> {
    this.#stopping = true;
    this.#outbound?.stop();
    await this.#writing;
    this.#link?.close(reason);
    this.#stopped.resolve();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let backoff = BACKOFF_MS_MIN; !this.#stopping; ) {
      const began = Date.now();
      const reason = await this.#session().catch((error: Error) => error);
      if (this.#stopping) return;
      const refused = reason instanceof LinkClosed ? reason.ending.refused : undefined;
      this.#ports.measures.reconnects.add({ tenant: this.tenant, reason: refused ?? "closed" });
      this.#log(refused === undefined ? "warn" : "error", "disconnected", {
        reason: reason.message,
        refused,
      });
      if (Date.now() - began > BACKOFF_MS_MAX) backoff = BACKOFF_MS_MIN;
      await Promise.race([new Promise((resolve) => setTimeout(resolve, backoff)), this.#stopped.promise]);
      backoff = Math.min(backoff * 2, BACKOFF_MS_MAX);
    }
  }

  /** Ends with what ended it. */
  async #session(): Promise<Error> {
    const { gateway, deployment, bridgeId, leaseMs } = this.#ports.settings;
    const { link, welcome } = await Link.open({
      ...gateway,
      tenant: this.tenant,
      deployment,
      bridgeId,
      silenceMs: leaseMs,
    });
    this.#link = link;
    try {
      this.#arrivals = new Arrivals(link, welcome.credit, {
        log: this.#log,
        end: (topic, partition) => this.#endOf(topic, partition),
        moved: (topic, records) => this.#moved(topic, records),
      });
      this.#follow(welcome.settings);
      link.listen((frame) => this.#receive(link, welcome, frame));
      await this.#provision();
      this.#log("info", "connected", { generation: Number(welcome.generation) });
      this.#claim(link);
      return new LinkClosed(await link.closed);
    } finally {
      this.#link = undefined;
      this.#arrivals = undefined;
      link.close("begins anew");
      this.#outbound?.stop();
      await this.#writing;
      this.#outbound = undefined;
    }
  }

  async #provision(): Promise<void> {
    const { topics, settings } = this.#ports;
    if (!settings.provision) return;
    const names = [
      ...TOPIC_NAMES.map((topic) => kafkaTopic(topic, this.tenant)),
      deadLettersTopic(this.tenant),
    ];
    const made = await topics.provision(names, settings.topics);
    if (made.length > 0) this.#log("info", "topics_made", { topics: made });
  }

  async #endOf(topic: Topic, partition: number): Promise<number> {
    const bounds = await this.#ports.topics.bounds(kafkaTopic(topic, this.tenant));
    return bounds?.get(partition)?.end ?? 0;
  }

  #moved(topic: Topic, records: Chunk["records"]): void {
    const { measures } = this.#ports;
    const now = Date.now();
    for (const { value, timestamp } of records) {
      measures.moved("to_edge", this.tenant, topic, value.byteLength);
      measures.delayed("to_edge", now - Number(timestamp));
    }
  }

  #follow(settings: TenantSettings | undefined): void {
    this.#takes = new Set(settings?.in.map(topicOfWire).filter((topic) => topic !== undefined));
  }

  #claim(link: Link): void {
    link.send({ case: "claim", value: { leaseMs: BigInt(this.#ports.settings.leaseMs) } });
  }

  #receive(link: Link, welcome: Welcome, frame: Frame): void {
    switch (frame.case) {
      case "lease":
        if (frame.value.granted) this.#lead(link, welcome);
        else if (this.#outbound !== undefined) link.close(`lease lost to ${frame.value.holder}`);
        else {
          const wait = Math.min(Math.max(Number(frame.value.lastsMs), CLAIM_MS_MIN), CLAIM_MS_MAX);
          setTimeout(() => this.#claim(link), wait).unref();
        }
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
        return;
      case "refusal":
        this.#ports.measures.refusals.add({ tenant: this.tenant, code: refusalName(frame.value.code) });
        this.#arrivals?.refused(frame.value);
        return;
    }
  }

  #lead(link: Link, welcome: Welcome): void {
    if (this.#outbound !== undefined || this.#stopping) return;
    const outbound = new Outbound(this.#ports, link, welcome);
    this.#outbound = outbound;
    this.#writing = outbound.run().catch((error: Error) => {
      this.#log("error", "mirror_failed", { error: error.message });
      link.close("cannot write to Kafka");
    });
  }
}
