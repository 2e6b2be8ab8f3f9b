/**
 * Deletes what there is of a lifetime that has ended: in the object, in D1, and its blobs. What remains is its
 * number, so that late answers are known as late. Never begins before D1 and every mirror have all of it: what is
 * flushed after that is behind it in the log, and D1 takes nothing that is late.
 */
import type { Tombstone } from "../../src/control-plane/store.ts";
import { lifetimePrefix } from "../../src/wire/reference.ts";
import { deleteBlobs } from "../blobs/remove.ts";
import type { Range } from "./log.ts";
import type { ProjectedAddress } from "./projector.ts";
import { drop, type Parts } from "./sql-store.ts";
import { lifetimeSlice } from "./streams/catch-up.ts";

export interface LifetimeRemovalPort {
  /** Deletes some rows of a lifetime; answers how many it was, and whether more are left. */
  removeLifetime(
    address: ProjectedAddress,
    lifetime: string,
  ): Promise<{ readonly rows: number; readonly more: boolean }>;
}

/** Its records, a slice of the log each time that it is asked; and with the first what a retry would need. */
export function* removeRecords(
  storage: DurableObjectStorage,
  { log, lifetimes }: Pick<Parts, "log" | "lifetimes">,
  { id, started, ended }: Tombstone,
): Generator<void> {
  for (let from = started; from <= ended; ) {
    const { records, next } = lifetimeSlice(log, id, from, ended + 1);
    const ranges = records.map(({ offset }): Range => [offset, offset]);
    if (ranges.length > 0)
      storage.transactionSync(() => {
        lifetimes.forget(started);
        return drop({ log, lifetimes }, ranges);
      })();
    from = next;
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
