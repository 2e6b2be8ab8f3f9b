/**
 * Kafka → edge: which topics the group of all bridges reads, looked at again and again, and whose connection takes what
 * comes. Topics of tenants that the gateway does not have are not among them: their marks begin at nothing.
 */
import { kafkaTopic, parseKafkaTopic } from "../../src/mirror/names.ts";
import { isTopic } from "../../src/topics/topics.ts";
import type { Standing } from "../kafka/assigner.ts";
import type { Kafka } from "../kafka/client.ts";
import { type Assigned, type Leads, Reader, type Taken, type Verdict } from "../kafka/reader.ts";
import { fetchedOf } from "../kafka/records.ts";
import type { Offsets, Topics } from "../kafka/topics.ts";
import type { Log } from "../log.ts";
import type { Measures } from "../measures.ts";
import type { TenantMirror } from "../tenant-mirror.ts";
import type { UnknownTenants } from "./unknown-tenants.ts";

export interface InboundPorts {
  readonly kafka: Kafka;
  readonly topics: Topics;
  readonly measures: Measures;
  readonly log: Log;
  readonly group: string;
  mirror(tenant: string): TenantMirror | undefined;
  /** Whether the gateway does not have it, and it would be this bridge's business if it had. */
  isUnknown(tenant: string): boolean;
  /** As the group is to know it. */
  standing(): Standing;
  /** The group has settled who reads what, and who writes what. */
  assigned(): void;
  readonly unknown: Pick<UnknownTenants, "look" | "passedOver">;
}

/** A partition whose tenant is not connected is asked about again after it. */
const AGAIN_MS = 1_000;
const again = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, AGAIN_MS).unref());

export class Inbound {
  readonly #ports: InboundPorts;
  readonly #reader: Reader;
  #followed = "";
  #stopped = false;
  #passedOver: Offsets = new Map();
  #leaderless: ReadonlySet<string> = new Set();
  /** Who was brought anything since partitions were last assigned. */
  readonly #mirrors = new Set<TenantMirror>();

  constructor(ports: InboundPorts) {
    this.#ports = ports;
    this.#reader = new Reader({
      kafka: ports.kafka,
      group: ports.group,
      log: ports.log,
      take: (taken) => this.#take(taken),
      standing: ports.standing,
      assigned: (partitions) => {
        this.#keepLags(partitions);
        for (const mirror of this.#mirrors) mirror.forgetMarks();
        this.#mirrors.clear();
        ports.assigned();
      },
    });
  }

  /** Reads what there is by now: `all` are the topics of Kafka. */
  async look(all: readonly string[]): Promise<void> {
    const { topics, measures } = this.#ports;
    const unknown = new Set<string>();
    const wanted = all.filter((name) => {
      const parsed = parseKafkaTopic(name);
      if (parsed === undefined) return false;
      const mirror = this.#ports.mirror(parsed.tenant);
      if (mirror === undefined && this.#ports.isUnknown(parsed.tenant)) unknown.add(name);
      return mirror?.takes(parsed.topic) ?? false;
    });
    measures.unknownTenants.set({}, unknown.size);
    this.#ports.unknown.look([...unknown]);
    const partitions = await topics.partitions(wanted);
    const read = [...partitions].filter(([, { leaderless }]) => leaderless === 0);
    this.#leaveOut([...partitions].filter(([, { leaderless }]) => leaderless > 0).map(([name]) => name));
    const found = read
      .map(([name, { count }]) => `${name}:${count}`)
      .sort()
      .join();
    if (this.#stopped || (found === this.#followed && this.#reader.alive)) return;
    this.#passedOver = await this.#ports.unknown.passedOver();
    if (this.#stopped) return;
    await this.#reader.follow(read.map(([name]) => name));
    if (read.length === 0) this.#keepLags({});
    this.#followed = found;
    this.#ports.log("info", "topics_followed", { topics: read.length });
  }

  /** What this bridge is to write for; undefined while nobody knows. */
  leads(): Promise<Leads | undefined> {
    return this.#reader.leads();
  }

  /** A member of the group whose topic has a partition without a leader could read none of the others. */
  #leaveOut(names: readonly string[]): void {
    this.#ports.measures.leaderless.set({}, names.length);
    for (const topic of names)
      if (!this.#leaderless.has(topic)) this.#ports.log("error", "topic_leaderless", { topic });
    for (const topic of this.#leaderless)
      if (!names.includes(topic)) this.#ports.log("info", "topic_not_leaderless", { topic });
    this.#leaderless = new Set(names);
  }

  stop(): Promise<void> {
    this.#stopped = true;
    return this.#reader.stop();
  }

  async #take({ topic: name, partition, messages, from, next, end }: Taken): Promise<Verdict> {
    const parsed = parseKafkaTopic(name);
    const mirror = parsed && this.#ports.mirror(parsed.tenant);
    const arrivals = mirror?.arrivals;
    if (parsed === undefined || mirror === undefined) return { next: from, until: again() };
    const { topic, tenant } = parsed;
    const { lag } = this.#ports.measures;
    const lags = (reached: number) =>
      lag.set(
        { direction: "to_edge", tenant, topic, partition: String(partition) },
        Math.max(0, end - reached),
      );
    if (arrivals === undefined) {
      lags(from);
      return { next: from, until: again() };
    }
    this.#mirrors.add(mirror);
    const passed = this.#passedOver.get(name)?.get(partition) ?? 0;
    // Of a topic that was made anew since, it may be above its end.
    if (from < passed && passed <= end) return { seek: passed };
    const records = messages.map(fetchedOf);
    const verdict: Verdict = await arrivals
      .offer({ topic, partition }, { records, from, next, end })
      .catch((error) => {
        const where = { tenant, topic, partition, offset: from, next };
        this.#ports.log("warn", "not_offered", { ...where, error: String(error) });
        return { next: from, until: again() };
      });
    lags("seek" in verdict ? verdict.seek : verdict.next);
    return verdict;
  }

  /** Of what another reads, another tells. */
  #keepLags(assigned: Assigned): void {
    this.#ports.measures.lag.keep(({ direction, topic = "", tenant = "", partition }) => {
      const partitions = isTopic(topic) ? assigned[kafkaTopic(topic, tenant)] : undefined;
      return direction !== "to_edge" || partitions?.includes(Number(partition)) === true;
    });
  }
}
