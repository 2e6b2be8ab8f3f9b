/** The expression of a policy, checked and planned once; one for each event, because each knows other variables. */
import { type CelInput, type CelResult, isCelError, parse, plan } from "@bufbuild/cel";
import { ENV, faultText, positionIn } from "../executor/expression.ts";
import { POLICY_EXPRESSION_CHARS_MAX } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";
import { Checker, ExpressionFault } from "./check.ts";
import type { PolicyEvent } from "./policy.ts";
import { nameOf } from "./variables.ts";

export interface Program {
  /** The variables that it may ask for. */
  readonly reads: readonly string[];
  /** Loops within each other. */
  readonly loops: number;
  /** Whether it matches; or why that cannot be said. */
  run(variables: Readonly<Record<string, CelInput>>): Result<boolean, string>;
}

/** Or what is wrong with it, with its line and column. */
export const programOf = (text: string, on: PolicyEvent): Result<Program, string> => {
  if (text.length > POLICY_EXPRESSION_CHARS_MAX)
    return err(`it has ${text.length} characters; the bound is ${POLICY_EXPRESSION_CHARS_MAX}`);
  const checker = new Checker(on);
  try {
    const parsed = parse(text);
    const position = (id: bigint | undefined) => positionIn(text, parsed, id);
    try {
      const type = checker.checkAll(parsed.expr);
      if (type !== "bool" && type !== "dyn")
        return err(`${position(parsed.expr?.id)}it is of type ${nameOf(type)}; it has to be true or false`);
    } catch (cause) {
      if (!(cause instanceof ExpressionFault)) throw cause;
      return err(`${position(cause.exprId)}${cause.message}`);
    }
    const run = plan(ENV, parsed);
    return ok({
      reads: [...checker.reads],
      loops: checker.loops,
      run: (variables) => matched(run(variables as Record<string, CelInput>), position),
    });
  } catch (cause) {
    return err(faultText(cause));
  }
};

const matched = (value: CelResult, position: (id: bigint | undefined) => string): Result<boolean, string> => {
  if (typeof value === "boolean") return ok(value);
  if (isCelError(value)) return err(`${position(value.exprId)}${value.message}`);
  return err("it is neither true nor false");
};
