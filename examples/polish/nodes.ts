/** An agent in a loop that makes no progress and ends only because a budget says so. Deterministic. */
import { z } from "zod";
import { definePlan, defineTask } from "../../src/executor/node.ts";
import { pause } from "../pause.ts";

/** Of a pass, as its graph estimates. */
const TOKENS = 100;

/** Finds something to polish whatever it is shown, until a round is refused. */
const perfectionist = definePlan("perfectionist", {
  input: z.json(),
  run: (input, { iteration, upstream }) => {
    const refused = upstream.find(({ error }) => error !== undefined)?.error;
    if (refused === undefined) return { next: ["polish"], parameters: { polish: { text: input } } };
    return { next: ["hand_in"], parameters: { hand_in: { rounds: iteration - 1, because: refused } } };
  },
});

const polish = defineTask("polish", {
  input: z.object({ text: z.json() }),
  output: z.json(),
  run: async ({ text }, { signal, usage }) => {
    await pause(60, signal);
    usage({ tokensOut: TOKENS, costUsdMicros: 20 * TOKENS, model: "example-polisher" });
    return text;
  },
});

const handIn = defineTask("hand_in", {
  input: z.object({ rounds: z.int(), because: z.string() }),
  output: z.object({ rounds: z.int(), because: z.string() }),
  run: (input) => input,
});

export const polishNodes = { plans: [perfectionist], tasks: [polish, handIn] };
