/** Which function a call means, by the types of what it is given: those of the environment, and the operators. */
import type { CelType } from "@bufbuild/cel";
import { ENV } from "../executor/expression.ts";
import { nameOf, type Type } from "./variables.ts";

interface Overload {
  readonly target?: Type;
  readonly args: readonly Type[];
  readonly result: Type;
}

const NAMES: Readonly<Record<string, Type>> = {
  "google.protobuf.Timestamp": "timestamp",
  "google.protobuf.Duration": "duration",
  null_type: "null",
};

const typeOf = (type: CelType): Type => {
  if (type.kind === "list") return { list: typeOf(type.element) };
  if (type.kind === "map") return { map: typeOf(type.value) };
  return NAMES[type.name] ?? (type.name as Type);
};

const OVERLOADS = Map.groupBy(
  [...ENV.funcs].map(({ name, target, arguments: args, result }) => ({
    name,
    ...(target && { target: typeOf(target) }),
    args: args.map(typeOf),
    result: typeOf(result),
  })),
  ({ name }) => name,
) as ReadonlyMap<string, readonly Overload[]>;

/** What cannot be known before it runs passes, and fails then. */
const takes = (wanted: Type, given: Type): boolean => {
  if (wanted === "dyn" || given === "dyn") return true;
  if (typeof wanted === "string" || typeof given === "string") return wanted === given;
  if ("list" in wanted) return "list" in given && takes(wanted.list, given.list);
  return "map" in given && takes(wanted.map, given.map);
};

const NUMBERS: readonly Type[] = ["int", "uint", "double"];

const comparable = (a: Type, b: Type): boolean =>
  takes(a, b) || (NUMBERS.includes(a) && NUMBERS.includes(b)) || a === "null" || b === "null";

const isBool = (type: Type | undefined): boolean => type === "bool" || type === "dyn";

/** Operators as people write them. */
const written = (name: string): string =>
  name.replace(/^_|_$/g, "").replace("_[_]", "[ ]").replaceAll("@", "");

const SPECIAL: Readonly<Record<string, (args: readonly Type[]) => Type | undefined>> = {
  "_&&_": (args) => (args.every(isBool) ? "bool" : undefined),
  "_||_": (args) => (args.every(isBool) ? "bool" : undefined),
  "@not_strictly_false": ([only]) => (isBool(only) ? "bool" : undefined),
  __not_strictly_false__: ([only]) => (isBool(only) ? "bool" : undefined),
  "_==_": ([a = "dyn", b = "dyn"]) => (comparable(a, b) ? "bool" : undefined),
  "_!=_": ([a = "dyn", b = "dyn"]) => (comparable(a, b) ? "bool" : undefined),
  "_?_:_": ([when, yes = "dyn", no = "dyn"]) => {
    if (!isBool(when)) return undefined;
    return nameOf(yes) === nameOf(no) ? yes : "dyn";
  },
  "_[_]": ([of = "dyn", at = "dyn"]) => {
    if (of === "dyn") return "dyn";
    if (typeof of === "string") return undefined;
    if ("list" in of) return takes("int", at) ? of.list : undefined;
    return takes("string", at) ? of.map : undefined;
  },
  "@in": ([each = "dyn", all = "dyn"]) => {
    if (all === "dyn") return "bool";
    if (typeof all === "string") return undefined;
    if ("list" in all) return comparable(each, all.list) ? "bool" : undefined;
    return takes("string", each) ? "bool" : undefined;
  },
};

/** The type of what it answers; or why there is no such function. */
export const overloadOf = (
  name: string,
  target: Type | undefined,
  args: readonly Type[],
): Type | { readonly fault: string } => {
  const given = [...(target === undefined ? [] : [target]), ...args].map(nameOf).join(", ");
  const special = SPECIAL[name];
  if (special) return special(args) ?? { fault: `${written(name)} is not for ${given}` };
  const named = OVERLOADS.get(name);
  if (named === undefined) return { fault: `there is no function ${name}` };
  const fitting = named.filter(
    (each) =>
      (each.target === undefined) === (target === undefined) &&
      (each.target === undefined || target === undefined || takes(each.target, target)) &&
      each.args.length === args.length &&
      each.args.every((arg, i) => takes(arg, args[i] ?? "dyn")),
  );
  const [first, ...others] = fitting;
  if (first === undefined) return { fault: `${written(name)} is not for ${given}` };
  return others.every(({ result }) => nameOf(result) === nameOf(first.result)) ? first.result : "dyn";
};
