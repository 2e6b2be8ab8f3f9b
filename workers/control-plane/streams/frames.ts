/** The frames of records, each encoded once: the most recent are kept for those who come to read them later. */
import { FRAMES_CHARS_MAX } from "../../../src/limits.ts";
import { frameOf } from "../../../src/stream/frame.ts";
import type { LogRecord } from "../../../src/topics/record.ts";

export class Frames {
  readonly #texts = new Map<number, string>();
  #chars = 0;

  of(record: LogRecord): string {
    const known = this.#texts.get(record.offset);
    if (known !== undefined) return known;
    const text = frameOf(record);
    this.#texts.set(record.offset, text);
    this.#chars += text.length;
    for (const [offset, oldest] of this.#texts) {
      if (this.#chars <= FRAMES_CHARS_MAX) break;
      this.#texts.delete(offset);
      this.#chars -= oldest.length;
    }
    return text;
  }

  reset(): void {
    this.#texts.clear();
    this.#chars = 0;
  }
}
