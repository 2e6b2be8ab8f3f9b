/**
 * How many tenants this bridge writes for: its share of all, by the number of bridges in the consumer group. Who has it is
 * said by the lease in each object alone; this only keeps from asking for more, and says what to give back.
 */

/** What nobody has had for so long is asked for above the share: of those that are counted, not all need be able to. */
const OVERDUE_MS = 20_000;
/** What was taken above the share is kept for so long, unless the share changes. */
const KEPT_MS = 3_600_000;

export class Leadership<Leader> {
  readonly #now: () => number;
  /** With those that have asked, and are not answered; the last is the youngest. */
  readonly #leading = new Set<Leader>();
  readonly #waiting = new Map<Leader, number>();
  readonly #kept = new Set<Leader>();
  #share = Number.POSITIVE_INFINITY;
  #keptUntil = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** How many there are of each, as far as is known by now. */
  count(tenants: number, bridges: number): void {
    const share = Math.ceil(tenants / Math.max(1, bridges));
    if (share === this.#share && this.#now() < this.#keptUntil) return;
    this.#share = share;
    this.#kept.clear();
    this.#waiting.clear();
    this.#keptUntil = this.#now() + KEPT_MS;
  }

  /** Whether the lease may be asked for: it then counts as had, until it is left. */
  enter(leader: Leader): boolean {
    const since = this.#waiting.get(leader) ?? this.#now();
    const isOverdue = this.#now() - since >= OVERDUE_MS;
    if (this.#leading.size >= this.#share && !isOverdue) {
      this.#waiting.set(leader, since);
      return false;
    }
    if (this.#leading.size >= this.#share) this.#kept.add(leader);
    this.#waiting.delete(leader);
    this.#leading.add(leader);
    return true;
  }

  leave(leader: Leader): void {
    this.#leading.delete(leader);
    this.#kept.delete(leader);
  }

  /** It is gone, or begins anew. */
  forget(leader: Leader): void {
    this.leave(leader);
    this.#waiting.delete(leader);
  }

  /** What another should have. */
  surplus(): readonly Leader[] {
    const given = [...this.#leading].filter((leader) => !this.#kept.has(leader));
    return given.slice(Math.min(given.length, this.#share));
  }
}
