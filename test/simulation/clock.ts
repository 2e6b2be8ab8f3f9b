/** Virtual time: what is planned happens in its order, and nothing in between. */
interface Planned {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class Clock {
  now = 1_700_000_000_000;
  #planned: Planned[] = [];
  #order = 0;

  at(at: number, run: () => void): void {
    const planned = { at: Math.max(at, this.now), order: this.#order++, run };
    const place = this.#planned.findLastIndex((other) => other.at <= planned.at);
    this.#planned.splice(place + 1, 0, planned);
  }

  after(ms: number, run: () => void): void {
    this.at(this.now + ms, run);
  }

  /** Does what comes next; false when nothing is planned. */
  step(): boolean {
    const next = this.#planned.shift();
    if (next === undefined) return false;
    this.now = next.at;
    next.run();
    return true;
  }
}
