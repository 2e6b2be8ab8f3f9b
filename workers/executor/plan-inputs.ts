/** Consumes the topic plan-inputs: runs plans, answers with their executions. Keeps nothing between calls. */
import { WorkerEntrypoint } from "cloudflare:workers";
import type { Answers, Dispatch, Executor } from "../../src/executor/dispatch.ts";
import { run } from "./run.ts";

export class PlanInputs extends WorkerEntrypoint<Env> implements Executor {
  run(dispatch: Dispatch): Promise<Answers> {
    return run(dispatch, this.env);
  }
}
