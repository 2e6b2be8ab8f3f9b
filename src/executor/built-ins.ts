/** The plans and tasks that every deployment has. */
import { conditional } from "./plans/conditional.ts";
import { parallel } from "./plans/parallel.ts";
import { sequential } from "./plans/sequential.ts";
import { human } from "./tasks/human.ts";
import { transform } from "./tasks/transform.ts";
import { wait } from "./tasks/wait.ts";

export const builtIns = { plans: [sequential, parallel, conditional], tasks: [transform, wait, human] };
