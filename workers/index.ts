/** The composition root: names the classes that the platform starts, and hands each its ports. */
import { nodes } from "#nodes";
import { deploymentOf, versionOf } from "../src/executor/version.ts";
import { TenantObject } from "./control-plane/tenant-object.ts";
import { Projection } from "./data-plane/projection.ts";
import { PlanInputs } from "./executor/plan-inputs.ts";
import { TaskInputs } from "./executor/task-inputs.ts";
import { app } from "./gateway/app.ts";
import { sweep } from "./gateway/sweep.ts";

export { PlanInputs, TaskInputs };

export class Tenant extends TenantObject {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env, {
      executors: { plan: ctx.exports.PlanInputs, task: ctx.exports.TaskInputs },
      decide: nodes.decide,
      version: versionOf(env),
      deployment: deploymentOf(env),
      secret: env.ESCAPEMENT_KEYS,
      projection: new Projection(env.DB),
      blobs: env.BLOBS,
      now: Date.now,
    });
  }
}

export default {
  fetch: app.fetch,
  scheduled: (_event, env, ctx) => ctx.waitUntil(sweep(env)),
} satisfies ExportedHandler<Env>;
