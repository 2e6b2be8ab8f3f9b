/** What the mirror of a tenant is called in Kafka. */

import { TENANT_ID } from "../topics/tenant.ts";
import { isTopic, TOPIC_NAMES, type Topic } from "../topics/topics.ts";
import type { Stream } from "./origin.ts";

/** Of no topic that a peer's pattern could match. */
const DEAD_LETTERS = "dead-letters-";

export const kafkaTopic = (topic: Topic, tenant: string): string => `${topic}-${tenant}`;
export const deadLettersTopic = (tenant: string): string => `${DEAD_LETTERS}${tenant}`;

const PROGRESS = "escapement-progress.";

/** All that a tenant has. */
export const topicsOf = (tenant: string): readonly string[] => [
  ...TOPIC_NAMES.map((topic) => kafkaTopic(topic, tenant)),
  deadLettersTopic(tenant),
];

/** The longest name first: the tenant of `persisted-plan-executions-a-b` is `a-b`. */
const BY_LENGTH = [...TOPIC_NAMES].sort((a, b) => b.length - a.length);

/** Undefined for what is no topic of a tenant. */
export const parseKafkaTopic = (name: string): { topic: Topic; tenant: string } | undefined => {
  const topic = BY_LENGTH.find((each) => name.startsWith(`${each}-`));
  const tenant = topic && name.slice(topic.length + 1);
  return topic && isTopic(topic) && tenant && TENANT_ID.test(tenant) ? { topic, tenant } : undefined;
};

/** None of the four holds a dot. */
const streamOf = ({ deployment, tenant, partition, generation }: Stream): string =>
  `${deployment}.${tenant}.${partition}.${generation}`;

/** The same for whoever holds the lease, so that a new holder fences the one before. */
export const transactionalId = (stream: Stream): string => `escapement.${streamOf(stream)}`;

/**
 * The consumer group under which the progress of a stream is committed, on partition 0 of the tenant's dead letters:
 * the log offset that all that goes out up to it has reached Kafka, plus one.
 */
export const progressGroup = (stream: Stream): string => `${PROGRESS}${streamOf(stream)}`;

/** What was passed over of tenants that are not there, by all bridges of a deployment. */
export const unknownGroup = (deployment: string): string => `${PROGRESS}${deployment}`;
/** Both are unlike any of a stream, which has more parts. */
export const unknownId = (deployment: string): string => `escapement.${deployment}`;

/** How those of a tenant begin, of all its partitions and generations. */
export const progressGroups = (deployment: string, tenant: string): string =>
  `${PROGRESS}${deployment}.${tenant}.`;
