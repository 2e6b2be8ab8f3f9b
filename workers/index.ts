/** The composition root: names the classes that the platform starts. */
import { DurableObject } from "cloudflare:workers";

export { PlanInputs } from "./executor/plan-inputs.ts";
export { TaskInputs } from "./executor/task-inputs.ts";

export class Tenant extends DurableObject<Env> {}

export default {
  fetch: () => new Response("not found", { status: 404 }),
} satisfies ExportedHandler<Env>;
