/** The states of a lifetime and the legal moves between them, as one table. */
export const MOVES = {
  QUEUED: ["RUNNING", "WAITING", "PAUSED", "SUCCEEDED", "FAILED", "CANCELED"],
  RUNNING: ["WAITING", "PAUSED", "SUCCEEDED", "FAILED", "CANCELED"],
  WAITING: ["RUNNING", "PAUSED", "SUCCEEDED", "FAILED", "CANCELED"],
  PAUSED: ["RUNNING", "WAITING", "SUCCEEDED", "FAILED", "CANCELED"],
  SUCCEEDED: [],
  FAILED: ["RUNNING"],
  CANCELED: [],
} as const satisfies Record<string, readonly string[]>;

export type LifetimeStatus = keyof typeof MOVES;

export const LIFETIME_STATUSES = Object.keys(MOVES) as LifetimeStatus[];

/** Ended; one that has FAILED may be continued. */
export const isTerminal = (status: LifetimeStatus): boolean =>
  status === "SUCCEEDED" || status === "FAILED" || status === "CANCELED";

export const mayMove = (from: LifetimeStatus, to: LifetimeStatus): boolean =>
  (MOVES[from] as readonly LifetimeStatus[]).includes(to);
