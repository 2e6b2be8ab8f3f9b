/** Instants as the wire and JSON have them. The core has no clock: this only writes a time that it was given. */

/** ISO-8601 in UTC, of milliseconds since the epoch. */
export const isoOf = (at: number): string => new Date(at).toISOString();
