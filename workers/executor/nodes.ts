/** The one list of the plans and tasks of this deployment. */
import { builtIns } from "../../src/executor/built-ins.ts";
import { registry } from "../../src/executor/registry.ts";

export const nodes = registry({ plans: [...builtIns.plans], tasks: [...builtIns.tasks] });
