/** Callers that wait for something to happen: by key, each for a bounded time. */
export class Waiters<K> {
  readonly #waiting = new Map<K, Set<() => void>>();

  /** Settles when the key is woken, or after so many milliseconds; true in the first case. */
  wait(key: K, ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, waiting);
      const wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
      const timer = setTimeout(() => {
        waiting.delete(wake);
        if (waiting.size === 0) this.#waiting.delete(key);
        resolve(false);
      }, ms);
      waiting.add(wake);
    });
  }

  wake(key: K): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    this.#waiting.delete(key);
    for (const wake of waiting) wake();
  }

  wakeAll(): void {
    for (const key of [...this.#waiting.keys()]) this.wake(key);
  }
}
