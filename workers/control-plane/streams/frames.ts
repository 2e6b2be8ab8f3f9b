/**
 * The frames of records, each encoded once: recent ones are kept for those who come to read them later. What was
 * made last is kept in halves, of which the older one goes as a whole.
 */
import { FRAMES_CHARS_MAX } from "../../../src/limits.ts";
import { frameOf } from "../../../src/stream/frame.ts";
import type { LogRecord } from "../../../src/topics/record.ts";

export class Frames {
  #newer = new Map<number, string>();
  #older = new Map<number, string>();
  /** Of the newer ones. */
  #chars = 0;

  of(record: LogRecord): string {
    const { offset } = record;
    const known = this.#newer.get(offset) ?? this.#older.get(offset);
    if (known !== undefined) return known;
    const text = frameOf(record);
    this.#chars += text.length;
    if (this.#chars > FRAMES_CHARS_MAX / 2) {
      this.#older = this.#newer;
      this.#newer = new Map();
      this.#chars = text.length;
    }
    this.#newer.set(offset, text);
    return text;
  }

  reset(): void {
    this.#newer.clear();
    this.#older.clear();
    this.#chars = 0;
  }
}
