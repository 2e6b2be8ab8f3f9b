/** What may leave a node: JSON, and nothing that only looks like it. Says what is not, and where. */
import type { JsonValue } from "@bufbuild/protobuf";
import { err, ok, type Result } from "../result.ts";

export const pathText = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, key) =>
      typeof key === "number" ? `${text}[${key}]` : text === "" ? String(key) : `${text}.${String(key)}`,
    "",
  );

/** A sentence's end, and the path that leads there, built on the way back so that good values pay nothing. */
class NotJson {
  readonly detail: string;
  readonly path: PropertyKey[] = [];

  constructor(detail: string) {
    this.detail = detail;
  }
}

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

const notScalar = (value: unknown): NotJson => {
  if (typeof value === "number") return new NotJson(`is ${value}, for which JSON has no number`);
  if (typeof value === "bigint") return new NotJson("is a BigInt; return a number or text");
  return new NotJson(value === undefined ? "is undefined" : `is a ${typeof value}`);
};

const copy = (value: unknown, depth: number): JsonValue | NotJson => {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "string")
    return value.isWellFormed() ? value : new NotJson("is text with half a surrogate pair");
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (typeof value !== "object") return notScalar(value);
  if (depth === 0) return new NotJson("nests too deep, or contains itself");
  if (!Array.isArray(value) && !isPlain(value))
    return new NotJson(`is a ${value.constructor?.name ?? "class instance"}; return a plain object or text`);
  const keys = Array.isArray(value) ? value.keys() : Object.keys(value);
  const copied: [PropertyKey, JsonValue][] = [];
  for (const key of keys) {
    const member: unknown = Reflect.get(value, key);
    // As JSON.stringify has it: a member that is undefined is not there.
    if (member === undefined && typeof key === "string") continue;
    const inner = copy(member, depth - 1);
    if (inner instanceof NotJson) {
      if (inner.path.length < 10) inner.path.unshift(key);
      return inner;
    }
    copied.push([key, inner]);
  }
  return Array.isArray(value) ? copied.map(([, inner]) => inner) : Object.fromEntries(copied);
};

/** A copy of the value as JSON; undefined as a whole counts as null. */
export const asJson = (value: unknown, depthMax: number): Result<JsonValue, string> => {
  const copied = value === undefined ? null : copy(value, depthMax);
  if (!(copied instanceof NotJson)) return ok(copied);
  return err(`${pathText(copied.path) || "the value"} ${copied.detail}`);
};
