/**
 * Lets few of many through: the first at once, then with each pause the newest that came in it. The last always
 * gets through, unless it is stopped before.
 */
export class Paced<T> {
  readonly #pauseMs: number;
  readonly #pass: (value: T) => void;
  #pause: ReturnType<typeof setTimeout> | undefined;
  #newest: { readonly value: T } | undefined;

  constructor(pauseMs: number, pass: (value: T) => void) {
    this.#pauseMs = pauseMs;
    this.#pass = pass;
  }

  say(value: T): void {
    if (this.#pause === undefined) this.#letThrough(value);
    else this.#newest = { value };
  }

  stop(): void {
    clearTimeout(this.#pause);
  }

  #letThrough(value: T): void {
    this.#newest = undefined;
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      if (this.#newest) this.#letThrough(this.#newest.value);
    }, this.#pauseMs);
    this.#pass(value);
  }
}
