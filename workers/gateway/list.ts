/**
 * A page of a list: what is left of a list's own code is how its items are read and shown. Lists of the data
 * plane see everything that was acknowledged before they were asked for.
 */
import type { z } from "@hono/zod-openapi";
import type { Answer } from "../../src/control-plane/tenant.ts";
import { ok } from "../../src/result.ts";
import { Queries } from "../data-plane/queries.ts";
import { objectOf } from "./address.ts";
import { type Listing, readCursor, writeCursor } from "./cursor.ts";

interface Read<Item, Position> {
  readonly items: readonly Item[];
  readonly next?: Position;
}

export const listPage = async <Item, Position, Shown>(
  listing: Listing & { readonly query: { limit: number; cursor?: string | undefined } },
  position: z.ZodType<Position>,
  read: (paging: { limit: number; after: Position | undefined }) => Promise<Answer<Read<Item, Position>>>,
  show: (item: Item) => Shown,
): Promise<Answer<{ items: Shown[]; next_cursor?: string }>> => {
  const { limit, cursor } = listing.query;
  const after = readCursor(listing, cursor, position);
  if (!after.ok) return after;
  const page = await read({ limit, after: after.value });
  if (!page.ok) return page;
  const { items, next } = page.value;
  return ok({
    items: items.map(show),
    ...(next !== undefined && { next_cursor: writeCursor(listing, next) }),
  });
};

/** Reads D1 once it has all that the tenant's log had. */
export const readProjected = async <T>(
  env: Env,
  tenant: string,
  read: (queries: Queries) => Promise<T>,
): Promise<Answer<T>> => {
  const projected = await objectOf(env, tenant).projected();
  return projected.ok ? ok(await read(new Queries(env.DB))) : projected;
};
