/** Strays and dead letters, oldest first, for people to look at. */
import type { DeadLetterView, Page, StrayView } from "../../src/control-plane/tenant.ts";
import { PAGE_BYTES_MAX } from "../../src/limits.ts";
import { isoOf } from "../../src/wire/timestamp.ts";
import type { Sql } from "./sql.ts";

interface Request {
  readonly after: number;
  readonly limit: number;
}

type Stored<T> = {
  [K in keyof Omit<T, "message" | "received_at">]: Omit<T, "message" | "received_at">[K];
} & {
  at: number;
  message: ArrayBuffer;
};

const pageOf = <T>(
  sql: Sql,
  table: "strays" | "dead_letters",
  { after, limit }: Request,
): Page<T & { id: number }> => {
  const rows = sql.exec(
    `SELECT * FROM ${table} WHERE id > ? ORDER BY id LIMIT ?`,
    after,
    limit,
  ) as unknown as Iterable<Stored<T & { id: number }>>;
  const items: (T & { id: number })[] = [];
  let bytes = 0;
  for (const { at, message, ...row } of rows) {
    const last = items.at(-1);
    bytes += message.byteLength;
    if (last && bytes > PAGE_BYTES_MAX) return { items, next: last.id };
    const item = { ...row, received_at: isoOf(at), message: new Uint8Array(message) };
    items.push(item as unknown as T & { id: number });
  }
  const last = items.at(-1);
  return { items, ...(last && items.length === limit && { next: last.id }) };
};

export const listStrays = (sql: Sql, request: Request): Page<StrayView> => pageOf(sql, "strays", request);

type DeadLetterRow = Omit<DeadLetterView, "partition" | "offset"> & {
  readonly partition: number | null;
  readonly kafka_offset: number | null;
};

export const listDeadLetters = (sql: Sql, request: Request): Page<DeadLetterView> => {
  const { items, ...more } = pageOf<DeadLetterRow>(sql, "dead_letters", request);
  return { items: items.map(deadLetterOf), ...more };
};

const deadLetterOf = ({ partition, kafka_offset: offset, ...letter }: DeadLetterRow): DeadLetterView =>
  partition === null || offset === null ? letter : { ...letter, partition, offset };
