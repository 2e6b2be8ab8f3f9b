/**
 * Deletes what there is of a lifetime that has ended: in the object, in D1, and its blobs. What remains is its
 * number, so that late answers are known as late. Never begins before D1 has all of it: what is flushed after
 * that is behind it in the log, and D1 takes nothing that is late.
 */
import type { Tombstone } from "../../src/control-plane/store.ts";
import { TRIM_BYTES_MAX, TRIM_ROWS_MAX } from "../../src/limits.ts";
import { lifetimePrefix } from "../../src/wire/reference.ts";
import { deleteBlobs } from "../blobs/remove.ts";
import type { Range } from "./log.ts";
import type { ProjectedAddress } from "./projector.ts";
import type { Parts } from "./sql-store.ts";

export interface LifetimeRemovalPort {
  /** Deletes some rows of a lifetime; answers how many it was, and whether more are left. */
  removeLifetime(
    address: ProjectedAddress,
    lifetime: string,
  ): Promise<{ readonly rows: number; readonly more: boolean }>;
}

/** Its records, a slice each time that it is asked; and with the first of them what a retry would need. */
export function* removeRecords(
  storage: DurableObjectStorage,
  { log, lifetimes }: Parts,
  { id, started, ended }: Tombstone,
): Generator<void> {
  for (let from = started; from <= ended; ) {
    const { records, whole } = log.ofLifetime(id, from, ended + 1, TRIM_ROWS_MAX, TRIM_BYTES_MAX);
    const ranges = records.map(({ offset }): Range => [offset, offset]);
    storage.transactionSync(() => {
      lifetimes.forget(started);
      return log.drop(ranges);
    })();
    from = whole ? ended + 1 : (ranges.at(-1)?.[1] ?? ended) + 1;
    yield;
  }
}

/** What of it lies outside of the object; answers whether there was any of it in D1. */
export const removeOutside = async (
  address: ProjectedAddress,
  lifetime: string,
  projection: LifetimeRemovalPort,
  blobs: R2Bucket,
): Promise<boolean> => {
  let rows = 0;
  for (let more = true; more; ) {
    const slice = await projection.removeLifetime(address, lifetime);
    rows += slice.rows;
    more = slice.more;
  }
  while (await deleteBlobs(blobs, lifetimePrefix(address.tenant, address.generation, lifetime)));
  return rows > 0;
};
