/**
 * A map that knows what has changed since it was last settled. A fork shares the settled entries, and copies
 * the changes when it makes its first, so a step on a lifetime with ten thousand inputs writes, and copies,
 * what it touched.
 *
 * 1. Entries are values: they are replaced, never changed in place.
 * 2. Forks of one map are independent until one is settled; the others are then not to be used.
 */
export class Cells<K, V> {
  readonly #settled: Map<K, V>;
  #changes: Map<K, V | undefined>;
  /** Whether others may hold the same changes. */
  #shared: boolean;
  #size: number;

  private constructor(settled: Map<K, V>, changes: Map<K, V | undefined>, size: number, shared: boolean) {
    this.#settled = settled;
    this.#changes = changes;
    this.#size = size;
    this.#shared = shared;
  }

  static of<K, V>(entries: Iterable<readonly [K, V]> = []): Cells<K, V> {
    const settled = new Map(entries);
    return new Cells(settled, new Map(), settled.size, false);
  }

  get size(): number {
    return this.#size;
  }

  fork(): Cells<K, V> {
    this.#shared = true;
    return new Cells(this.#settled, this.#changes, this.#size, true);
  }

  get(key: K): V | undefined {
    const changed = this.#changes.get(key);
    if (changed !== undefined) return changed;
    return this.#changes.has(key) ? undefined : this.#settled.get(key);
  }

  /** Of a fork that nothing was forked from yet: whether anything was set or deleted in it. */
  get touched(): boolean {
    return !this.#shared;
  }

  set(key: K, value: V): void {
    if (this.get(key) === undefined) this.#size++;
    this.#own().set(key, value);
  }

  delete(key: K): void {
    if (this.get(key) === undefined) return;
    this.#size--;
    if (this.#settled.has(key)) this.#own().set(key, undefined);
    else this.#own().delete(key);
  }

  clear(): void {
    for (const [key] of [...this.entries()]) this.delete(key);
  }

  *entries(): Generator<[K, V]> {
    for (const entry of this.#settled) if (!this.#changes.has(entry[0])) yield entry;
    for (const [key, value] of this.#changes) if (value !== undefined) yield [key, value];
  }

  /** Changed entries; undefined stands for a deleted one. */
  changes(): ReadonlyMap<K, V | undefined> {
    return this.#changes;
  }

  /** Makes the changes part of what is shared. */
  settle(): void {
    if (this.#changes.size === 0) return;
    for (const [key, value] of this.#changes) {
      if (value === undefined) this.#settled.delete(key);
      else this.#settled.set(key, value);
    }
    this.#changes = new Map();
    this.#shared = false;
  }

  #own(): Map<K, V | undefined> {
    if (this.#shared) {
      this.#changes = new Map(this.#changes);
      this.#shared = false;
    }
    return this.#changes;
  }
}
