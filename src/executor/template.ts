/**
 * Text with `${ … }` in it, each a CEL expression over the variables of a node. `$${` stands for `${`. What a
 * place in a text may hold is a string, a number or a boolean; whoever renders says how it is written there.
 */
import type { JsonValue } from "@bufbuild/protobuf";
import { err, ok, type Result } from "../result.ts";
import { checkExpression, evaluate } from "./expression.ts";

export type Part = string | { readonly expression: string };

type Variables = Readonly<Record<string, JsonValue>>;

/** Where the expression that begins at `from` ends: past strings and braces of its own. Undefined where it does not. */
const endOf = (text: string, from: number): number | undefined => {
  let depth = 0;
  let quote = "";
  for (let at = from; at < text.length; at++) {
    const char = text[at] ?? "";
    if (quote !== "") {
      if (char === "\\") at++;
      else if (char === quote) quote = "";
    } else if (char === '"' || char === "'") quote = char;
    else if (char === "{") depth++;
    else if (char === "}" && depth-- === 0) return at;
  }
  return undefined;
};

/** Expressions are checked here, so that what is registered can be rendered. */
export const parseTemplate = (text: string): Result<readonly Part[], string> => {
  const parts: Part[] = [];
  let literal = "";
  let at = 0;
  for (let next = text.indexOf("${"); next >= 0; next = text.indexOf("${", at)) {
    if (text[next - 1] === "$" && next > at) {
      literal += `${text.slice(at, next - 1)}\${`;
      at = next + 2;
      continue;
    }
    literal += text.slice(at, next);
    const end = endOf(text, next + 2);
    if (end === undefined)
      return err(`has a \${ at ${next + 1} without its }; write $\${ for the two as text`);
    const expression = text.slice(next + 2, end).trim();
    const fault = checkExpression(expression);
    if (fault !== undefined) return err(`has in \${${expression}} no CEL expression: ${fault}`);
    if (literal !== "") parts.push(literal);
    parts.push({ expression });
    literal = "";
    at = end + 1;
  }
  literal += text.slice(at);
  if (literal !== "" || parts.length === 0) parts.push(literal);
  return ok(parts);
};

const evaluated = (expression: string, variables: Variables): Result<JsonValue, string> => {
  const value = evaluate(expression, variables);
  return value.ok ? value : err(`\${${expression}}: ${value.error}`);
};

/** `write` makes of a value what stands for it in this text. */
export const renderText = (
  parts: readonly Part[],
  variables: Variables,
  write: (value: string) => string = (value) => value,
): Result<string, string> => {
  let text = "";
  for (const part of parts) {
    if (typeof part === "string") {
      text += part;
      continue;
    }
    const value = evaluated(part.expression, variables);
    if (!value.ok) return value;
    if (typeof value.value === "object")
      return err(`\${${part.expression}} is ${kindOf(value.value)}; give text, a number or a boolean`);
    text += write(String(value.value).toWellFormed());
  }
  return ok(text);
};

const kindOf = (value: object | null): string => {
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : "an object";
};

/** Every text in a JSON value is a template; one that is a single expression stands for its value, whatever that is. */
export const checkJson = (template: JsonValue): string | undefined => {
  if (typeof template === "string") {
    const parsed = parseTemplate(template);
    return parsed.ok ? undefined : parsed.error;
  }
  if (typeof template !== "object" || template === null) return undefined;
  for (const member of Object.values(template)) {
    const fault = checkJson(member);
    if (fault !== undefined) return fault;
  }
  return undefined;
};

export const renderJson = (template: JsonValue, variables: Variables): Result<JsonValue, string> => {
  if (typeof template === "string") {
    const parts = parseTemplate(template);
    if (!parts.ok) return parts;
    const [only] = parts.value;
    return parts.value.length === 1 && typeof only === "object"
      ? evaluated(only.expression, variables)
      : renderText(parts.value, variables);
  }
  if (typeof template !== "object" || template === null) return ok(template);
  const rendered: [string, JsonValue][] = [];
  for (const [key, member] of Object.entries(template)) {
    const value = renderJson(member, variables);
    if (!value.ok) return value;
    rendered.push([key, value.value]);
  }
  return ok(Array.isArray(template) ? rendered.map(([, value]) => value) : Object.fromEntries(rendered));
};
