/** The storage as a turn sees it, and the one place that writes what a turn decided. */
import type { DeadLetter, IdempotencyEntry, Store, Writes } from "../../src/control-plane/store.ts";
import type { StoredGuard } from "../../src/guardrails/guard.ts";
import type { BudgetTable } from "./budget-table.ts";
import type { Elsewhere } from "./elsewhere.ts";
import type { Graphs } from "./graphs.ts";
import type { HoldTable } from "./hold-table.ts";
import type { Lifetimes } from "./lifetimes.ts";
import type { Log, Range } from "./log.ts";
import type { MarkTable } from "./mirror/mark-table.ts";
import type { PolicyTable } from "./policy-table.ts";
import type { CountedSql, Sql } from "./sql.ts";

export interface Parts {
  readonly sql: CountedSql;
  readonly log: Log;
  readonly lifetimes: Lifetimes;
  readonly graphs: Graphs;
  readonly holds: HoldTable;
  readonly budgets: BudgetTable;
  readonly marks: MarkTable;
  readonly policies: PolicyTable;
  readonly elsewhere: Elsewhere;
}

/** What of the deployment a turn may ask. */
interface Deployment {
  readonly decide: Store["decide"];
  readonly version?: string | undefined;
}

export const sqlStore = (
  { sql, log, lifetimes, graphs, holds, elsewhere, budgets, policies }: Parts,
  { decide, version }: Deployment,
): Store => ({
  ...(version !== undefined && { version }),
  tail: () => log.tail,
  lifetime: (id) => lifetimes.get(id),
  failed: (id) => lifetimes.failed(id),
  graph: (name, version) => graphs.index(name, version),
  record: (offset) => log.get(offset),
  decide,
  holds: () => holds.current,
  guard: () => guardOf(policies.guard, budgets.current),
  idempotency: (key) => {
    const [row] = sql
      .exec<{ body_hash: string; lifetime: string; expires_at: number | null }>(KEY, key)
      .toArray();
    if (row === undefined) return undefined;
    const { body_hash: bodyHash, lifetime, expires_at: expiresAt } = row;
    return { key, bodyHash, lifetime, ...(expiresAt !== null && { expiresAt }) };
  },
  openInputs: (kind, node, parents) => elsewhere.find(kind, node, parents),
});

const guardOf = (policies: PolicyTable["guard"], ledger: BudgetTable["current"]): StoredGuard | undefined =>
  policies || ledger ? { ...policies, ...(ledger && { ledger }) } : undefined;

/** One of a signal comes first: the other has expired where there are two. */
const KEY = `SELECT body_hash, lifetime, NULL AS expires_at FROM signal_keys WHERE key = ?1
  UNION ALL SELECT body_hash, lifetime, expires_at FROM idempotency WHERE key = ?1 LIMIT 1`;

/** Inside the transaction; answers what to do in memory once it is committed. */
export const write = (
  { sql, log, lifetimes, graphs, holds, budgets, marks, elsewhere, policies }: Parts,
  writes: Writes,
): (() => void) => {
  const end = { last: log.tail - 1, bytes: log.appendedBytes };
  const { redo, remember } = lifetimes.write(writes.lifetimes, end, writes.records.at(-1)?.offset);
  log.append(writes.records, redo);
  graphs.write(writes.records);
  for (const lifetime of writes.lifetimes) if (lifetime.head.elsewhere) elsewhere.write(lifetime);
  const marked = writes.marks && marks.write(writes.marks);
  for (const entry of writes.idempotency) writeIdempotency(sql, entry);
  for (const { at, reason, kind, message } of writes.strays)
    sql.exec("INSERT INTO strays VALUES (NULL, ?, ?, ?, ?)", at, reason, kind, message);
  const limited = writes.guard?.ledger && budgets.write(writes.guard.ledger);
  const held = writes.holds && holds.write(writes.holds);
  const guarded = policies.write(writes.records, writes.guard);
  for (const letter of writes.deadLetters) writeDeadLetter(sql, letter);
  return () => {
    log.advance(writes.records);
    remember();
    held?.();
    marked?.();
    limited?.();
    guarded?.();
  };
};

/** Inside a transaction: records go, once no state needs them. Answers what to do in memory after it is committed. */
export const drop = (
  { log, lifetimes }: Pick<Parts, "log" | "lifetimes">,
  ranges: readonly Range[],
  first?: number,
): (() => void) => {
  const caughtUp = lifetimes.checkpoint(log.tail - 1);
  const dropped = log.drop(ranges, first);
  return () => {
    caughtUp();
    dropped();
  };
};

export const writeDeadLetter = (sql: Sql, { at, reason, detail, topic, message, from }: DeadLetter): void => {
  sql.exec(
    "INSERT INTO dead_letters VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)",
    at,
    reason,
    detail,
    topic,
    message,
    from?.partition ?? null,
    from?.offset ?? null,
  );
};

const writeIdempotency = (sql: Sql, { key, bodyHash, lifetime, expiresAt }: IdempotencyEntry): void => {
  if (expiresAt === undefined) sql.exec("INSERT INTO signal_keys VALUES (?, ?, ?)", key, bodyHash, lifetime);
  else sql.exec("INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?)", key, bodyHash, lifetime, expiresAt);
};
