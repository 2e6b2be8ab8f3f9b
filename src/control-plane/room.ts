/** How full an object may be, and what follows; as one value, which a deployment or a test may lower. */
import {
  BACKLOG_BYTES_MAX,
  LOG_RETENTION_MS,
  STORAGE_BYTES_MAX,
  STORAGE_HALF,
  STORAGE_HOLDS,
  STORAGE_STARTS,
  TRIM_ROWS_MAX,
} from "../limits.ts";

export interface RoomLimits {
  readonly storageBytesMax: number;
  /** Of messages that D1 does not have yet. */
  readonly backlogBytesMax: number;
  /** How long records stay in the log after the end of their lifetime, where the tenant says nothing else. */
  readonly logRetentionMs: number;
  /** Records that one slice of a trim looks at. */
  readonly trimRowsMax: number;
}

export const ROOM_LIMITS: RoomLimits = {
  storageBytesMax: STORAGE_BYTES_MAX,
  backlogBytesMax: BACKLOG_BYTES_MAX,
  logRetentionMs: LOG_RETENTION_MS,
  trimRowsMax: TRIM_ROWS_MAX,
};

/** Each includes what the one before it means. */
export const ROOM_LEVELS = ["ample", "half_full", "starts_refused", "routing_held"] as const;
export type RoomLevel = (typeof ROOM_LEVELS)[number];

export const roomLevel = (bytes: number, { storageBytesMax }: RoomLimits): RoomLevel => {
  const share = bytes / storageBytesMax;
  if (share >= STORAGE_HOLDS) return "routing_held";
  if (share >= STORAGE_STARTS) return "starts_refused";
  return share >= STORAGE_HALF ? "half_full" : "ample";
};
