/** The whole bridge: a mirror for each tenant of the gateway, and one reader of their topics. */
import { consumerGroup } from "./consumer-group.ts";
import { Gateway } from "./gateway.ts";
import { Inbound } from "./inbound/inbound.ts";
import { type Kafka, kafkaClient } from "./kafka/client.ts";
import { Topics } from "./kafka/topics.ts";
import type { Log } from "./log.ts";
import { Measures } from "./measures.ts";
import { SharedCredit } from "./outbound/shared-credit.ts";
import type { Settings } from "./settings.ts";
import { TenantMirror } from "./tenant-mirror.ts";

/** New tenants and topics have to be found within 10 s, joining the group included. */
const LOOK_MS = 2_500;

export interface Readiness {
  readonly gateway: boolean;
  readonly kafka: boolean;
  /** Tenants that are not connected. */
  readonly disconnected: readonly string[];
}

export class Bridge {
  readonly measures = new Measures();
  readonly gateway: Gateway;
  readonly #settings: Settings;
  readonly #log: Log;
  readonly #kafka: Kafka;
  readonly #topics: Topics;
  readonly #inbound: Inbound;
  readonly #credit = new SharedCredit();
  readonly #mirrors = new Map<string, TenantMirror>();
  /** Of tenants that are gone, and not to be waited for. */
  readonly #leaving = new Set<Promise<void>>();
  readonly #stopping = Promise.withResolvers<void>();
  #stopped = false;
  #running: Promise<void> = Promise.resolve();
  #reached = { gateway: false, kafka: false };

  constructor(settings: Settings, log: Log) {
    this.#settings = settings;
    this.#log = log;
    this.gateway = new Gateway(settings.gateway);
    this.#kafka = kafkaClient(settings.kafka, log);
    this.#topics = new Topics(this.#kafka);
    this.#inbound = new Inbound({
      kafka: this.#kafka,
      topics: this.#topics,
      measures: this.measures,
      log,
      group: consumerGroup(settings),
      mirror: (tenant) => this.#mirrors.get(tenant),
    });
  }

  start(): void {
    this.#running = this.#run();
  }

  readiness(): Readiness {
    const mirrors = [...this.#mirrors.values()];
    return {
      ...this.#reached,
      disconnected: mirrors.filter(({ connected }) => !connected).map(({ tenant }) => tenant),
    };
  }

  /** Tenants whose records it writes to Kafka. */
  leads(): readonly string[] {
    return [...this.#mirrors.values()].filter(({ leads }) => leads).map(({ tenant }) => tenant);
  }

  /** After what is under way: offsets are committed, transactions ended, leases given back. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stopping.resolve();
    await this.#running;
    await this.#inbound.stop();
    const mirrors = [...this.#mirrors.values()].map((mirror) => mirror.stop("stopped"));
    await Promise.all([...mirrors, ...this.#leaving]);
    await this.#topics.close();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await this.#followTenants();
      await this.#followTopics();
      await Promise.race([new Promise((resolve) => setTimeout(resolve, LOOK_MS)), this.#stopping.promise]);
    }
  }

  async #followTenants(): Promise<void> {
    try {
      const only = this.#settings.tenants;
      const found = (await this.gateway.tenants()).filter((tenant) => only?.has(tenant) ?? true);
      this.#reached.gateway = true;
      for (const tenant of found) if (!this.#mirrors.has(tenant)) this.#mirror(tenant);
      for (const [tenant, mirror] of this.#mirrors) {
        if (found.includes(tenant)) continue;
        this.#mirrors.delete(tenant);
        this.#log("info", "tenant_gone", { tenant });
        const leaving = mirror.stop("the tenant is gone").finally(() => this.#leaving.delete(leaving));
        this.#leaving.add(leaving);
      }
    } catch (error) {
      this.#reached.gateway = false;
      this.#log("warn", "gateway_not_reached", { error: String(error) });
    }
  }

  #mirror(tenant: string): void {
    this.#mirrors.set(
      tenant,
      new TenantMirror(tenant, {
        kafka: this.#kafka,
        topics: this.#topics,
        measures: this.measures,
        log: this.#log,
        credit: this.#credit,
        settings: this.#settings,
      }),
    );
  }

  async #followTopics(): Promise<void> {
    try {
      if (!this.#reached.kafka) await this.#topics.connect();
      await this.#inbound.look();
      this.#reached.kafka = true;
    } catch (error) {
      this.#reached.kafka = false;
      this.#log("warn", "kafka_not_reached", { error: String(error) });
    }
  }
}
