/**
 * Deleting a tenant is a state, not an act: it refuses what comes, drops what is in flight, and deletes in
 * slices until nothing is left but the tombstone with its generation (design, 15).
 */
import { tenantPrefix } from "../../src/wire/reference.ts";
import { deleteBlobs } from "../blobs/remove.ts";
import type { ProjectedAddress } from "./projector.ts";
import { TABLE_NAMES } from "./schema.ts";

export interface RemovalPort {
  /** Deletes some of the tenant's rows; answers whether more are left. */
  removeSlice(address: ProjectedAddress): Promise<boolean>;
}

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
  const moreBlobs = await deleteBlobs(blobs, tenantPrefix(address.tenant));
  return more || moreBlobs;
};
