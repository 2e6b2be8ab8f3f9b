/** Verdicts of policies as D1 has them, the newest first. */
import { and, desc, eq, gte, lt, sql } from "drizzle-orm";
import type { drizzle } from "drizzle-orm/d1";
import { verdicts } from "../../src/data-plane/schema.ts";
import type { PolicyAction, PolicyMode } from "../../src/guardrails/policy.ts";
import { lookAhead, type Page, type Paging, type Period, page } from "./page.ts";

export type Verdict = typeof verdicts.$inferSelect;

export interface VerdictFilter extends Period {
  readonly lifetime?: string | undefined;
  readonly graph?: string | undefined;
  readonly node?: string | undefined;
  readonly policy?: string | undefined;
  readonly action?: PolicyAction | undefined;
  readonly mode?: PolicyMode | undefined;
}

export interface VerdictPosition {
  readonly judgedAt: number;
  readonly partition: number;
  readonly offset: number;
}

export const listVerdicts = async (
  db: ReturnType<typeof drizzle>,
  tenant: string,
  { from, until, ...named }: VerdictFilter,
  { limit, after }: Paging<VerdictPosition>,
): Promise<Page<Verdict, VerdictPosition>> => {
  const { judgedAt, partition, offset } = verdicts;
  const rows = await db
    .select()
    .from(verdicts)
    .where(
      and(
        eq(verdicts.tenant, tenant),
        ...(["lifetime", "graph", "node", "policy", "action", "mode"] as const).map((name) => {
          const wanted = named[name];
          return wanted === undefined ? undefined : sql`${verdicts[name]} = ${wanted}`;
        }),
        from === undefined ? undefined : gte(judgedAt, from),
        until === undefined ? undefined : lt(judgedAt, until),
        after &&
          sql`(${judgedAt}, ${partition}, ${offset}) < (${after.judgedAt}, ${after.partition}, ${after.offset})`,
      ),
    )
    .orderBy(desc(judgedAt), desc(partition), desc(offset))
    .limit(lookAhead(limit));
  return page(rows, limit, (row) => ({
    judgedAt: row.judgedAt,
    partition: row.partition,
    offset: row.offset,
  }));
};
