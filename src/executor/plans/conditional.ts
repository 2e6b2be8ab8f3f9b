/**
 * Launches the tasks whose edge's `when` is true, in the order of the edges; an edge without `when` is taken
 * when no other is. Expressions read `results`, `result` (the first, or null) and `iteration`.
 */
import { z } from "zod";
import { evaluate } from "../expression.ts";
import { TerminalError } from "../failure.ts";
import { definePlan } from "../node.ts";

export const conditional = definePlan("conditional", {
  input: z.unknown(),
  readsWhen: true,
  run: (_, { next, upstream, iteration }) => {
    const results = upstream.flatMap(({ value }) => (value === undefined ? [] : [value]));
    const variables = { results, result: results[0] ?? null, iteration };
    const taken = next.filter(({ name, when }) => {
      if (when === undefined) return false;
      const value = evaluate(when, variables);
      if (!value.ok) throw new TerminalError(`when of the edge to ${name}: ${value.error}`);
      if (typeof value.value === "boolean") return value.value;
      throw new TerminalError(
        `when of the edge to ${name}: it is ${JSON.stringify(value.value).slice(0, 100)}; write a condition that is true or false`,
      );
    });
    const chosen = taken.length > 0 ? taken : next.filter(({ when }) => when === undefined);
    return chosen.map(({ name }) => name);
  },
});
