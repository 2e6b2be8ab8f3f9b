/** What lists have in common. Pages are keyset: a page starts after the position in which the one before it ended. */
import { type Column, is, SQL, sql } from "drizzle-orm";
import type { SQLiteTable } from "drizzle-orm/sqlite-core";
import { PAGE_BYTES_MAX, PAGE_ITEMS_MAX } from "../../src/limits.ts";

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

/** The first of them that fit into a page; one at least. */
export const fitting = <Item>(items: readonly Item[], bytesOf: (item: Item) => number): readonly Item[] => {
  let bytes = 0;
  const end = items.findIndex((item, i) => {
    bytes += bytesOf(item);
    return i > 0 && bytes > PAGE_BYTES_MAX;
  });
  return end < 0 ? items : items.slice(0, end);
};

interface Sized {
  /** As `bytesOf` counts them. */
  readonly bytes: number;
}

/** The same of rows that are large, of which `withinBytes` has read no more than it takes. */
export const sizedPage = <Item extends Sized, Position>(
  rows: readonly Item[],
  limit: number,
  positionOf: (last: Item) => Position,
): Page<Item, Position> =>
  page(rows, Math.min(limit, fitting(rows, ({ bytes }) => bytes).length), positionOf);

/**
 * Of what may be large: JSON, and texts that a row may lack; the others are names and ids. Told by the head of a row,
 * so that nothing large is read for it.
 */
export const bytesOf = (columns: Readonly<Record<string, Column | SQL>>): SQL<number> => {
  const sizes = Object.values(columns)
    .filter((column) => is(column, SQL) || column.dataType === "json" || isOptionalText(column))
    .map((column) => sql`ifnull(octet_length(${column}), 0)`);
  return sql<number>`(${sql.join(sizes, sql` + `)})`;
};

const isOptionalText = (column: Column): boolean => !column.notNull && column.getSQLType() === "text";

interface Wanted {
  readonly where: SQL | undefined;
  readonly order: readonly SQL[];
  readonly limit: number;
}

/**
 * The rows of a page, and one more than it takes, by their number and by their bytes: an isolate would not hold a
 * thousand of the largest. They are sized in the order of their index before any is read, and come in no order.
 */
export const withinBytes = (table: SQLiteTable, bytes: SQL, { where, order, limit }: Wanted): SQL => {
  const inOrder = sql.join([...order], sql`, `);
  // A page ends before the row that takes it over the bound, and has one at least: so its look-ahead is there, too.
  const before = sql`sum(${bytes}) OVER (ORDER BY ${inOrder} ROWS BETWEEN UNBOUNDED PRECEDING AND 2 PRECEDING)`;
  const sized = sql`SELECT rowid AS id, ${before} AS before FROM ${table} WHERE ${where} ORDER BY ${inOrder} LIMIT ${lookAhead(limit)}`;
  return sql`rowid IN (SELECT id FROM (${sized}) WHERE coalesce(before, 0) <= ${PAGE_BYTES_MAX})`;
};

/** As SQLite orders texts: by their bytes. */
export const compareTexts = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** A key may hold a colon, and so may a value: however it is divided, it is what was asked for. */
export const hasLabel = (labels: Column, label: string): SQL =>
  sql`EXISTS (SELECT 1 FROM json_each(${labels}) WHERE key || ':' || value = ${label})`;
