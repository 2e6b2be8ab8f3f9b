/** The runtime as it is deployed, with objects that are full after a few megabytes. */
import { nodes } from "#nodes";
import { deploymentOf, versionOf } from "../../../src/executor/version.ts";
import { TenantObject } from "../../../workers/control-plane/tenant-object.ts";
import { Projection } from "../../../workers/data-plane/projection.ts";
import { PlanInputs } from "../../../workers/executor/plan-inputs.ts";
import { TaskInputs } from "../../../workers/executor/task-inputs.ts";
import { app } from "../../../workers/gateway/app.ts";

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
      limits: { storageBytesMax: 4_000_000 },
    });
  }
}

export default { fetch: app.fetch } satisfies ExportedHandler<Env>;
