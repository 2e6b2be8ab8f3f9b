// What the tests of reads have in common: D1 that remembers what it was asked, and a log in it.
import { env } from "cloudflare:workers";
import type { LogRecord } from "../../../src/topics/record.ts";
import { Projection } from "../../../workers/data-plane/projection.ts";

export interface Plan {
  readonly sql: string;
  /** As EXPLAIN QUERY PLAN tells them. */
  readonly steps: readonly string[];
}

/** D1, and the plans of all different statements that it was asked through this. */
export const recordingD1 = (): { readonly db: D1Database; plans(): Promise<Plan[]> } => {
  const asked = new Map<string, unknown[]>();
  const db = new Proxy(env.DB, {
    get: (db, key) => {
      if (key === "batch") return db.batch.bind(db);
      return (sql: string) =>
        new Proxy(db.prepare(sql), {
          get: (statement, name) => {
            if (name !== "bind") return Reflect.get(statement, name);
            return (...params: unknown[]) => {
              asked.set(sql, params);
              return statement.bind(...params);
            };
          },
        });
    },
  });
  const plans = async () => {
    const all: Plan[] = [];
    for (const [sql, params] of asked) {
      const { results } = await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .bind(...params)
        .all<{ detail: string }>();
      all.push({ sql, steps: results.map((each) => each.detail) });
    }
    return all;
  };
  return { db, plans };
};

/** Those with a step that reads a whole table, where neither JSON nor a subquery is one. */
export const scansOf = (plans: readonly Plan[]): Plan[] =>
  plans.filter(({ steps }) => steps.some((step) => /^SCAN (?!json_each|\(subquery)/.test(step)));

export const sortsOf = (plans: readonly Plan[]): Plan[] =>
  plans.filter(({ steps }) => steps.some((step) => step.includes("TEMP B-TREE")));

export const flushed = async (tenant: string, log: readonly LogRecord[]): Promise<void> => {
  const projection = new Projection(env.DB);
  const address = { tenant, partition: 0, generation: 1 };
  await projection.provision({ ...address, createdAt: 1 });
  await projection.flush(address, log, { after: 0, upTo: log.length });
};
