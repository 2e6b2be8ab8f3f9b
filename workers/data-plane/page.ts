/** What lists have in common. Pages are keyset: a page starts after the position in which the one before it ended. */
import { type Column, type SQL, sql } from "drizzle-orm";
import { PAGE_ITEMS_MAX } from "../../src/limits.ts";

export interface Page<Item, Position> {
  readonly items: readonly Item[];
  /** Where the next page begins; absent on the last. */
  readonly next?: Position;
}

export interface Paging<Position> {
  /** At most PAGE_ITEMS_MAX. */
  readonly limit: number;
  readonly after?: Position | undefined;
}

/** Milliseconds since the epoch; `from` is in it, `until` is not. */
export interface Period {
  readonly from?: number | undefined;
  readonly until?: number | undefined;
}

const bounded = (limit: number): number => Math.min(limit, PAGE_ITEMS_MAX);

/** One more than the page: whether there is a next one. */
export const lookAhead = (limit: number): number => bounded(limit) + 1;

export const page = <Item, Position>(
  rows: readonly Item[],
  limit: number,
  positionOf: (last: Item) => Position,
): Page<Item, Position> => {
  const items = rows.slice(0, bounded(limit));
  const last = items.at(-1);
  return rows.length > items.length && last !== undefined ? { items, next: positionOf(last) } : { items };
};

/** A key may hold a colon, and so may a value: however it is divided, it is what was asked for. */
export const hasLabel = (labels: Column, label: string): SQL =>
  sql`EXISTS (SELECT 1 FROM json_each(${labels}) WHERE key || ':' || value = ${label})`;
