/** Topics as the broker has them: which there are, where they begin and end, made and deleted; committed progress. */
import type { Admin, Kafka } from "kafkajs";
import { isExisting, isLeaderless, isMissing, isUnsettled } from "./failure.ts";
import { retried } from "./retry.ts";
import type { ProgressAt } from "./writer.ts";

export interface TopicSettings {
  readonly partitions: number;
  readonly replication: number;
  /** As in the broker's topic configuration, say `retention.ms`. */
  readonly config: Readonly<Record<string, string>>;
}

export class Topics {
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

  async list(): Promise<readonly string[]> {
    return this.#admin.listTopics();
  }

  /** Partitions by topic. */
  async partitions(topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
    if (topics.length === 0) return new Map();
    const { topics: found } = await this.#admin.fetchTopicMetadata({ topics: [...topics] });
    return new Map(found.map(({ name, partitions }) => [name, partitions.length]));
  }

  /** By partition: of its first record, and of its next; undefined where there is no such topic. */
  async bounds(topic: string): Promise<ReadonlyMap<number, { begin: number; end: number }> | undefined> {
    try {
      const found = await this.#admin.fetchTopicOffsets(topic);
      return new Map(
        found.map(({ partition, low, high }) => [partition, { begin: Number(low), end: Number(high) }]),
      );
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** Asks for these alone: a topic of somebody else that has no leader is nobody's business. */
  async #missing(topics: readonly string[]): Promise<readonly string[]> {
    try {
      await this.#admin.fetchTopicMetadata({ topics: [...topics] });
      return [];
    } catch (error) {
      // It is there.
      if (isLeaderless(error) && topics.length === 1) return [];
      if (isMissing(error) && topics.length === 1) return topics;
      if (topics.length === 1 || !(isMissing(error) || isLeaderless(error))) throw error;
    }
    const missing: string[] = [];
    for (const topic of topics) missing.push(...(await this.#missing([topic])));
    return missing;
  }

  /** Those that there are stay as they are. Which were made. */
  async provision(topics: readonly string[], settings: TopicSettings): Promise<readonly string[]> {
    const missing = await this.#missing(topics);
    if (missing.length === 0) return [];
    const configEntries = Object.entries(settings.config).map(([name, value]) => ({ name, value }));
    try {
      await this.#admin.createTopics({
        waitForLeaders: true,
        topics: missing.map((topic) => ({
          topic,
          numPartitions: settings.partitions,
          replicationFactor: settings.replication,
          configEntries,
        })),
      });
    } catch (error) {
      // Another bridge was first.
      if (!isAllExisting(error)) throw error;
    }
    return missing;
  }

  async delete(topics: readonly string[]): Promise<void> {
    const there = new Set(await this.list());
    const found = topics.filter((topic) => there.has(topic));
    if (found.length > 0) await this.#admin.deleteTopics({ topics: found });
  }

  /** Those whose names begin so; how many there were. */
  async deleteGroups(prefix: string): Promise<number> {
    const { groups } = await this.#admin.listGroups();
    const found = groups.map(({ groupId }) => groupId).filter((group) => group.startsWith(prefix));
    if (found.length > 0) await this.#admin.deleteGroups(found);
    return found.length;
  }

  /** The next log offset; undefined where none was committed, or has expired. */
  async progress({ group, topic }: Omit<ProgressAt, "next">): Promise<number | undefined> {
    const fetch = () => this.#admin.fetchOffsets({ groupId: group, topics: [topic] });
    const [found] = await retried(fetch, isUnsettled);
    const offset = Number(found?.partitions.find(({ partition }) => partition === 0)?.offset ?? -1);
    return offset < 0 ? undefined : offset;
  }
}

const isAllExisting = (error: unknown): boolean => {
  const errors = (error as { errors?: readonly unknown[] }).errors ?? [error];
  return errors.every(isExisting);
};
