/** What the bridge says: a line of JSON for an event worth reading, never one for each record. */

export type Level = "error" | "warn" | "info";
export type Fields = Readonly<Record<string, unknown>>;
export type Log = (level: Level, event: string, fields?: Fields) => void;

export const log: Log = (level, event, fields) =>
  process.stdout.write(`${JSON.stringify({ at: new Date().toISOString(), level, event, ...fields })}\n`);

/** With what holds for all lines of one place. */
export const logOf =
  (to: Log, of: Fields): Log =>
  (level, event, fields) =>
    to(level, event, { ...of, ...fields });
