/**
 * A page of a list: what is left of a list's own code is how its items are read and shown. Lists of the data
 * plane see everything that was acknowledged before they were asked for.
 */
import type { Context } from "hono";
import type { z } from "zod";
import type { Answer } from "../../src/control-plane/tenant.ts";
import { PAGE_ITEMS } from "../../src/limits.ts";
import { reject } from "../../src/rejection.ts";
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
  const pageAt = (
    paging: Paging,
    readPage: <T>(reads: (queries: Queries) => Promise<T>) => Promise<Answer<T>>,
  ) =>
    listPage(
      { path: c.req.path, query: { ...query, ...paging } },
      position,
      (page) => readPage((queries) => read(queries, page)),
      show,
    );
  if (wantsLines(c)) {
    const object = objectOf(c.env, tenant);
    const projected = await object.projected();
    if (!projected.ok) return problem(c, projected.error);
    const queries = new Queries(c.env.DB);
    return answerLines(c, query, {
      read: (paging) => pageAt(paging, async (reads) => ok(await reads(queries))),
      still: () => stillThere(object, projected.value.generation),
    });
  }
  const listed = await pageAt(query, (reads) => readProjected(c.env, tenant, reads));
  return listed.ok ? c.json(listed.value, 200) : problem(c, listed.error);
};

/** Whether the tenant is the one that it was, so that its rows have been there all the time. */
const stillThere = async (
  object: ReturnType<typeof objectOf>,
  generation: number,
): Promise<Answer<unknown>> => {
  const found = await object.describe();
  if (found.ok && found.value.status === "ACTIVE" && found.value.generation === generation) return found;
  return reject("tenant_not_found", "the tenant was deleted while this was read, so this is not all of it");
};
