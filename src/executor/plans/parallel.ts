/** Launches every downstream task. */
import { z } from "zod";
import { definePlan } from "../node.ts";

export const parallel = definePlan("parallel", {
  input: z.unknown(),
  inline: true,
  run: (_, { next }) => next.map(({ name }) => name),
});
