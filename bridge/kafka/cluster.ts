/** What a Kafka cluster is made of and how it is set: its brokers, and topics with their settings. Changes nothing. */
import type { Admin, ConfigResourceTypes, Kafka } from "kafkajs";

/** Node sees no exports of these names, though the types have them. */
const TOPIC: ConfigResourceTypes.TOPIC = 2;
const BROKER: ConfigResourceTypes.BROKER = 4;

export type ConfigEntries = ReadonlyMap<string, string>;

export interface TopicShape {
  readonly name: string;
  readonly partitions: number;
  /** Of the partition that has the fewest. */
  readonly replicas: number;
}

export class Cluster {
  readonly #admin: Admin;

  constructor(kafka: Kafka) {
    this.#admin = kafka.admin();
  }

  connect(): Promise<void> {
    return this.#admin.connect();
  }

  async close(): Promise<void> {
    await this.#admin.disconnect().catch(() => {});
  }

  /** Host and port under which they want to be reached. */
  async brokers(): Promise<readonly { readonly id: number; readonly address: string }[]> {
    const { brokers } = await this.#admin.describeCluster();
    return brokers.map(({ nodeId, host, port }) => ({
      id: nodeId,
      address: host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`,
    }));
  }

  brokerSettings(id: number): Promise<ConfigEntries> {
    return this.#settings([{ type: BROKER, name: String(id) }]).then(
      (found) => found.get(String(id)) ?? new Map(),
    );
  }

  /** Those that there are of them, in their order. */
  async topics(names: readonly string[]): Promise<readonly TopicShape[]> {
    const there = new Set(await this.#admin.listTopics());
    const wanted = names.filter((name) => there.has(name));
    if (wanted.length === 0) return [];
    const { topics } = await this.#admin.fetchTopicMetadata({ topics: wanted });
    const shapes = topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.length,
      replicas: Math.min(...partitions.map(({ replicas }) => replicas.length)),
    }));
    const byName = new Map(shapes.map((shape) => [shape.name, shape]));
    return wanted.flatMap((name) => byName.get(name) ?? []);
  }

  async topicSettings(names: readonly string[]): Promise<ReadonlyMap<string, ConfigEntries>> {
    return names.length === 0 ? new Map() : this.#settings(names.map((name) => ({ type: TOPIC, name })));
  }

  async #settings(
    resources: { readonly type: ConfigResourceTypes; readonly name: string }[],
  ): Promise<ReadonlyMap<string, ConfigEntries>> {
    const found = await this.#admin.describeConfigs({ includeSynonyms: false, resources });
    return new Map(
      found.resources.map(({ resourceName, configEntries }) => [
        resourceName,
        new Map(configEntries.map(({ configName, configValue }) => [configName, configValue])),
      ]),
    );
  }
}
