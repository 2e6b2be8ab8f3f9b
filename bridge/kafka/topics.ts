/** Topics as the broker has them: which there are, where they begin and end, made and deleted; committed progress. */
import type { ITopicConfig } from "kafkajs";
import { Administration } from "./administration.ts";
import { isExisting, isUnsettled } from "./failure.ts";
import { NO_LEADER } from "./metadata.ts";
import { retried } from "./retry.ts";
import type { ProgressAt } from "./writer.ts";

/** Offsets of a group that commits nothing expire after a week. */
export const COMMIT_AGAIN_MS = 24 * 3_600_000;

export interface TopicSettings {
  readonly partitions: number;
  readonly replication: number;
  /** As in the broker's topic configuration, say `retention.ms`. */
  readonly config: Readonly<Record<string, string>>;
}

/** As it is to be made. */
export const madeAs = (topic: string, { partitions, replication, config }: TopicSettings): ITopicConfig => ({
  topic,
  numPartitions: partitions,
  replicationFactor: replication,
  configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
});

/** By topic and partition. */
export type Offsets = ReadonlyMap<string, ReadonlyMap<number, number>>;

export type Bounds = ReadonlyMap<number, { readonly begin: number; readonly end: number }>;

export interface Partitions {
  readonly count: number;
  /** Of these, which nobody can read or write now. */
  readonly leaderless: number;
}

export class Topics extends Administration {
  async list(): Promise<readonly string[]> {
    return this.admin.listTopics();
  }

  /** Of those that there are, by name. */
  async partitions(topics: readonly string[]): Promise<ReadonlyMap<string, Partitions>> {
    if (topics.length === 0) return new Map();
    const { topics: found } = await this.admin.fetchTopicMetadata({ topics: [...topics] });
    return new Map(
      found.map(({ name, partitions }) => [
        name,
        {
          count: partitions.length,
          leaderless: partitions.filter(({ leader }) => leader === NO_LEADER).length,
        },
      ]),
    );
  }

  /** By partition: of its first record, and of its next; undefined where there is no such topic. */
  async bounds(topic: string): Promise<Bounds | undefined> {
    if (!(await this.partitions([topic])).has(topic)) return undefined;
    const found = await this.admin.fetchTopicOffsets(topic);
    return new Map(
      found.map(({ partition, low, high }) => [partition, { begin: Number(low), end: Number(high) }]),
    );
  }

  /** Those that there are stay as they are. Which were made. */
  async provision(topics: readonly string[], settings: TopicSettings): Promise<readonly string[]> {
    const there = await this.partitions(topics);
    const missing = topics.filter((topic) => !there.has(topic));
    if (missing.length === 0) return [];
    try {
      await this.admin.createTopics({ topics: missing.map((topic) => madeAs(topic, settings)) });
    } catch (error) {
      // Another bridge was first.
      if (!isAllExisting(error)) throw error;
    }
    await retried(() => this.#ledAll(missing), isUnled);
    return missing;
  }

  async #ledAll(topics: readonly string[]): Promise<void> {
    const there = await this.partitions(topics);
    const unled = topics.filter((topic) => there.get(topic)?.leaderless !== 0);
    if (unled.length > 0) throw new Unled(`no leader yet of ${unled.join(", ")}`);
  }

  /** Those whose names begin so. */
  async groups(prefix: string): Promise<readonly string[]> {
    const { groups } = await this.admin.listGroups();
    return groups.map(({ groupId }) => groupId).filter((group) => group.startsWith(prefix));
  }

  async deleteGroups(groups: readonly string[]): Promise<void> {
    if (groups.length > 0) await this.admin.deleteGroups([...groups]);
  }

  /** The next log offset; undefined where none was committed, or has expired. */
  async progress({ group, topic }: Omit<ProgressAt, "next">): Promise<number | undefined> {
    return (await this.committed(group)).get(topic)?.get(0);
  }

  /** All that a group has committed. */
  async committed(group: string): Promise<Offsets> {
    const found = await retried(() => this.admin.fetchOffsets({ groupId: group }), isUnsettled);
    return new Map(
      found.map(({ topic, partitions }) => [
        topic,
        new Map(
          partitions
            .map(({ partition, offset }) => [partition, Number(offset)] as const)
            .filter(([, offset]) => offset >= 0),
        ),
      ]),
    );
  }

  /** By partition: of the first record that is not older; where none is, of the next. */
  async offsetsAt(topic: string, at: number): Promise<ReadonlyMap<number, number>> {
    const found = await this.admin.fetchTopicOffsetsByTimestamp(topic, at);
    return new Map(found.map(({ partition, offset }) => [partition, Number(offset)]));
  }
}

class Unled extends Error {}
const isUnled = (error: unknown): boolean => error instanceof Unled;

const isAllExisting = (error: unknown): boolean => {
  const errors = (error as { errors?: readonly unknown[] }).errors ?? [error];
  return errors.every(isExisting);
};
