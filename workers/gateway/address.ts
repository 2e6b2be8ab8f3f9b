/** Which object holds a tenant's partition, and which partition holds a lifetime. The one place that says so. */
import { objectName, partitionOf } from "../../src/control-plane/ids.ts";
import type { TenantRpc } from "../../src/control-plane/tenant.ts";

/** What belongs to the tenant as a whole is in its first partition. */
export const FIRST_PARTITION = 0;

// RPC keeps these types as they are: no method takes or answers a function or a stub.
export const objectOf = (env: Env, tenant: string, partition = FIRST_PARTITION): TenantRpc =>
  env.TENANTS.getByName(objectName(tenant, partition)) as unknown as TenantRpc;

export const objectOfLifetime = (env: Env, tenant: string, lifetime: string): TenantRpc =>
  objectOf(env, tenant, partitionOf(lifetime));
