/** So much may be inside at once; who comes when there is no room waits for those before. */
export class Room {
  #free: number;
  readonly #waiting: { readonly size: number; readonly enter: () => void }[] = [];

  constructor(size: number) {
    this.#free = size;
  }

  /** Settles inside; true where that took waiting. */
  async enter(size: number): Promise<boolean> {
    if (this.#waiting.length === 0 && size <= this.#free) {
      this.#free -= size;
      return false;
    }
    await new Promise<void>((enter) => this.#waiting.push({ size, enter }));
    return true;
  }

  leave(size: number): void {
    this.#free += size;
    for (let next = this.#waiting[0]; next && next.size <= this.#free; next = this.#waiting[0]) {
      this.#free -= next.size;
      this.#waiting.shift();
      next.enter();
    }
  }
}
