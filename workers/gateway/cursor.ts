/**
 * Opaque cursors: where a page ended, bound to the query that it ended in. A cursor of another route or with
 * other filters is refused, because its position would mean something else there.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { type Rejection, reject } from "../../src/rejection.ts";
import { ok, type Result } from "../../src/result.ts";

/** The path and the filters of a list; what only sizes a page is no part of it. */
export interface Listing {
  readonly path: string;
  readonly query: Readonly<Record<string, unknown>>;
}

const fingerprint = ({ path, query }: Listing): string => {
  const { limit: _limit, cursor: _cursor, ...filters } = query;
  const sorted = Object.entries(filters).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify([path, sorted]))
    .digest("base64url")
    .slice(0, 11);
};

export const writeCursor = (listing: Listing, position: unknown): string =>
  Buffer.from(JSON.stringify([fingerprint(listing), position])).toString("base64url");

/** Undefined is the first page. */
export const readCursor = <Position>(
  listing: Listing,
  cursor: string | undefined,
  position: z.ZodType<Position>,
): Result<Position | undefined, Rejection> => {
  if (cursor === undefined) return ok(undefined);
  const refused = reject("cursor_invalid", "this cursor is not of this query; begin again without a cursor");
  const parsed = z.tuple([z.string(), position]).safeParse(jsonOf(cursor));
  if (!parsed.success || parsed.data[0] !== fingerprint(listing)) return refused;
  return ok(parsed.data[1] as Position);
};

const jsonOf = (cursor: string): unknown => {
  try {
    return JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch {
    return undefined;
  }
};
