/**
 * Where a record in Kafka was written first: a header that the bridge gives each record that it produces. What has
 * none comes from a producer of another kind.
 */
import { TENANT_ID } from "../topics/tenant.ts";

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
}

export const originHeader = ({ deployment, tenant, partition, generation, offset }: Origin): string =>
  `${deployment}/${tenant}/${partition}/${generation}/${offset}`;

const COUNT = /^\d{1,15}$/;

/** Undefined for what none of ours has written. */
export const parseOrigin = (header: string): Origin | undefined => {
  const [deployment = "", tenant = "", ...counts] = header.split("/");
  const [partition, generation, offset] = counts;
  if (counts.length !== 3 || !DEPLOYMENT_NAME.test(deployment) || !TENANT_ID.test(tenant)) return undefined;
  if (!counts.every((count) => COUNT.test(count))) return undefined;
  return {
    deployment,
    tenant,
    partition: Number(partition),
    generation: Number(generation),
    offset: Number(offset),
  };
};
