/**
 * Ids are counted, never drawn, so the same log gives the same ids.
 *
 * input id      `{lifetime}:{n}`, n counts the inputs of the lifetime; 0 is the synthetic root
 * execution id  UUID v8 (RFC 9562) of partition, start and seed of the lifetime, n, and attempt
 * lifetime id   ours are a ULID and, but for partition 0, `-{partition}`; whatever another starter named is in
 *               partition 0, also when it ends alike
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";

/** Ten bits of an execution id. */
export const PARTITIONS_MAX = 1_024;

const UUID_V8 = 0x8000;
const VARIANT = 0x8000;

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

/** An input may be asked for more than once: the offset of the record that opened the approval tells which. */
export const approvalId = (lifetime: string, n: number, opened: number): string =>
  approvalOf(inputId(lifetime, n), { opened });

export const approvalOf = (input: string, { opened }: { readonly opened: number }): string =>
  `${input}:${opened}`;

export const parseApprovalId = (id: string): { lifetime: string; n: number; opened: number } | undefined => {
  const at = id.lastIndexOf(":");
  const input = parseInputId(id.slice(0, Math.max(at, 0)));
  const opened = Number(id.slice(at + 1));
  return input && Number.isSafeInteger(opened) && approvalId(input.lifetime, input.n, opened) === id
    ? { ...input, opened }
    : undefined;
};

/** What the execution ids of a lifetime have in common. */
export interface ExecIdSource {
  readonly partition: number;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly seed: number;
}

/**
 * Bits, in order: 48 of the start of the lifetime, 4 of the version, 10 of the partition and 2 of zero, 2 of the
 * variant, 32 of the seed, 24 of n and 6 of the attempt. Ids so rise with time, as an index likes them.
 */
export const execId = ({ partition, startedAt, seed }: ExecIdSource, n: number, attempt: number): string => {
  const time = hex(startedAt, 12);
  const third = hex(UUID_V8 | (partition << 2), 4);
  // 62 bits after the variant: more than a number holds, so they are written in two parts.
  const fourth = hex(VARIANT | (seed >>> 18), 4);
  const last = hex((seed & 0x3_ffff) * 2 ** 30 + n * 2 ** 6 + attempt, 12);
  return `${time.slice(0, 8)}-${time.slice(8)}-${third}-${fourth}-${last}`;
};

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");

const PARTITION_SUFFIX = /^[0-9A-Z]{26}-([1-9]\d{0,3})$/;

export const lifetimeId = (ulid: string, partition: number): string =>
  partition === 0 ? ulid : `${ulid}-${partition}`;

export const partitionOf = (lifetime: string): number => {
  const partition = Number(PARTITION_SUFFIX.exec(lifetime)?.[1] ?? 0);
  return partition < PARTITIONS_MAX ? partition : 0;
};

/** The object that holds a partition of a tenant. */
export const objectName = (tenant: string, partition: number): string => `${tenant}/${partition}`;

/** A number in [0, 1) that depends on nothing but its arguments. */
export const draw = (seed: number, n: number, attempt: number): number => {
  let x = (seed ^ Math.imul(n, 0x9e3779b1) ^ Math.imul(attempt, 0x85ebca6b)) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return ((x ^ (x >>> 15)) >>> 0) / 0x1_0000_0000;
};

/** 32 bits that stand for a lifetime of a tenant. */
export const seedOf = (tenant: string, lifetime: string): number => {
  const [a = 0, b = 0, c = 0, d = 0] = sha256(utf8ToBytes(`${tenant}/${lifetime}`));
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
};
