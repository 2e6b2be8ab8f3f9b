/**
 * Whether an expression means anything: every identifier, field and function of it is resolved, types included,
 * before a policy is stored. What it names of variables is rewritten to one name each (`lifetime.spent.tokens`), so
 * that an evaluation looks up a value and walks no structure.
 */
import { isCelError, plan } from "@bufbuild/cel";
import { ENV, type Parsed } from "../executor/expression.ts";
import { POLICY_LOOPS_IN_ALL_MAX, POLICY_LOOPS_MAX, POLICY_NESTED_VALUES_MAX } from "../limits.ts";
import { overloadOf } from "./overloads.ts";
import type { PolicyEvent } from "./policy.ts";
import { knownOn, nameOf, type Shape, type Type, variablesOf } from "./variables.ts";

export type Expr = NonNullable<Parsed["expr"]>;
type Kind<Case extends string> = Extract<Expr["exprKind"], { case: Case }>["value"];

/** Where, and what. */
export class ExpressionFault extends Error {
  readonly exprId: bigint;
  constructor(exprId: bigint, message: string) {
    super(message);
    this.exprId = exprId;
  }
}

interface Checked {
  readonly type: Type;
  /** Names nothing, so it may be evaluated right away. */
  readonly constant: boolean;
  /** May be, or hold, a list that + has joined: nothing bounds how long it is. */
  readonly joined?: boolean;
}

type Scope = ReadonlyMap<string, Type>;

const TYPE_NAMES = ["int", "uint", "double", "bool", "string", "bytes", "list", "map", "null_type"];

/** Of a variable that is only asked for with has(). */
export const HAS = "has ";

/** Checks one expression for one event, and rewrites it. */
export class Checker {
  /** The variables that it names. */
  readonly reads = new Set<string>();
  /** The most loops within each other. */
  loops = 0;
  /** All of them. */
  #loops = 0;
  #longest: { readonly expr: Expr; readonly values: number } | undefined;
  readonly #variables: Readonly<Record<string, Shape>>;
  readonly #on: PolicyEvent;

  constructor(on: PolicyEvent) {
    this.#on = on;
    this.#variables = variablesOf(on);
  }

  /** The type of a whole expression. */
  checkAll(expr: Expr | undefined): Type {
    const { type } = this.check(expr, new Map(), 0);
    const longest = this.#longest;
    if (this.loops > 1 && longest && longest.values > POLICY_NESTED_VALUES_MAX)
      throw new ExpressionFault(
        longest.expr.id,
        `a list of ${longest.values} values where loops are within each other; ${POLICY_NESTED_VALUES_MAX} are the most`,
      );
    return type;
  }

  check(expr: Expr | undefined, scope: Scope, loops: number): Checked {
    if (expr === undefined) throw new ExpressionFault(0n, "it is incomplete");
    const { exprKind } = expr;
    switch (exprKind.case) {
      case "constExpr":
        return { type: typeOfConstant(exprKind.value), constant: true };
      case "identExpr":
        return this.#ident(expr, exprKind.value.name, scope);
      case "selectExpr":
        return this.#select(expr, exprKind.value, scope, loops);
      case "callExpr":
        return this.#call(expr, exprKind.value, scope, loops);
      case "listExpr": {
        const elements = exprKind.value.elements.map((each) => this.check(each, scope, loops));
        this.#holds(expr, elements.length);
        return {
          type: { list: unified(elements.map(({ type }) => type)) },
          constant: elements.every(({ constant }) => constant),
          joined: elements.some(({ joined }) => joined),
        };
      }
      case "structExpr":
        return this.#struct(expr, exprKind.value, scope, loops);
      case "comprehensionExpr":
        return this.#loop(expr, exprKind.value, scope, loops + 1);
      default:
        throw new ExpressionFault(expr.id, "it is incomplete");
    }
  }

  #ident(expr: Expr, name: string, scope: Scope): Checked {
    const local = scope.get(name);
    if (local !== undefined) return { type: local, constant: false };
    const shape = this.#variables[name];
    if (shape) return this.#leaf(expr, name, shape);
    if (TYPE_NAMES.includes(name)) return { type: "type", constant: true };
    const elsewhere = knownOn(name);
    throw new ExpressionFault(
      expr.id,
      elsewhere.length > 0
        ? `${name} is known on ${elsewhere.join(", ")}, and not on ${this.#on}`
        : `nothing is called ${name}; there are ${Object.keys(this.#variables).join(", ")}`,
    );
  }

  /** A variable as a value: it becomes one name. */
  #leaf(expr: Expr, path: string, shape: Shape): Checked {
    if ("fields" in shape)
      throw new ExpressionFault(
        expr.id,
        `${path} is no value; name one of its fields: ${Object.keys(shape.fields).join(", ")}`,
      );
    if ("constant" in shape) {
      become(expr, { case: "constExpr", value: { constantKind: intConstant(shape.constant) } });
      return { type: "int", constant: true };
    }
    this.#read(expr, path);
    return { type: shape.type, constant: false };
  }

  #read(expr: Expr, path: string): void {
    this.reads.add(path);
    become(expr, { case: "identExpr", value: { name: path } });
  }

  /** The variable that a chain of names stands for, as far as it is one. */
  #resolve(expr: Expr | undefined, scope: Scope): { path: string; shape: Shape } | undefined {
    if (expr?.exprKind.case === "identExpr") {
      const { name } = expr.exprKind.value;
      const shape = scope.has(name) ? undefined : this.#variables[name];
      return shape && { path: name, shape };
    }
    if (expr?.exprKind.case !== "selectExpr" || expr.exprKind.value.testOnly) return undefined;
    const { operand, field } = expr.exprKind.value;
    const from = this.#resolve(operand, scope);
    if (from === undefined || !("fields" in from.shape)) return undefined;
    return { path: `${from.path}.${field}`, shape: fieldOf(expr, from, field) };
  }

  #select(expr: Expr, select: Kind<"selectExpr">, scope: Scope, loops: number): Checked {
    const { operand, field, testOnly } = select;
    const from = this.#resolve(operand, scope);
    if (from && "fields" in from.shape) {
      const shape = fieldOf(expr, from, field);
      const path = `${from.path}.${field}`;
      if (!testOnly) return this.#leaf(expr, path, shape);
      this.#read(expr, `${HAS}${path}`);
      return { type: "bool", constant: false };
    }
    const { type, constant, joined = false } = this.check(operand, scope, loops);
    if (type !== "dyn" && !(typeof type === "object" && "map" in type))
      throw new ExpressionFault(expr.id, `a value of type ${nameOf(type)} has no field ${field}`);
    if (testOnly) return { type: "bool", constant };
    return { type: type === "dyn" ? "dyn" : type.map, constant, joined };
  }

  #struct(expr: Expr, struct: Kind<"structExpr">, scope: Scope, loops: number): Checked {
    if (struct.messageName !== "")
      throw new ExpressionFault(expr.id, `${struct.messageName}{…} is not for policies; write a map`);
    const checked = struct.entries.flatMap(({ keyKind, value }) => [
      ...(keyKind.case === "mapKey" ? [this.check(keyKind.value, scope, loops)] : []),
      this.check(value, scope, loops),
    ]);
    this.#holds(expr, struct.entries.length);
    return {
      type: { map: "dyn" },
      constant: checked.every(({ constant }) => constant),
      joined: checked.some(({ joined }) => joined),
    };
  }

  #holds(expr: Expr, values: number): void {
    if (values > (this.#longest?.values ?? 0)) this.#longest = { expr, values };
  }

  #loop(expr: Expr, loop: Kind<"comprehensionExpr">, scope: Scope, loops: number): Checked {
    if (loops > POLICY_LOOPS_MAX)
      throw new ExpressionFault(expr.id, `more than ${POLICY_LOOPS_MAX} loops within each other`);
    this.loops = Math.max(this.loops, loops);
    if (++this.#loops > POLICY_LOOPS_IN_ALL_MAX)
      throw new ExpressionFault(expr.id, `more than ${POLICY_LOOPS_IN_ALL_MAX} loops`);
    const range = this.check(loop.iterRange, scope, loops - 1);
    if (range.joined)
      throw new ExpressionFault(
        loop.iterRange?.id ?? expr.id,
        "a loop through lists that + has joined has no bound; loop through each of them",
      );
    const init = this.check(loop.accuInit, scope, loops - 1);
    const within = new Map(scope)
      .set(loop.iterVar, elementOf(expr, range.type))
      .set(loop.accuVar, typeof init.type === "object" ? { list: "dyn" } : init.type);
    this.check(loop.loopCondition, within, loops);
    const { joined = false } = this.check(loop.loopStep, within, loops);
    return { type: this.check(loop.result, within, loops).type, constant: false, joined };
  }

  #call(expr: Expr, call: Kind<"callExpr">, scope: Scope, loops: number): Checked {
    const target = call.target && this.check(call.target, scope, loops);
    const args = call.args.map((arg) => this.check(arg, scope, loops));
    const all = [...(target ? [target] : []), ...args];
    const type = overloadOf(
      call.function,
      target?.type,
      args.map((arg) => arg.type),
    );
    if (typeof type !== "string" && "fault" in type) throw new ExpressionFault(expr.id, type.fault);
    const constant = all.every((each) => each.constant);
    if (constant) evaluated(expr, expr);
    else this.#constantParts(call);
    return { type, constant, joined: isJoined(call, all, type) };
  }

  /** What fails whatever the variables are. */
  #constantParts({ function: name, target, args }: Kind<"callExpr">): void {
    const [first, second] = args;
    if ((name === "_/_" || name === "_%_") && second && isZero(second))
      throw new ExpressionFault(second.id, "a division by zero");
    const pattern = name === "matches" ? (target ? first : second) : undefined;
    if (pattern?.exprKind.case === "constExpr") {
      const text = {
        exprKind: { case: "constExpr", value: { constantKind: { case: "stringValue", value: "" } } },
      };
      const matching = { function: "matches", target: text, args: [pattern] };
      evaluated(
        { id: pattern.id, exprKind: { case: "callExpr", value: matching } } as unknown as Expr,
        pattern,
      );
    }
  }
}

/** A loop gathers what it makes with + as well, one value at a time: that is bounded by what it goes through. */
const isJoined = (
  { function: name, args }: Kind<"callExpr">,
  of: readonly Checked[],
  type: Type,
): boolean => {
  const [first] = args;
  const gathers = first?.exprKind.case === "identExpr" && ACCUMULATOR.test(first.exprKind.value.name);
  if (name === "_+_" && !gathers && of.every((each) => mayBeList(each.type))) return true;
  return (mayBeList(type) || typeof type === "object") && of.some(({ joined }) => joined);
};

/** As the parser calls what a loop gathers in; nobody can write it. */
const ACCUMULATOR = /^(@|__result__$)/;

const mayBeList = (type: Type): boolean => type === "dyn" || (typeof type === "object" && "list" in type);

const evaluated = (expr: Expr, at: Expr): void => {
  const value = plan(ENV, expr)({});
  if (isCelError(value)) throw new ExpressionFault(at.id, `it always fails: ${value.message}`);
};

const isZero = ({ exprKind }: Expr): boolean => {
  const kind = exprKind.case === "constExpr" ? exprKind.value.constantKind : undefined;
  return kind?.case === "int64Value" && kind.value === 0n;
};

const become = (expr: Expr, kind: { case: string; value: object }): void => {
  expr.exprKind = kind as Expr["exprKind"];
};

const intConstant = (value: number) => ({ case: "int64Value", value: BigInt(value) });

const fieldOf = (expr: Expr, { path, shape }: { path: string; shape: Shape }, field: string): Shape => {
  const fields = "fields" in shape ? shape.fields : {};
  const found = fields[field];
  if (found) return found;
  throw new ExpressionFault(
    expr.id,
    `${path} has no field ${field}; there are ${Object.keys(fields).join(", ")}`,
  );
};

const elementOf = (expr: Expr, range: Type): Type => {
  if (range === "dyn") return "dyn";
  if (typeof range === "object") return "list" in range ? range.list : "string";
  throw new ExpressionFault(expr.id, `a loop takes a list or a map, not ${nameOf(range)}`);
};

const unified = (types: readonly Type[]): Type => {
  const [first, ...others] = types;
  if (first === undefined) return "dyn";
  return others.every((each) => nameOf(each) === nameOf(first)) ? first : "dyn";
};

const typeOfConstant = ({ constantKind }: Kind<"constExpr">): Type => {
  switch (constantKind.case) {
    case "boolValue":
      return "bool";
    case "int64Value":
      return "int";
    case "uint64Value":
      return "uint";
    case "doubleValue":
      return "double";
    case "stringValue":
      return "string";
    case "bytesValue":
      return "bytes";
    case "nullValue":
      return "null";
    default:
      return "dyn";
  }
};
