/** Draws the ids of lifetimes; nothing else of the runtime draws an id. */
import { monotonicFactory } from "ulidx";
import { lifetimeId } from "../../src/control-plane/ids.ts";

const pool = new Uint8Array(1_024);
let drawn = pool.length;

/** A number in [0, 1). Asking the platform once for many is twenty times faster than once for each. */
const random = (): number => {
  if (drawn === pool.length) {
    crypto.getRandomValues(pool);
    drawn = 0;
  }
  return (pool[drawn++] ?? 0) / 256;
};

/** Rising within an isolate, so that lifetimes started in the same millisecond sort as they came. */
const ulid = monotonicFactory(random);

export const newLifetime = (partition: number): string => lifetimeId(ulid(), partition);
