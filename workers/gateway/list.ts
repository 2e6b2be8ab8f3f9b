/**
 * A page of a list: what is left of a list's own code is how its items are read and shown. Lists of the data
 * plane see everything that was acknowledged before they were asked for.
 */
import type { Context } from "hono";
import type { z } from "zod";
import type { Answer } from "../../src/control-plane/tenant.ts";
import { PAGE_ITEMS } from "../../src/limits.ts";
import { ok } from "../../src/result.ts";
import { Queries } from "../data-plane/queries.ts";
import { objectOf } from "./address.ts";
import type { GatewayEnv } from "./api.ts";
import { type Listing, readCursor, writeCursor } from "./cursor.ts";
import { answerLines, type Paging, wantsLines } from "./ndjson.ts";
import { problem } from "./problem.ts";

interface Read<Item, Position> {
  readonly items: readonly Item[];
  readonly next?: Position;
}

export const listPage = async <Item, Position, Shown>(
  listing: Listing & { readonly query: Paging },
  position: z.ZodType<Position>,
  read: (paging: { limit: number; after: Position | undefined }) => Promise<Answer<Read<Item, Position>>>,
  show: (item: Item) => Shown,
): Promise<Answer<{ items: Shown[]; next_cursor?: string }>> => {
  const { limit = PAGE_ITEMS, cursor } = listing.query;
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

/** A list of the data plane as its caller wants it: a page, or all of it as lines. The projection is waited for once. */
export const answerList = async <Item, Position, Shown>(
  c: Context<GatewayEnv>,
  tenant: string,
  query: Listing["query"] & Paging,
  position: z.ZodType<Position>,
  read: (
    queries: Queries,
    paging: { limit: number; after: Position | undefined },
  ) => Promise<Read<Item, Position>>,
  show: (item: Item) => Shown,
) => {
  const pageAt = (paging: Paging, queries?: Queries) =>
    listPage(
      { path: c.req.path, query: { ...query, ...paging } },
      position,
      async (page) =>
        queries ? ok(await read(queries, page)) : readProjected(c.env, tenant, (first) => read(first, page)),
      show,
    );
  if (wantsLines(c)) {
    const queries = new Queries(c.env.DB);
    return answerLines(c, query, pageAt, (paging) => pageAt(paging, queries));
  }
  const listed = await pageAt(query);
  return listed.ok ? c.json(listed.value, 200) : problem(c, listed.error);
};
