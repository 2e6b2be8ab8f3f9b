/**
 * The readers that have all there is, by what they follow, and what they are given when more has happened: each
 * event is written once, and each reader of the same feed gets the same bytes.
 */
import { lifetimeOf } from "../../../src/stream/frame.ts";
import type { LogRecord } from "../../../src/topics/record.ts";
import type { Frames } from "./frames.ts";
import { bytesOf, type Reader } from "./reader.ts";

/** The key of those who follow the whole tenant; no lifetime has it. */
const TENANT = "";

/** What is in no log. */
export interface Aside {
  readonly lifetime: string;
  readonly text: string;
}

export class Feeds {
  readonly #readers = new Map<string, Set<Reader>>();

  join(reader: Reader): void {
    const key = reader.lifetime ?? TENANT;
    const feed = this.#readers.get(key) ?? new Set();
    this.#readers.set(key, feed.add(reader));
    reader.live = true;
  }

  leave(reader: Reader): void {
    const key = reader.lifetime ?? TENANT;
    const feed = this.#readers.get(key);
    feed?.delete(reader);
    if (feed?.size === 0) this.#readers.delete(key);
  }

  follow(lifetime: string): boolean {
    return this.#readers.has(TENANT) || this.#readers.has(lifetime);
  }

  deliver(asides: readonly Aside[], records: readonly LogRecord[], frames: Frames): void {
    if (this.#readers.size === 0) return;
    const tenant = this.#readers.has(TENANT);
    const lifetimes = this.#readers.size > (tenant ? 1 : 0);
    const texts = new Map<string, string>();
    const add = (key: string, text: string) => texts.set(key, (texts.get(key) ?? "") + text);
    for (const { lifetime, text } of asides) {
      if (tenant) add(TENANT, text);
      if (this.#readers.has(lifetime)) add(lifetime, text);
    }
    for (const record of records) {
      const lifetime = lifetimes ? lifetimeOf(record) : undefined;
      const followed = lifetime !== undefined && this.#readers.has(lifetime);
      if (tenant) add(TENANT, frames.of(record));
      if (followed) add(lifetime, frames.of(record));
    }
    for (const [key, text] of texts) {
      const chunk = bytesOf(text);
      for (const reader of this.#readers.get(key) ?? []) reader.offer(chunk);
    }
  }

  /** Those of a lifetime, once it has ended and they have been told. */
  finish(lifetime: string): void {
    for (const reader of this.#readers.get(lifetime) ?? []) reader.finish();
  }
}
