/**
 * Storage in memory with the shape of the real one: states as stored text and rows, a cache that a crash
 * empties, and one method that writes all of a turn or, if it throws, nothing.
 */
import { type Holds, NO_HOLDS } from "../../src/control-plane/holds.ts";
import { type Lifetime, settleLifetime } from "../../src/control-plane/lifetime.ts";
import type {
  DeadLetter,
  IdempotencyEntry,
  Store,
  Stray,
  Tombstone,
  Writes,
} from "../../src/control-plane/store.ts";
import {
  type Cell,
  type Change,
  changeOf,
  isSmall,
  loadStored,
  redone,
  storedWrite,
} from "../../src/control-plane/stored.ts";
import type { NodeSpec } from "../../src/executor/dispatch.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { type GraphIndex, indexGraph } from "../../src/graph/lookup.ts";
import type { StoredGuard } from "../../src/guardrails/guard.ts";
import { settleLedger } from "../../src/guardrails/ledger.ts";
import { type InputRecord, type LogRecord, messageOf } from "../../src/topics/record.ts";
import type { Kind } from "../../src/topics/topics.ts";
import { composeInput } from "../../src/wire/compose.ts";

interface Stored {
  readonly started: number;
  readonly ended?: number;
  readonly due: number;
  readonly state: string;
  /** What turns have changed of it since. */
  readonly changes: readonly string[];
  readonly cells: Map<string, Cell>;
  readonly spilled: boolean;
}

/** Whose store it is. */
export const ADDRESS = { tenant: "acme", partition: 0 };

export class MemoryStore implements Store {
  readonly log: LogRecord[] = [];
  readonly strays: Stray[] = [];
  readonly deadLetters: DeadLetter[] = [];
  /** Asking the graph anything throws while this is set. */
  poisoned = false;
  /** What guards the tenant, if anything does. */
  guarded: StoredGuard | undefined;
  readonly #graphs = new Map<string, GraphIndex>();
  readonly #stored = new Map<string, Stored>();
  readonly #idempotency = new Map<string, IdempotencyEntry>();
  #cache = new Map<string, Lifetime>();
  #holds: Holds = NO_HOLDS;

  constructor(graphs: readonly Graph[]) {
    for (const graph of graphs) this.#graphs.set(graph.name, this.#poisonable(indexGraph(graph)));
  }

  tail(): number {
    return this.log.length + 1;
  }

  lifetime(id: string): Lifetime | Tombstone | undefined {
    const cached = this.#cache.get(id);
    if (cached) return cached;
    const stored = this.#stored.get(id);
    if (stored === undefined) return undefined;
    if (stored.ended !== undefined) return { id, started: stored.started, ended: stored.ended };
    let { lifetime } = loadStored(stored.state, () => stored.cells.values());
    for (const change of stored.changes) lifetime = redone(lifetime, JSON.parse(change) as Change);
    this.#cache.set(id, lifetime);
    return lifetime;
  }

  failed(id: string): Lifetime | undefined {
    const stored = this.#stored.get(id);
    if (stored?.ended === undefined) return undefined;
    const { lifetime } = loadStored(stored.state, () => stored.cells.values());
    return lifetime.members.size > 0 ? lifetime : undefined;
  }

  graph(name: string): GraphIndex {
    const index = this.#graphs.get(name);
    if (index === undefined) throw new Error(`no graph ${name}`);
    return index;
  }

  holds(): Holds {
    return this.#holds;
  }

  guard(): StoredGuard | undefined {
    return this.guarded;
  }

  idempotency(key: string): IdempotencyEntry | undefined {
    return this.#idempotency.get(key);
  }

  /** As deployments do for plans of this kind. */
  decide({ kind, next }: NodeSpec): readonly string[] | undefined {
    return kind === "parallel" ? next.map(({ name }) => name) : undefined;
  }

  openInputs(kind: Kind, node: string, parents: readonly string[]) {
    const wanted = [...parents].sort().join();
    return this.running().flatMap(({ id }) => {
      const lifetime = this.lifetime(id);
      if (lifetime === undefined || !("head" in lifetime)) return [];
      return [...lifetime.members.entries()]
        .filter(
          ([, { phase, ...member }]) => phase === "issued" && member.kind === kind && member.node === node,
        )
        .filter(
          ([, member]) =>
            member.parents
              .map(({ execId }) => execId)
              .sort()
              .join() === wanted,
        )
        .map(([n]) => ({ lifetime: id, n }));
    });
  }

  running(): { id: string; due: number }[] {
    return [...this.#stored.entries()]
      .filter(([, stored]) => stored.ended === undefined)
      .map(([id, { due }]) => ({ id, due }));
  }

  commit(writes: Writes): void {
    this.log.push(...writes.records);
    this.strays.push(...writes.strays);
    this.deadLetters.push(...writes.deadLetters);
    for (const entry of writes.idempotency) this.#idempotency.set(entry.key, entry);
    if (writes.holds) this.#holds = writes.holds;
    if (writes.guard?.ledger) settleLedger(writes.guard.ledger);
    if (writes.guard) this.guarded = writes.guard;
    for (const lifetime of writes.lifetimes) this.#write(lifetime, writes.records.length > 0);
  }

  /** What was only in memory is gone. */
  crash(): void {
    this.#cache = new Map();
  }

  record(offset: number): LogRecord {
    const record = this.log[offset - 1];
    if (record === undefined) throw new Error(`the log has nothing at ${offset}`);
    return record;
  }

  compose(record: InputRecord): Uint8Array {
    return composeInput(record, (offset) => {
      const carries = this.record(offset);
      const message = messageOf(carries);
      if (message === undefined) throw new Error(`an input carries a ${carries.type}`);
      return message;
    });
  }

  #write(lifetime: Lifetime, appended: boolean): void {
    const { id, started, ended, due } = lifetime.head;
    const earlier = this.#stored.get(id);
    const was = this.#cache.get(id);
    if (appended && ended === undefined && was && earlier?.ended === undefined && earlier?.spilled === false)
      if (isSmall(lifetime)) {
        const changes = [...earlier.changes, JSON.stringify(changeOf(was.head, lifetime))];
        this.#stored.set(id, { ...earlier, due, changes });
        settleLifetime(lifetime);
        this.#cache.set(id, lifetime);
        return;
      }
    const cells = earlier?.cells ?? new Map<string, Cell>();
    const write = storedWrite(lifetime, earlier?.spilled ?? false);
    for (const cell of write.cells) {
      const key = `${cell.part} ${cell.key}`;
      if (cell.value === undefined) cells.delete(key);
      else cells.set(key, cell);
    }
    const { state, spilled } = write;
    const end = ended !== undefined && { ended };
    this.#stored.set(id, { started, due, state, changes: [], cells, spilled, ...end });
    settleLifetime(lifetime);
    this.#cache.set(id, lifetime);
  }

  #poisonable(index: GraphIndex): GraphIndex {
    const taste = () => {
      if (this.poisoned) throw new Error("poisoned");
    };
    return {
      ...index,
      node: (name) => {
        taste();
        return index.node(name);
      },
      down: (name) => {
        taste();
        return index.down(name);
      },
    };
  }
}
