/** Who this object is: tenant, partition, and the generation that nothing older can come back into. */
import type { Holds } from "../../src/control-plane/holds.ts";
import type { Address, TenantSettings, TenantView } from "../../src/control-plane/tenant.ts";
import { type MirrorSettings, type MirrorView, mirrorSettings } from "../../src/mirror/settings.ts";
import { isoOf } from "../../src/wire/timestamp.ts";
import { pausedOf } from "./pausing.ts";
import type { Sql } from "./sql.ts";
import type { TopicRemoval } from "./topic-removal.ts";

export interface Identity extends Address, TenantSettings {
  readonly generation: number;
  readonly status: "ACTIVE" | "DELETING" | "DELETED";
  readonly createdAt: number;
  /** Where its topics in Kafka are to go with it. */
  readonly topics?: TopicRemoval;
}

/** As it is, with what is set now; where it is not there, of the next generation. */
export const provisioned = (
  known: Identity | undefined,
  address: Address,
  settings: TenantSettings,
  now: number,
): Identity =>
  known?.status === "ACTIVE"
    ? { ...known, ...settings, ...mirrorOf(known, settings) }
    : { ...address, generation: (known?.generation ?? 0) + 1, status: "ACTIVE", createdAt: now, ...settings };

/** What is left out of it stays as it is. */
const mirrorOf = (known: Identity, { mirror }: TenantSettings) =>
  mirror && { mirror: { ...known.mirror, ...mirror } };

const KEY = "identity";

export const readIdentity = (sql: Sql): Identity | undefined => {
  const [row] = sql.exec<{ value: string }>("SELECT value FROM meta WHERE key = ?", KEY).toArray();
  return row && (JSON.parse(row.value) as Identity);
};

export const writeIdentity = (sql: Sql, identity: Identity): void => {
  sql.exec("INSERT OR REPLACE INTO meta VALUES (?, ?)", KEY, JSON.stringify(identity));
};

export const tenantView = (
  { tenant, status, generation, createdAt, logRetentionMs, mirror, topics }: Identity,
  holds: Holds,
): TenantView => ({
  tenant,
  status: status === "ACTIVE" ? "ACTIVE" : "DELETING",
  generation,
  created_at: isoOf(createdAt),
  ...(logRetentionMs !== undefined && { log_retention_ms: logRetentionMs }),
  mirror: mirrorView(mirrorSettings(mirror)),
  ...(topics && { topics: "delete" }),
  ...pausedOf(holds),
});

const mirrorView = (settings: MirrorSettings): MirrorView => ({
  key_mode: settings.keyMode,
  out: [...settings.out],
  in: [...settings.in],
  inputs: settings.inputs,
  takes_starts: settings.takesStarts,
  on_premises_data_plane: settings.onPremisesDataPlane,
  at_threshold: settings.atThreshold,
});
