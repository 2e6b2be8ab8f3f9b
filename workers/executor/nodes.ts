/** The one list of the plans and tasks of this deployment. */
import { digestNodes } from "../../examples/digest/nodes.ts";
import { polishNodes } from "../../examples/polish/nodes.ts";
import { redraftNodes } from "../../examples/redraft/nodes.ts";
import { builtIns } from "../../src/executor/built-ins.ts";
import { registry } from "../../src/executor/registry.ts";
import { http } from "./tasks/http.ts";

export const nodes = registry({
  plans: [...builtIns.plans, ...redraftNodes.plans, ...digestNodes.plans, ...polishNodes.plans],
  tasks: [...builtIns.tasks, http, ...redraftNodes.tasks, ...digestNodes.tasks, ...polishNodes.tasks],
});
