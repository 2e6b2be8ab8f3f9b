/** Topic name ↔ tenant. Tenant ids may contain hyphens, so the longest known name is taken off first. */
import { TOPIC_NAMES, type Topic } from "./topics.ts";

export const TENANT_ID = /^[a-zA-Z0-9_-]{1,50}$/;

const LONGEST_FIRST = [...TOPIC_NAMES].sort((a, b) => b.length - a.length);

export const topicName = (topic: Topic, tenant: string): string => `${topic}-${tenant}`;
export const deadLettersName = (tenant: string): string => `dead-letters-${tenant}`;

/** The topic and tenant that a full topic name stands for; undefined when it is none of ours. */
export const parseTopicName = (name: string): { topic: Topic; tenant: string } | undefined => {
  for (const topic of LONGEST_FIRST) {
    if (!name.startsWith(`${topic}-`)) continue;
    const tenant = name.slice(topic.length + 1);
    return TENANT_ID.test(tenant) ? { topic, tenant } : undefined;
  }
  return undefined;
};
