/** The one way to say something in the log: a line of JSON for an event worth reading, never one for each step. */

export type Level = "error" | "warn" | "info";

export type Fields = Readonly<Record<string, unknown>>;

export type LogLine = (level: Level, event: string, fields: Fields) => void;

/** What nodes say comes through here too, with fields of their own. */
export const logLine: LogLine = (level, event, fields) =>
  console[level](JSON.stringify(Object.assign({ level, event }, fields, { level, event })));

/** With what holds for all lines of one place, as it is by then. */
export const logLineOf =
  (of: () => Fields): LogLine =>
  (level, event, fields) =>
    logLine(level, event, { ...of(), ...fields });
