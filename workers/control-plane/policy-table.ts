/**
 * The policies of the tenant that hold: in a table, and in memory as turns ask for them.
 * What is counted of the tenant for them lies beside, while any of them reads it.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import { type PolicyDocument, policyOf } from "../../src/guardrails/document.ts";
import type { StoredGuard } from "../../src/guardrails/guard.ts";
import { PolicySet, Rule } from "../../src/guardrails/policy-set.ts";
import { newTenantTally, type TenantTally } from "../../src/guardrails/tally.ts";
import type { LogRecord, PolicyChangedRecord } from "../../src/topics/record.ts";
import type { Sql } from "./sql.ts";

export interface StoredPolicy {
  readonly name: string;
  /** Also of all policies, when it was stored. */
  readonly version: number;
  readonly createdAt: number;
  readonly document: JsonObject;
}

interface Loaded {
  readonly set: PolicySet;
  readonly guard: StoredGuard;
}

type Row = { name: string; version: number; at: number; document: string };

const CURRENT = "SELECT name, version, at, document FROM policies";

/** Of all policies: it rises with every change, also of those that hold no more. */
const VERSION = "policies";

const storedOf = ({ name, version, at, document }: Row): StoredPolicy => ({
  name,
  version,
  createdAt: at,
  document: JSON.parse(document),
});

export class PolicyTable {
  readonly #sql: Sql;
  readonly #running: () => number;
  #set: PolicySet | undefined;
  #guard: StoredGuard | undefined;

  constructor(sql: Sql, running: () => number) {
    this.#sql = sql;
    this.#running = running;
  }

  get set(): PolicySet {
    return this.#set ?? this.#hold(this.#read(new Map())).set;
  }

  /** Undefined where no policy holds. */
  get guard(): Pick<StoredGuard, "policies" | "tally"> | undefined {
    return this.set.rules.size > 0 ? this.#guard : undefined;
  }

  find(name: string): StoredPolicy | undefined {
    const [row] = this.#sql.exec<Row>(`${CURRENT} WHERE name = ?`, name).toArray();
    return row && storedOf(row);
  }

  list(after: string, limit: number): StoredPolicy[] {
    return this.#sql
      .exec<Row>(`${CURRENT} WHERE name > ? ORDER BY name LIMIT ?`, after, limit)
      .toArray()
      .map(storedOf);
  }

  /** What is counted of the tenant while these policies hold; undefined where none of them reads it. */
  tallyFor({ needs }: PolicySet, known: TenantTally | undefined): TenantTally | undefined {
    return needs?.tenant ? (known ?? newTenantTally(this.#running())) : undefined;
  }

  /** Inside the transaction; answers what to remember once it is committed. */
  write(records: readonly LogRecord[], guard: StoredGuard | undefined): (() => void) | undefined {
    const changes = records.filter((record) => record.type === "policy_changed");
    for (const change of changes) this.#change(change);
    const tally = guard?.tally;
    const counted = guard !== undefined && tally !== this.#guard?.tally;
    if (tally && counted)
      this.#sql.exec("INSERT OR REPLACE INTO tallies VALUES ('tenant', ?)", JSON.stringify(tally));
    if (changes.length > 0) return this.#changed();
    if (!counted) return undefined;
    return () => {
      if (tally && this.#guard) this.#guard = { ...this.#guard, tally };
    };
  }

  #change({ policy, version, at, document }: PolicyChangedRecord): void {
    this.#sql.exec("DELETE FROM policies WHERE name = ?", policy);
    if (document !== undefined)
      this.#sql.exec(
        "INSERT INTO policies VALUES (?, ?, ?, ?)",
        policy,
        version,
        at,
        JSON.stringify(document),
      );
    this.#sql.exec("INSERT OR REPLACE INTO marks VALUES (?, ?)", VERSION, version);
  }

  /** What was counted is kept while a policy reads it, also where this turn has counted nothing. */
  #changed(): () => void {
    const loaded = this.#read(this.#set?.rules ?? new Map());
    if (!loaded.set.needs?.tenant) this.#sql.exec("DELETE FROM tallies");
    return () => this.#hold(loaded);
  }

  reset(): void {
    this.#set = undefined;
    this.#guard = undefined;
  }

  /** What was compiled of a version stays. */
  #read(known: ReadonlyMap<string, Rule>): Loaded {
    const rows = this.#sql.exec<Row>(`${CURRENT} ORDER BY name`).toArray();
    const rules = rows.map(({ name, version, document }): [string, Rule] => {
      const rule = known.get(name);
      if (rule?.version === version) return [name, rule];
      return [name, new Rule(policyOf(JSON.parse(document) as PolicyDocument), version)];
    });
    const [mark] = this.#sql
      .exec<{ value: number }>("SELECT value FROM marks WHERE name = ?", VERSION)
      .toArray();
    const set = new PolicySet(mark?.value ?? 0, new Map(rules));
    const [row] = this.#sql.exec<{ value: string }>("SELECT value FROM tallies").toArray();
    const tally = this.tallyFor(set, row && (JSON.parse(row.value) as TenantTally));
    return { set, guard: { policies: set, ...(tally && { tally }) } };
  }

  #hold(loaded: Loaded): Loaded {
    this.#set = loaded.set;
    this.#guard = loaded.guard;
    return loaded;
  }
}
