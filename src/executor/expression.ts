/**
 * CEL over JSON. A JSON number that is whole binds as int, any other as double, and arithmetic that mixes
 * the two is done in double: `input.n + 1` and `input.price * 2` do what a person expects, whatever the
 * number happens to be. Division of two whole numbers is whole, as in CEL: write `/ 2.0` for a fraction.
 */

import {
  type CelInput,
  type CelResult,
  CelScalar,
  celEnv,
  celFunc,
  isCelError,
  isCelList,
  isCelMap,
  isCelType,
  isCelUint,
  parse,
  plan,
} from "@bufbuild/cel";
import { type JsonValue, toJson } from "@bufbuild/protobuf";
import { base64Encode } from "@bufbuild/protobuf/wire";
import { COMPILED_EXPRESSIONS_MAX } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";

const { DOUBLE, INT } = CelScalar;

const ARITHMETIC: Readonly<Record<string, (a: number, b: number) => number>> = {
  "_+_": (a, b) => a + b,
  "_-_": (a, b) => a - b,
  "_*_": (a, b) => a * b,
  "_/_": (a, b) => a / b,
};

const MIXED = Object.entries(ARITHMETIC).flatMap(([name, calculate]) => [
  celFunc(name, [INT, DOUBLE], DOUBLE, (a, b) => calculate(Number(a), b)),
  celFunc(name, [DOUBLE, INT], DOUBLE, (a, b) => calculate(a, Number(b))),
]);

/** Every expression of the runtime is of this one environment. */
export const ENV = celEnv({ funcs: MIXED });

type Variables = Readonly<Record<string, JsonValue>>;

interface Program {
  run(variables: Record<string, CelInput>): CelResult;
  /** Where in the text an expression of the program stands. */
  position(exprId: bigint | undefined): string;
}

const programs = new Map<string, Program>();

/** Throws for what is no expression. */
const compile = (text: string): Program => {
  const parsed = parse(text);
  const run = plan(ENV, parsed);
  return { run: (variables) => run(variables), position: (exprId) => positionIn(text, parsed, exprId) };
};

export type Parsed = ReturnType<typeof parse>;

/** Line and column of an expression of a text, as faults begin with them. */
export const positionIn = (text: string, { sourceInfo }: Parsed, exprId: bigint | undefined): string => {
  const offset = sourceInfo?.positions[String(exprId)];
  if (offset === undefined) return "";
  const before = text.slice(0, offset).split("\n");
  return `${before.length}:${(before.at(-1)?.length ?? 0) + 1}: `;
};

const programOf = (text: string): Program => {
  const known = programs.get(text);
  if (known) return known;
  const program = compile(text);
  const [oldest] = programs.keys();
  if (programs.size >= COMPILED_EXPRESSIONS_MAX && oldest !== undefined) programs.delete(oldest);
  programs.set(text, program);
  return program;
};

/** The parser goes on with all that it would rather have found, which helps nobody. */
export const faultText = (cause: unknown): string =>
  cause instanceof RangeError
    ? "it nests too deep"
    : (cause as Error).message.replace(/^<input>:/, "").replace(/ but expecting .*$/s, "");

/** What is wrong with the syntax of an expression, with its line and column; undefined when nothing is. */
export const checkExpression = (text: string): string | undefined => {
  try {
    // Not kept: what is checked may never run, and would displace what does.
    compile(text);
    return undefined;
  } catch (cause) {
    return faultText(cause);
  }
};

export const toCel = (json: JsonValue): CelInput => {
  if (typeof json === "number") return Number.isSafeInteger(json) ? BigInt(json) : json;
  if (typeof json !== "object" || json === null) return json;
  if (Array.isArray(json)) return json.map(toCel);
  return new Map(Object.entries(json).map(([key, value]) => [key, toCel(value)]));
};

/** Not JSON yet: a double may be NaN, and whoever passes it on checks that. Throws for ints past 2^53. */
export const fromCel = (value: CelResult): JsonValue => {
  if (typeof value === "bigint" || isCelUint(value)) {
    const int = typeof value === "bigint" ? value : value.value;
    if (Number.isSafeInteger(Number(int))) return Number(int);
    throw new Error(`${int} is past what a JSON number holds; write string(…)`);
  }
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return base64Encode(value);
  if (isCelList(value)) return [...value].map(fromCel);
  if (isCelMap(value))
    return Object.fromEntries([...value].map(([key, each]) => [String(fromCel(key)), fromCel(each)]));
  if (isCelType(value)) return value.name;
  if (isCelError(value)) throw value;
  return toJson(value.desc, value.message);
};

/** The value of an expression, or why it has none and where. Anything but a parse of known text is cheap. */
export const evaluate = (text: string, variables: Variables): Result<JsonValue, string> => {
  try {
    const program = programOf(text);
    const bound = Object.entries(variables).map(([name, value]): [string, CelInput] => [name, toCel(value)]);
    const value = program.run(Object.fromEntries(bound));
    return isCelError(value) ? err(`${program.position(value.exprId)}${value.message}`) : ok(fromCel(value));
  } catch (cause) {
    return err(faultText(cause));
  }
};
