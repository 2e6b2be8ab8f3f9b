/** What a Kafka cluster is made of and how it is set: its brokers, and topics with their settings. Changes nothing. */
import type { ConfigResourceTypes } from "kafkajs";
import { Administration } from "./administration.ts";
import { isExisting } from "./failure.ts";
import { madeAs, type TopicSettings } from "./topics.ts";

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

export interface NotMade {
  readonly topic: string;
  readonly error: Error;
}

export class Cluster extends Administration {
  /** Host and port under which they want to be reached. */
  async brokers(): Promise<readonly { readonly id: number; readonly address: string }[]> {
    const { brokers } = await this.admin.describeCluster();
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
    const there = new Set(await this.admin.listTopics());
    const wanted = names.filter((name) => there.has(name));
    if (wanted.length === 0) return [];
    const { topics } = await this.admin.fetchTopicMetadata({ topics: wanted });
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

  /** Which of these topics could not be made, had they to be. */
  async notMade(names: readonly string[], settings: TopicSettings): Promise<readonly NotMade[]> {
    try {
      await this.admin.createTopics({
        validateOnly: true,
        waitForLeaders: false,
        topics: names.map((name) => madeAs(name, settings)),
      });
      return [];
    } catch (error) {
      const { errors } = error as { errors?: readonly (Error & { topic: string })[] };
      if (errors === undefined) throw error;
      return errors.filter((each) => !isExisting(each)).map((each) => ({ topic: each.topic, error: each }));
    }
  }

  async #settings(
    resources: { readonly type: ConfigResourceTypes; readonly name: string }[],
  ): Promise<ReadonlyMap<string, ConfigEntries>> {
    const found = await this.admin.describeConfigs({ includeSynonyms: false, resources });
    return new Map(
      found.resources.map(({ resourceName, configEntries }) => [
        resourceName,
        new Map(configEntries.map(({ configName, configValue }) => [configName, configValue])),
      ]),
    );
  }
}
