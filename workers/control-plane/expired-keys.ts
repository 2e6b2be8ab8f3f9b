/**
 * Idempotency keys go when they have expired: looked for in the order of the keys, a slice at a time. An index by
 * expiry would write two more rows for each keyed request, one when it comes and one when it goes; what is read
 * instead, each key twice in each of the day's 144 passes, and the alarms of the slices are billed at a fifth of that.
 */
import type { Sql } from "./sql.ts";

/** Where a slice ends; nothing on the last one. ?1 the key before it, ?2 rows. */
export const SLICE_END = "SELECT key FROM idempotency WHERE key > ?1 ORDER BY key LIMIT 1 OFFSET ?2 - 1";

export const FORGET_SLICE = "DELETE FROM idempotency WHERE key > ?1 AND key <= ?2 AND expires_at <= ?3";
export const FORGET_REST = "DELETE FROM idempotency WHERE key > ?1 AND expires_at <= ?2";

/** Of the slice after a key; answers the key after which the next one begins, if there is one. */
export const forgetExpired = (sql: Sql, after: string, now: number, rowsMax: number): string | undefined => {
  const [end] = sql.exec<{ key: string }>(SLICE_END, after, rowsMax).toArray();
  if (end === undefined) sql.exec(FORGET_REST, after, now);
  else sql.exec(FORGET_SLICE, after, end.key, now);
  return end?.key;
};
