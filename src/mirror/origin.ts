/**
 * Where a record in Kafka was written first: a header that the bridge gives each record that it produces. What has
 * none of its own comes from a producer of another kind.
 */
import { TENANT_ID } from "../topics/tenant.ts";
import type { Topic } from "../topics/topics.ts";

export const ORIGIN_HEADER = "escapement-origin";
/** A deployment's name has the form of a tenant's, so that neither holds what separates them. */
export const DEPLOYMENT_NAME = TENANT_ID;

export interface Origin {
  readonly deployment: string;
  readonly tenant: string;
  readonly partition: number;
  /** Of the tenant: one that was deleted and made anew counts its offsets anew. */
  readonly generation: number;
  /** In the log of the tenant's partition. */
  readonly offset: number;
  /** That it was written to. What has none was written before origins said it. */
  readonly topic?: string;
}

/** What a tenant's bridge writes of one log. */
export type Stream = Omit<Origin, "offset" | "topic">;

/** Whether it is of the record that has it: frameworks copy the headers of what they read to what they write. */
export const isOwnOrigin = (
  origin: Origin,
  { topic, tenant }: { readonly topic: Topic; readonly tenant: string },
): boolean => origin.tenant === tenant && (origin.topic ?? topic) === topic;

export const originHeader = (origin: Required<Origin>): string => {
  const { deployment, tenant, partition, generation, offset, topic } = origin;
  return `${deployment}/${tenant}/${partition}/${generation}/${offset}/${topic}`;
};

const COUNT = /^\d{1,15}$/;

/** Undefined for what none of ours has written. */
export const parseOrigin = (header: string): Origin | undefined => {
  const [deployment = "", tenant = "", partition = "", generation = "", offset = "", topic, ...more] =
    header.split("/");
  const counts = [partition, generation, offset];
  if (more.length > 0 || topic === "" || !DEPLOYMENT_NAME.test(deployment) || !TENANT_ID.test(tenant))
    return undefined;
  if (!counts.every((count) => COUNT.test(count))) return undefined;
  return {
    deployment,
    tenant,
    partition: Number(partition),
    generation: Number(generation),
    offset: Number(offset),
    ...(topic && { topic }),
  };
};
