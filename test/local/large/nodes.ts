// The nodes of a deployment that writes and reads large results.
import { builtIns } from "../../../src/executor/built-ins.ts";
import { registry } from "../../../src/executor/registry.ts";
import { payloadNodes } from "../../fixtures/payloads.ts";

export const nodes = registry({
  plans: [...builtIns.plans, ...payloadNodes.plans],
  tasks: [...builtIns.tasks, ...payloadNodes.tasks],
});
