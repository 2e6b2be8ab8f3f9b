/** Calendar windows in UTC: what is counted in one begins anew with each. */
export const WINDOWS = ["hour", "day", "month"] as const;
export type Window = (typeof WINDOWS)[number];

const HOUR_MS = 3_600_000;
const MS = { hour: HOUR_MS, day: 24 * HOUR_MS };

/** The first millisecond of the window that an instant is in. */
export const windowStart = (window: Window, at: number): number => {
  if (window !== "month") return Math.floor(at / MS[window]) * MS[window];
  const date = new Date(at);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
};

/** The first millisecond of the next one. */
export const windowEnd = (window: Window, at: number): number => {
  if (window !== "month") return windowStart(window, at) + MS[window];
  const date = new Date(at);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
};
