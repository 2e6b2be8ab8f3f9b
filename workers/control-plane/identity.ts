/** Who this object is: tenant, partition, and the generation that nothing older can come back into. */
import type { Holds } from "../../src/control-plane/holds.ts";
import type { Address, TenantView } from "../../src/control-plane/tenant.ts";
import { pausedOf } from "./pausing.ts";
import type { Sql } from "./sql.ts";

export interface Identity extends Address {
  readonly generation: number;
  readonly status: "ACTIVE" | "DELETING" | "DELETED";
  readonly createdAt: number;
  /** Its own, where it has set one. */
  readonly logRetentionMs?: number;
}

const KEY = "identity";

export const readIdentity = (sql: Sql): Identity | undefined => {
  const [row] = sql.exec<{ value: string }>("SELECT value FROM meta WHERE key = ?", KEY).toArray();
  return row && (JSON.parse(row.value) as Identity);
};

export const writeIdentity = (sql: Sql, identity: Identity): void => {
  sql.exec("INSERT OR REPLACE INTO meta VALUES (?, ?)", KEY, JSON.stringify(identity));
};

export const tenantView = (
  { tenant, status, generation, createdAt }: Identity,
  holds: Holds,
): TenantView => ({
  tenant,
  status: status === "ACTIVE" ? "ACTIVE" : "DELETING",
  generation,
  created_at: new Date(createdAt).toISOString(),
  ...pausedOf(holds),
});
