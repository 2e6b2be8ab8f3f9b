/** Its result is the value of a CEL expression over `input`, `parameters` and `results`. */
import type { JsonValue } from "@bufbuild/protobuf";
import { z } from "zod";
import { checkExpression, evaluate } from "../expression.ts";
import { TerminalError } from "../failure.ts";
import { defineTask } from "../node.ts";

const expression = z.string().superRefine((text, check) => {
  const fault = checkExpression(text);
  if (fault !== undefined) check.addIssue(`is no CEL expression: ${fault}`);
});

const READS_RESULTS = /\bresults\b/;

export const transform = defineTask("transform", {
  // Whatever arrives is JSON already.
  input: z.custom<JsonValue>(),
  output: z.unknown(),
  settings: z.object({ expression }),
  run: (input, { parameters, upstream, settings }) => {
    // Results may be kept elsewhere, and not loaded where there are parameters: only what is asked for is touched.
    const results = READS_RESULTS.test(settings.expression) ? upstream.map((each) => each.value) : [];
    const value = evaluate(settings.expression, { input, parameters, results });
    if (!value.ok) throw new TerminalError(value.error);
    return value.value;
  },
});
