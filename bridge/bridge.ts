/** The whole bridge: a mirror for each tenant of the gateway, and one reader of their topics. */
import { consumerGroup } from "./consumer-group.ts";
import { Gateway } from "./gateway.ts";
import { Inbound } from "./inbound/inbound.ts";
import { UnknownTenants } from "./inbound/unknown-tenants.ts";
import type { Standing } from "./kafka/assigner.ts";
import { type Kafka, kafkaClient } from "./kafka/client.ts";
import { Topics } from "./kafka/topics.ts";
import type { Log } from "./log.ts";
import { Measures } from "./measures.ts";
import { SharedCredit } from "./outbound/shared-credit.ts";
import type { Settings } from "./settings.ts";
import { settlesWithin } from "./settles-within.ts";
import { TenantMirror } from "./tenant-mirror.ts";
import { removeTopics } from "./topic-removal.ts";

/** So soon the first records of a new tenant, or of a new topic, are on their way. */
const FOUND_MS_MAX = 10_000;
/** `group.initial.rebalance.delay.ms` of Kafka: nobody who joins a group without members reads before. */
const JOIN_MS = 3_000;
/** To make the topics, leave the group and join it, and fetch. */
const REST_MS = 4_000;
/** One look finds a tenant, and the next the topics that were made for it. */
const LOOK_MS = (FOUND_MS_MAX - JOIN_MS - REST_MS) / 2;
/** Tenants that are asked how far behind Kafka is, each time that somebody reads the metrics. */
const LAGS_MAX = 50;
/** A Kafka that does not answer keeps nobody from looking for tenants. */
const LOOK_MS_MAX = 5_000;
/** What did not answer for so long is not reached: a few looks, and what they take. */
const REACHED_MS_MAX = 15_000;
/** All that is waited for at the end: no more than an orchestrator gives a process, by far. */
const STOP_MS_MAX = 7_000;

export interface Readiness {
  readonly ready: boolean;
  readonly gateway: boolean;
  readonly kafka: boolean;
  /** Tenants that are not connected. */
  readonly disconnected: readonly string[];
  /** Tenants of which nothing is written to Kafka, though this bridge should. */
  readonly failing: readonly string[];
}

const isRecent = (at: number): boolean => Date.now() - at < REACHED_MS_MAX;

export class Bridge {
  readonly measures = new Measures();
  readonly gateway: Gateway;
  readonly #settings: Settings;
  readonly #log: Log;
  readonly #kafka: Kafka;
  readonly #topics: Topics;
  readonly #inbound: Inbound;
  readonly #unknown: UnknownTenants;
  readonly #credit = new SharedCredit();
  readonly #mirrors = new Map<string, TenantMirror>();
  /** Of tenants that are gone, and not to be waited for. */
  readonly #leaving = new Set<Promise<void>>();
  /** All that the gateway has, once it has said so. */
  #listed: ReadonlySet<string> | undefined;
  #deleting: readonly string[] = [];
  /** Tenants whose topics are being deleted, or are looked at for it. */
  readonly #removing = new Map<string, Promise<void>>();
  readonly #stopping = Promise.withResolvers<void>();
  #stopped = false;
  #running: Promise<void> = Promise.resolve();
  /** When they last answered; 0 where they did not when they were last asked. */
  #reached = { gateway: 0, kafka: 0 };
  #looking: Promise<void> | undefined;
  /** How often the group has agreed, and of when this bridge has done what was agreed. */
  #agreed = 0;
  #shared = 0;

  constructor(settings: Settings, log: Log) {
    this.#settings = settings;
    this.#log = log;
    this.gateway = new Gateway(settings.gateway);
    this.#kafka = kafkaClient(settings.kafka, log);
    this.#topics = new Topics(this.#kafka);
    this.#unknown = new UnknownTenants({
      kafka: this.#kafka,
      topics: this.#topics,
      measures: this.measures,
      log,
      group: consumerGroup(settings),
      settings,
      isUnknown: async (tenant) => !(await this.gateway.listed()).some((each) => each.tenant === tenant),
    });
    this.#inbound = new Inbound({
      kafka: this.#kafka,
      topics: this.#topics,
      measures: this.measures,
      log,
      group: consumerGroup(settings),
      mirror: (tenant) => this.#mirrors.get(tenant),
      isUnknown: (tenant) => this.#isOurs(tenant) && this.#listed?.has(tenant) === false,
      standing: () => this.#standing(),
      assigned: () => {
        this.#agreed++;
        void this.#shareOut();
      },
      unknown: this.#unknown,
    });
  }

  start(): void {
    this.#running = this.#run();
  }

  readiness(): Readiness {
    const mirrors = [...this.#mirrors.values()];
    const gateway = isRecent(this.#reached.gateway);
    const kafka = isRecent(this.#reached.kafka);
    const disconnected = mirrors.filter(({ connected }) => !connected).map(({ tenant }) => tenant);
    const failing = mirrors.filter((mirror) => mirror.failing).map(({ tenant }) => tenant);
    const ready = gateway && kafka && disconnected.length + failing.length === 0;
    return { ready, gateway, kafka, disconnected, failing };
  }

  /** Tenants whose records it writes to Kafka. */
  leads(): readonly string[] {
    return [...this.#mirrors.values()].filter(({ leads }) => leads).map(({ tenant }) => tenant);
  }

  /**
   * What Kafka lacks of the logs that this bridge writes, or should, and is behind with, as the objects have it: they send
   * only so much in advance, so that it cannot know by itself. Where one does not answer, what is known stays.
   */
  async lookAtLag(): Promise<void> {
    const { lag } = this.measures;
    const owed = () => [...this.#mirrors.values()].filter(({ owes }) => owes).map(({ tenant }) => tenant);
    const all = new Set(owed());
    lag.keep(({ direction, tenant = "" }) => direction !== "to_kafka" || all.has(tenant));
    const behind = [...all].filter((tenant) => lag.get({ direction: "to_kafka", tenant }) !== 0);
    await Promise.all(
      behind.slice(0, LAGS_MAX).map(async (tenant) => {
        const found = await this.gateway.lag(tenant).catch(() => undefined);
        if (found !== undefined && owed().includes(tenant)) lag.set({ direction: "to_kafka", tenant }, found);
      }),
    );
  }

  /** After what is under way, where it ends soon: offsets are committed, transactions ended, leases given back. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stopping.resolve();
    const mirrors = [...this.#mirrors.values()].map((mirror) => mirror.stop("stopped"));
    const leaving = [...this.#leaving, ...this.#removing.values()];
    const reading = [this.#inbound.stop(), this.#unknown.stop()];
    const ended = Promise.all([this.#running, ...reading, ...mirrors, ...leaving]);
    const closed = ended.then(() => this.#topics.close());
    if (!(await settlesWithin(STOP_MS_MAX, closed))) this.#log("warn", "not_waited_for");
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await Promise.race([this.#look(), this.#stopping.promise]);
      await Promise.race([new Promise((resolve) => setTimeout(resolve, LOOK_MS)), this.#stopping.promise]);
    }
  }

  async #look(): Promise<void> {
    await this.#followTenants();
    if (this.#stopped) return;
    this.#looking ??= this.#followTopics().finally(() => {
      this.#looking = undefined;
    });
    await settlesWithin(LOOK_MS_MAX, this.#looking);
  }

  async #followTenants(): Promise<void> {
    try {
      const all = await this.gateway.listed();
      this.#listed = new Set(all.map(({ tenant }) => tenant));
      const listed = all.filter(({ tenant }) => this.#isOurs(tenant));
      const found = listed.filter(({ deleting }) => !deleting).map(({ tenant }) => tenant);
      this.#reached.gateway = Date.now();
      if (this.#stopped) return;
      for (const tenant of found) if (!this.#mirrors.has(tenant)) this.#mirror(tenant);
      for (const [tenant, mirror] of this.#mirrors) {
        if (found.includes(tenant)) continue;
        this.#mirrors.delete(tenant);
        this.#log("info", "tenant_gone", { tenant });
        const leaving = mirror.stop("the tenant is gone").finally(() => this.#leaving.delete(leaving));
        this.#leaving.add(leaving);
      }
      this.#deleting = listed.filter(({ deleting }) => deleting).map(({ tenant }) => tenant);
    } catch (error) {
      this.#reached.gateway = 0;
      this.#log("warn", "gateway_not_reached", { error: String(error) });
    }
  }

  #standing(): Standing {
    const able = [...this.#mirrors.values()].filter(({ wasConnected }) => wasConnected);
    return { tenants: able.map(({ tenant }) => tenant), leads: this.leads() };
  }

  /** What the group has agreed: this bridge asks for what it is to write for, and gives the rest back. */
  async #shareOut(): Promise<void> {
    const agreed = this.#agreed;
    if (this.#shared === agreed) return;
    const leads = await this.#inbound.leads();
    if (leads === undefined || this.#stopped || agreed !== this.#agreed) return;
    this.#shared = agreed;
    for (const tenant of leads.among) this.#mirrors.get(tenant)?.assign(leads.own.has(tenant));
  }

  #isOurs(tenant: string): boolean {
    return this.#settings.tenants?.has(tenant) ?? true;
  }

  /** What failed is tried again while the tenant is listed. */
  #removeTopics(tenant: string): void {
    if (this.#removing.has(tenant) || !this.#reached.kafka) return;
    const { deployment, bridgeId } = this.#settings;
    const own = { gateway: this.gateway, kafka: this.#kafka, topics: this.#topics, log: this.#log };
    const ports = { ...own, deployment, bridgeId };
    const removing = Promise.all(this.#leaving)
      .then(() => removeTopics(ports, tenant))
      .catch((error) => this.#log("warn", "topics_not_deleted", { tenant, error: String(error) }))
      .finally(() => this.#removing.delete(tenant));
    this.#removing.set(tenant, removing);
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
        gateway: this.gateway,
        settings: this.#settings,
        later: setTimeout,
      }),
    );
  }

  async #followTopics(): Promise<void> {
    const deleting = this.#deleting;
    try {
      if (this.#reached.kafka === 0) await this.#topics.connect();
      const all = await this.#topics.list();
      this.#reached.kafka = Date.now();
      if (!this.#stopped) await this.#inbound.look(all);
      await this.#shareOut();
    } catch (error) {
      this.#reached.kafka = 0;
      this.#log("warn", "kafka_not_reached", { error: String(error) });
    }
    // By now nobody here reads them.
    if (!this.#stopped) for (const tenant of deleting) this.#removeTopics(tenant);
  }
}
