/** Launches one downstream task a pass, in the order of the edges; after its laps none, so that its branch ends. */
import { z } from "zod";
import { definePlan } from "../node.ts";

export const sequential = definePlan("sequential", {
  input: z.unknown(),
  inline: true,
  settings: z.object({ laps: z.int().min(1).default(1) }),
  run: (_, { next, iteration, settings }) => {
    const task = iteration < settings.laps * next.length ? next[iteration % next.length] : undefined;
    return task ? [task.name] : [];
  },
});
