/**
 * Deleting a tenant is a state, not an act: it refuses what comes, drops what is in flight, and deletes in
 * slices until nothing is left but the tombstone with its generation (design, 15).
 */
import type { ProjectedAddress } from "./projector.ts";
import { TABLE_NAMES } from "./schema.ts";

export interface RemovalPort {
  /** Deletes some of the tenant's rows; answers whether more are left. */
  removeSlice(address: ProjectedAddress): Promise<boolean>;
}

/** Objects that R2 lists, and deletes, in one call. */
const BLOBS_A_SLICE = 1_000;

export const blobPrefix = (tenant: string): string => `${tenant}/`;

/** Empties the object's own tables; its identity stays. */
export const emptyTables = (storage: DurableObjectStorage): void =>
  storage.transactionSync(() => {
    for (const table of TABLE_NAMES) storage.sql.exec(`DELETE FROM ${table}`);
  });

/** One slice of everything that lies outside of the object; answers whether more is left. */
export const removeSlice = async (
  address: ProjectedAddress,
  projection: RemovalPort,
  blobs: R2Bucket,
): Promise<boolean> => {
  const more = await projection.removeSlice(address);
  const listed = await blobs.list({ prefix: blobPrefix(address.tenant), limit: BLOBS_A_SLICE });
  if (listed.objects.length > 0) await blobs.delete(listed.objects.map((each) => each.key));
  return more || listed.truncated;
};
