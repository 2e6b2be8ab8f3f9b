/**
 * Ids are counted and hashed, never drawn, so the same log gives the same ids.
 *
 * input id      `{lifetime}:{n}`, n counts the inputs of the lifetime; 0 is the synthetic root
 * execution id  UUID v8 (RFC 9562) hashed from tenant, input id and attempt, with the partition in fixed bits
 * lifetime id   ours are a ULID and, but for partition 0, `-{partition}`; whatever another starter named is in
 *               partition 0, also when it ends alike
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

/** Ten bits of an execution id. */
export const PARTITIONS_MAX = 1_024;

const UUID_V8 = 0x80;
const VARIANT = 0x80;

export const inputId = (lifetime: string, n: number): string => `${lifetime}:${n}`;

export const parseInputId = (id: string): { lifetime: string; n: number } | undefined => {
  const at = id.lastIndexOf(":");
  const lifetime = id.slice(0, Math.max(at, 0));
  const n = Number(id.slice(at + 1));
  // Only the one spelling that `inputId` writes: `1e1` and `0x0a` are numbers too.
  return lifetime !== "" && Number.isSafeInteger(n) && n >= 0 && inputId(lifetime, n) === id
    ? { lifetime, n }
    : undefined;
};

/** Bytes 6 and 7 carry the version and the partition's upper and lower bits. */
export const execId = (tenant: string, partition: number, input: string, attempt: number): string => {
  const bytes = sha256(utf8ToBytes(`${tenant}/${input}/${attempt}`)).subarray(0, 16);
  bytes[6] = UUID_V8 | ((partition >> 8) & 0x03);
  bytes[7] = partition & 0xff;
  bytes[8] = VARIANT | ((bytes[8] ?? 0) & 0x3f);
  const hex = bytesToHex(bytes);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
};

const PARTITION_SUFFIX = /^[0-9A-Z]{26}-([1-9]\d{0,3})$/;

export const lifetimeId = (ulid: string, partition: number): string =>
  partition === 0 ? ulid : `${ulid}-${partition}`;

export const partitionOf = (lifetime: string): number => {
  const partition = Number(PARTITION_SUFFIX.exec(lifetime)?.[1] ?? 0);
  return partition < PARTITIONS_MAX ? partition : 0;
};

/** A number in [0, 1) that depends on nothing but its arguments. */
export const draw = (seed: number, n: number, attempt: number): number => {
  let x = (seed ^ Math.imul(n, 0x9e3779b1) ^ Math.imul(attempt, 0x85ebca6b)) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return ((x ^ (x >>> 15)) >>> 0) / 0x1_0000_0000;
};

export const seedOf = (lifetime: string): number => {
  const [a = 0, b = 0, c = 0, d = 0] = sha256(utf8ToBytes(lifetime));
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
};
