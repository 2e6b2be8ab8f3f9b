/** Which partition a key belongs to, as Java's producer has it; kafkajs has the same, in numbers of any length. */
import type { ICustomPartitioner } from "kafkajs";

const SEED = 0x9747b28c;
const M = 0x5bd1e995;
const R = 24;
const POSITIVE = 0x7fffffff;

export const murmur2 = (key: Uint8Array): number => {
  const byte = (i: number) => key[i] as number;
  const { length } = key;
  const whole = length & ~3;
  let hash = SEED ^ length;
  for (let i = 0; i < whole; i += 4) {
    let four = byte(i) | (byte(i + 1) << 8) | (byte(i + 2) << 16) | (byte(i + 3) << 24);
    four = Math.imul(four, M);
    four = Math.imul(four ^ (four >>> R), M);
    hash = Math.imul(hash, M) ^ four;
  }
  for (let i = length - 1; i >= whole; i--) hash ^= byte(i) << (8 * (i - whole));
  if (length > whole) hash = Math.imul(hash, M);
  hash = Math.imul(hash ^ (hash >>> 13), M);
  return hash ^ (hash >>> 15);
};

/** Of messages that all have keys. */
export const partitionOf: ICustomPartitioner =
  () =>
  ({ partitionMetadata, message: { key } }) =>
    (murmur2(key as Buffer) & POSITIVE) % partitionMetadata.length;
