// D1 as the tests compare it with the fold of a log (I8): rows as texts, so that two sets of them compare whatever
// their order.
import { env } from "cloudflare:workers";
import { eq } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { Rows } from "../../../src/data-plane/row.ts";
import {
  approvals,
  graphVersions,
  lifetimes,
  planExecutions,
  taskExecutions,
} from "../../../src/data-plane/schema.ts";

const TABLES = { planExecutions, taskExecutions, lifetimes, graphVersions, approvals };

const texts = (rows: readonly object[]) =>
  rows
    .map((row) =>
      Object.entries(row)
        .filter(([key]) => key !== "tenant" && key !== "partition")
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    )
    .map((entries) => JSON.stringify(entries))
    .sort();

/** What D1 has of a tenant. */
export const stored = async (tenant: string) => {
  const found: Record<string, string[]> = {};
  for (const [name, table] of Object.entries(TABLES))
    found[name] = texts(
      await drizzle(env.DB)
        .select()
        .from(table as typeof lifetimes)
        .where(eq(table.tenant, tenant)),
    );
  return found;
};

/** What it is to have. */
export const folded = (rows: Rows) =>
  Object.fromEntries(Object.keys(TABLES).map((name) => [name, texts(rows[name as keyof typeof TABLES])]));
