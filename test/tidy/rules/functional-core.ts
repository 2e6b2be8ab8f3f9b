// The core is a function of its arguments: no waiting, no clock, no chance, nothing outside.
import { isNode, type Rule, type SyntaxNode, walk } from "../source.ts";

const GLOBALS: Readonly<Record<string, string>> = {
  Promise: "src does not wait. Return an effect, and let the shell do it",
  crypto: "src has no randomness and no async digest. Pass in a seed, or use a synchronous library",
  performance: "src has no clock. Take the time as a parameter",
  setTimeout: "src has no clock. Return an effect that sets a timer",
  setInterval: "src has no clock. Return an effect that sets a timer",
  queueMicrotask: "src does not wait. Return an effect",
  fetch: "src does no I/O. Return an effect",
  console: "src does no I/O. Return what is to be said",
  process: "src does not know its platform. Take the value as a parameter",
};

/** Whether a name is read as a value here, and is not the name of a member, key or import. */
const isRead = (parent: SyntaxNode | undefined, key: string): boolean => {
  if (parent === undefined) return true;
  if (/^(Import|Export)\w*Specifier$/.test(parent.type)) return false;
  return (key !== "property" && key !== "key") || parent.computed === true;
};

const isMember = (node: SyntaxNode, object: string, property: string): boolean =>
  node.type === "MemberExpression" &&
  isNode(node.object) &&
  node.object.name === object &&
  isNode(node.property) &&
  node.property.name === property;

const fault = (node: SyntaxNode, parent: SyntaxNode | undefined, key: string): string | undefined => {
  if (node.async === true) return "is async. src does not wait: return an effect, and let the shell do it.";
  if (node.type === "AwaitExpression" || (node.type === "ForOfStatement" && node.await === true))
    return "awaits. src does not wait: return an effect, and let the shell do it.";
  if (isMember(node, "Date", "now")) return "reads the clock. Take the time as a parameter.";
  if (isMember(node, "Math", "random")) return "is random. Take a seed as a parameter.";
  if (node.type === "NewExpression" && isNode(node.callee) && node.callee.name === "Date") {
    const none = Array.isArray(node.arguments) && node.arguments.length === 0;
    return none ? "reads the clock. Take the time as a parameter: new Date(ms)." : undefined;
  }
  if (node.type !== "Identifier" || !isRead(parent, key)) return undefined;
  const name = String(node.name);
  return Object.hasOwn(GLOBALS, name) ? `uses ${name}. ${GLOBALS[name]}.` : undefined;
};

// Types of TypeScript that hold an expression; all others hold types, which may mention promises.
const HOLDS_VALUE = /^TS(As|Satisfies|NonNull|Instantiation)Expression$|^TSExportAssignment$/;

export const functionalCore: Rule = (source) => {
  if (!source.path.startsWith("src/")) return [];
  const found: ReturnType<Rule>[number][] = [];
  walk(source.program, (node, parent, key) => {
    if (node.type.startsWith("TS") && !HOLDS_VALUE.test(node.type)) return false;
    const message = fault(node, parent, key);
    if (message !== undefined) found.push(source.finding(node.start, message));
  });
  return found;
};
