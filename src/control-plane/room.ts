/** The bounds that keep an object from filling up, as one value that a deployment or a test may lower. */
import { LOG_RETENTION_MS, TRIM_ROWS_MAX } from "../limits.ts";

export interface RoomLimits {
  /** How long records stay in the log after the end of their lifetime, where the tenant says nothing else. */
  readonly logRetentionMs: number;
  /** Records that one slice of a trim looks at. */
  readonly trimRowsMax: number;
}

export const ROOM_LIMITS: RoomLimits = {
  logRetentionMs: LOG_RETENTION_MS,
  trimRowsMax: TRIM_ROWS_MAX,
};
