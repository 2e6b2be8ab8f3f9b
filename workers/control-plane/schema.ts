/**
 * The tables of a tenant object. Rows written are billed, so a table has an index only where a look-up on
 * the path of a step needs it.
 */

const TABLES = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
-- The position of a record is its offset in every topic; rows are packs of several, see pack.ts.
CREATE TABLE log (offset INTEGER PRIMARY KEY, type INTEGER NOT NULL, at INTEGER NOT NULL, meta TEXT, body BLOB);
-- Number of a lifetime, and where it ended: outlives its records, so that late answers are known as late.
CREATE TABLE lifetimes (started INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, ended INTEGER);
-- The state of what has not ended: a row a step. Entries that have outgrown the row are cells.
CREATE TABLE running (started INTEGER PRIMARY KEY, due INTEGER NOT NULL, state TEXT NOT NULL);
CREATE TABLE cells (
  started INTEGER NOT NULL, part TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (started, part, key)
) WITHOUT ROWID;
CREATE TABLE graph_versions (
  graph TEXT NOT NULL, version INTEGER NOT NULL, status TEXT NOT NULL, hash TEXT NOT NULL,
  created_at INTEGER NOT NULL, document TEXT NOT NULL,
  PRIMARY KEY (graph, version)
);
-- Apart from the documents, because the two together may be larger than a row.
CREATE TABLE graph_sources (graph TEXT NOT NULL, version INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (graph, version));
CREATE TABLE idempotency (
  key TEXT PRIMARY KEY, body_hash TEXT NOT NULL, lifetime TEXT NOT NULL, expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE strays (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, reason TEXT NOT NULL, kind TEXT NOT NULL, message BLOB NOT NULL);
CREATE TABLE dead_letters (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, topic TEXT NOT NULL,
  message BLOB NOT NULL
);
`;

const ROOM = `
-- Milliseconds since the epoch: what remains of a lifetime is kept for a bounded time.
ALTER TABLE lifetimes ADD COLUMN ended_at INTEGER;
UPDATE lifetimes SET ended_at = (SELECT at FROM log WHERE log.offset = lifetimes.ended);
-- Of the log, because its rows no longer tell once some are trimmed: its first and its next offset.
CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
-- How far each mirror has read the log.
CREATE TABLE cursors (name TEXT PRIMARY KEY, offset INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
`;

/** What pauses a graph, or the tenant (''). A lifted one stays until every lifetime that it held has gone on. */
const HOLDS = `
CREATE TABLE holds (
  graph TEXT PRIMARY KEY, detail TEXT NOT NULL, since INTEGER NOT NULL, lifted INTEGER NOT NULL
) WITHOUT ROWID;
`;

/** The last states of lifetimes that have failed, for a retry; their cells stay. They go with their records. */
const FAILED = "CREATE TABLE failed (started INTEGER PRIMARY KEY, state TEXT NOT NULL)";

/** Of a state, what an object that starts anew asks of every one: its open inputs, and whether one may be out. */
const RUNNING = `
ALTER TABLE running ADD COLUMN outstanding INTEGER NOT NULL DEFAULT 0;
ALTER TABLE running ADD COLUMN sent INTEGER NOT NULL DEFAULT 1;
UPDATE running SET outstanding = state ->> '$.head.outstanding',
  sent = (state ->> '$.head.outstanding') > COALESCE(state ->> '$.head.waiting', 0);
`;

/** Keys of signals: they last as long as anything of their lifetimes, which may be paused or retried. */
const SIGNAL_KEYS = `
CREATE TABLE signal_keys (key TEXT PRIMARY KEY, body_hash TEXT NOT NULL, lifetime TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX signal_keys_of ON signal_keys (lifetime);
-- Of signals to what was paused when they came.
INSERT INTO signal_keys SELECT key, body_hash, lifetime FROM idempotency WHERE expires_at = 9007199254740991;
DELETE FROM idempotency WHERE expires_at = 9007199254740991;
`;

/** Budgets and their ledger, as JSON; the accounts of lifetimes lie in their states. */
const BUDGETS = `
CREATE TABLE budgets (name TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE accounts (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE charges (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sketches (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
`;

const MIRROR = `
-- Which bridge sends the log to Kafka: one row.
CREATE TABLE mirror_lease (
  id INTEGER PRIMARY KEY, holder TEXT NOT NULL, epoch INTEGER NOT NULL, lasts_ms INTEGER NOT NULL,
  expires INTEGER NOT NULL
);
-- How far each partition of Kafka was taken in.
CREATE TABLE kafka_marks (
  topic TEXT NOT NULL, partition INTEGER NOT NULL, generation INTEGER NOT NULL, next INTEGER NOT NULL,
  regressed INTEGER NOT NULL, PRIMARY KEY (topic, partition)
) WITHOUT ROWID;
-- Of what came from Kafka, or did not go there.
ALTER TABLE dead_letters ADD COLUMN partition INTEGER;
ALTER TABLE dead_letters ADD COLUMN kafka_offset INTEGER;
`;

/** Policies in all their versions, null where one was deleted; and what is counted of the tenant for them. */
const POLICIES = `
CREATE TABLE policies (
  name TEXT NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL, document TEXT, PRIMARY KEY (name, version)
) WITHOUT ROWID;
CREATE TABLE tallies (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
`;

const HELD_BY = "ALTER TABLE holds ADD COLUMN held_by TEXT";

/** Inputs that executors elsewhere have: an answer may name nothing but its node and its parents. */
const ELSEWHERE = `
CREATE TABLE elsewhere (
  started INTEGER NOT NULL, n INTEGER NOT NULL, kind TEXT NOT NULL, node TEXT NOT NULL, graph TEXT NOT NULL,
  parents TEXT NOT NULL, PRIMARY KEY (started, n)
) WITHOUT ROWID;
CREATE INDEX elsewhere_of ON elsewhere (node, parents);
`;

/** Of policies only what holds is kept, and which version of all of them was the last: the log has the others. */
const LATEST_POLICIES = `
INSERT INTO marks SELECT 'policies', MAX(version) FROM policies HAVING COUNT(*) > 0;
DELETE FROM policies WHERE version < (SELECT MAX(version) FROM policies AS later WHERE later.name = policies.name);
DELETE FROM policies WHERE document IS NULL;
`;

/** What a turn has changed of states, in the last of its records; and how far the rows of states go by themselves. */
const REDO = `
ALTER TABLE log ADD COLUMN redo TEXT;
ALTER TABLE running ADD COLUMN upto INTEGER NOT NULL DEFAULT 0;
INSERT INTO marks SELECT 'redone', MAX(offset) FROM log HAVING COUNT(*) > 0;
`;

/** Rows of the log with several records: code that knows only of rows of one must not read them. */
const PACKS = "SELECT 1";

/** What brought the tables to each version, in order: append, never change one that was released. */
export const STEPS: readonly string[] = [
  TABLES,
  ROOM,
  HOLDS,
  FAILED,
  RUNNING,
  SIGNAL_KEYS,
  BUDGETS,
  MIRROR,
  POLICIES,
  HELD_BY,
  ELSEWHERE,
  LATEST_POLICIES,
  REDO,
  PACKS,
];

export const TABLES_VERSION = STEPS.length;

/** All tables that hold what belongs to a tenant, by what their rows are told apart by. */
export const TABLE_KEYS = {
  log: "rowid",
  lifetimes: "rowid",
  running: "rowid",
  failed: "rowid",
  cells: "started, part, key",
  graph_versions: "rowid",
  graph_sources: "rowid",
  idempotency: "key",
  signal_keys: "key",
  strays: "rowid",
  dead_letters: "rowid",
  marks: "name",
  cursors: "name",
  holds: "graph",
  budgets: "name",
  accounts: "key",
  charges: "key",
  sketches: "key",
  mirror_lease: "rowid",
  kafka_marks: "topic, partition",
  policies: "name, version",
  tallies: "name",
  elsewhere: "started, n",
} as const;

/** Brings the tables of an object, new or old, up to date; newer ones are refused, so a rollback harms nothing. */
export const migrate = (storage: DurableObjectStorage): void => {
  const { sql } = storage;
  const version = versionOf(sql);
  if (version > TABLES_VERSION)
    throw new Error(`this object's tables have version ${version}; deploy code that knows it`);
  if (version === TABLES_VERSION) return;
  storage.transactionSync(() => {
    for (const step of STEPS.slice(version)) sql.exec(step);
    sql.exec("INSERT OR REPLACE INTO meta VALUES ('tables_version', ?)", String(TABLES_VERSION));
  });
};

const versionOf = (sql: SqlStorage): number => {
  if (sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'meta'").toArray().length === 0) return 0;
  return Number(sql.exec("SELECT value FROM meta WHERE key = 'tables_version'").one().value);
};
