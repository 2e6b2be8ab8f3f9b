/**
 * Lets every running lifetime learn that its tenant or its graph was paused or resumed, some in each turn, so
 * that ten thousand of them hold up nothing. One that something happens to before it is its turn learns by that.
 */
import { ALIGN_LIFETIMES } from "../../src/limits.ts";
import type { LogLine } from "../log-line.ts";
import { Waiters } from "./waiters.ts";

export interface AlignmentPorts {
  running(): readonly { readonly id: string }[];
  align(lifetime: string): Promise<void>;
  /** All of them know of all changes. */
  aligned(): void;
  readonly say: LogLine;
}

export class Alignment {
  readonly #ports: AlignmentPorts;
  readonly #finished = new Waiters<"all">();
  /** Something has changed since the last pass began, or that has failed. */
  #again = false;
  #passing = false;
  /** Raised when the tenant goes: what a pass that it interrupts leaves is nobody's. */
  #resets = 0;

  constructor(ports: AlignmentPorts) {
    this.#ports = ports;
  }

  get unfinished(): boolean {
    return this.#again || this.#passing;
  }

  start(): void {
    this.#again = true;
    if (!this.#passing) void this.#pass();
  }

  /** Whether every lifetime knows, waiting a bounded time for it. */
  async finished(ms: number): Promise<boolean> {
    return !this.unfinished || (await this.#finished.wait("all", ms));
  }

  reset(): void {
    this.#again = false;
    this.#resets++;
  }

  async #pass(): Promise<void> {
    const resets = this.#resets;
    this.#passing = true;
    try {
      while (this.#again) {
        this.#again = false;
        const ids = this.#ports.running().map(({ id }) => id);
        for (let i = 0; i < ids.length; i += ALIGN_LIFETIMES)
          await Promise.all(ids.slice(i, i + ALIGN_LIFETIMES).map((id) => this.#ports.align(id)));
      }
      this.#ports.aligned();
    } catch (cause) {
      if (resets === this.#resets) this.#again = true;
      this.#ports.say("error", "alignment_failed", { detail: String(cause) });
    } finally {
      this.#passing = false;
      if (!this.#again) this.#finished.wakeAll();
    }
  }
}
