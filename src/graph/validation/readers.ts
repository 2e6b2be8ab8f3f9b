/**
 * Raw attribute → typed value, for every language: what DOT writes as a string, JSON may have typed. A reader
 * answers the value, or the words that complete "write …".
 */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { JSON_DEPTH_MAX } from "../../limits.ts";
import { err, ok, type Result } from "../../result.ts";
import type { Attributes } from "../draft.ts";
import { type Fault, fault, type Where } from "../fault.ts";
import type { Join } from "../graph.ts";

export type Reader<T> = (value: JsonValue) => Result<T, string>;

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const inWords = (ms: number): string => {
  const unit = ["d", "h", "m", "s"].find((name) => ms % (UNITS[name] ?? 1) === 0) ?? "ms";
  return ms === 0 ? "0" : `${ms / (UNITS[unit] ?? 1)}${unit}`;
};

const toNumber = (value: JsonValue): number => {
  if (typeof value === "number") return value;
  return typeof value === "string" && /^\s*\d+\s*$/.test(value) ? Number(value) : Number.NaN;
};

export const text: Reader<string> = (value) => (typeof value === "string" ? ok(value) : err("a string"));

export const wholeNumber =
  (min: number, max: number): Reader<number> =>
  (value) => {
    const number = toNumber(value);
    return Number.isInteger(number) && number >= min && number <= max
      ? ok(number)
      : err(`a whole number from ${min} to ${max}`);
  };

/** Milliseconds, or a string with a unit: 500ms, 30s, 2m, 1h, 1d. */
export const duration =
  (minMs: number, maxMs: number): Reader<number> =>
  (value) => {
    const [, digits, unit] = (typeof value === "string" && /^\s*(\d+)\s*(ms|s|m|h|d)\s*$/.exec(value)) || [];
    const ms = unit === undefined ? toNumber(value) : Number(digits) * (UNITS[unit] ?? Number.NaN);
    return Number.isInteger(ms) && ms >= minMs && ms <= maxMs
      ? ok(ms)
      : err(`a duration from ${inWords(minMs)} to ${inWords(maxMs)}, such as "30s", or milliseconds`);
  };

export const oneOf =
  <const T extends string>(...choices: T[]): Reader<T> =>
  (value) => {
    const choice = choices.find((name) => name === value);
    return choice === undefined ? err(choices.map((name) => `"${name}"`).join(" or ")) : ok(choice);
  };

export const flag: Reader<boolean> = (value) =>
  value === true || value === "true"
    ? ok(true)
    : value === false || value === "false"
      ? ok(false)
      : err(`"true" or "false"`);

const FIRST = /^\s*first\s*:\s*(\d+)\s*$/;

/** DOT writes the number of arrivals into the text: `first: 2`. */
export const joinOf: Reader<Join> = (value) => {
  const simple = SIMPLE_JOINS.find((name) => name === value);
  if (simple) return ok(simple);
  const first = typeof value === "string" ? Number(FIRST.exec(value)?.[1]) : firstOf(value);
  return Number.isInteger(first) && first >= 1
    ? ok({ first })
    : err(`"all", "each", "merge", or "first: 2" (in a document {"first": 2}) with a number from 1`);
};

const SIMPLE_JOINS = ["all", "each", "merge"] as const;

const firstOf = (value: JsonValue): number =>
  typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 1
    ? toNumber(value.first ?? null)
    : Number.NaN;

const ERROR_CODE = /^[A-Za-z_][\w.]{0,99}$/;

/** Error codes, as a list or as one string with commas. */
export const errorCodes: Reader<string[]> = (value) => {
  const codes = typeof value === "string" ? value.split(",").map((code) => code.trim()) : value;
  return Array.isArray(codes) && codes.every((code) => typeof code === "string" && ERROR_CODE.test(code))
    ? ok([...new Set(codes as string[])])
    : err(`error codes separated by commas, such as "invalid_request,not_found"`);
};

/** Whether a value nests deeper than the bound; looks no further than the bound. */
export const nestsDeeper = (value: unknown, depth = JSON_DEPTH_MAX): boolean =>
  typeof value === "object" &&
  value !== null &&
  (depth === 0 || Object.values(value).some((member) => nestsDeeper(member, depth - 1)));

const parseJson = (value: JsonValue): JsonValue | undefined => {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
};

/** A JSON object, or a string that holds one. */
export const jsonObject: Reader<JsonObject> = (value) => {
  const object = parseJson(value);
  if (typeof object !== "object" || object === null || Array.isArray(object))
    return err(`a JSON object, in DOT as a string: "{\\"key\\": 1}"`);
  return nestsDeeper(object) ? err(`a JSON object of at most ${JSON_DEPTH_MAX} levels`) : ok(object);
};

const SHOWN_CHARS_MAX = 60;

const shown = (value: JsonValue): string => {
  const json = typeof value === "object" && value !== null ? "an object or a list" : JSON.stringify(value);
  return json.length > SHOWN_CHARS_MAX ? `${json.slice(0, SHOWN_CHARS_MAX)}…` : json;
};

/** Reads one attribute; undefined when it is not there, or is wrong and thereby among the faults. */
export const readAttribute = <T>(
  attributes: Attributes,
  name: string,
  reader: Reader<T>,
  where: Where,
  faults: Fault[],
): T | undefined => {
  const attribute = attributes.get(name);
  if (!attribute) return undefined;
  const read = reader(attribute.value);
  if (read.ok) return read.value;
  const position = attribute.position ?? where.position;
  const message = `${attribute.path} is ${shown(attribute.value)}; write ${read.error}.`;
  faults.push(fault("invalid_attribute", message, { ...where, position }));
  return undefined;
};
