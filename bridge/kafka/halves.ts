/** What the broker refuses for good, found by halves. */
import { isRefusedForGood } from "./failure.ts";

/**
 * Writes all in their order, in as few parts as the broker takes; `through` is how far a part reaches, at the end that
 * of all. One that it refuses by itself is left to `alone`.
 */
export const writeByHalves = async <T extends { readonly offset: number | bigint }>(
  all: readonly T[],
  through: number,
  write: (part: readonly T[], through: number) => Promise<void>,
  alone: (one: T, through: number) => Promise<void>,
): Promise<void> => {
  try {
    await write(all, through);
  } catch (error) {
    const [first] = all;
    if (!isRefusedForGood(error) || first === undefined) throw error;
    if (all.length === 1) return alone(first, through);
    const half = all.slice(0, all.length >> 1);
    await writeByHalves(half, Number(half.at(-1)?.offset), write, alone);
    await writeByHalves(all.slice(half.length), through, write, alone);
  }
};
