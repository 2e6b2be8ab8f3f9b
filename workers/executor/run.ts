/**
 * One call of an executor. What is ready at once goes back with the call; what takes longer is followed
 * through a long poll, so that a slow node holds up no quick one.
 */
import { RpcTarget } from "cloudflare:workers";
import { nodes } from "#nodes";
import type { Answers, Dispatch, Running } from "../../src/executor/dispatch.ts";
import { versionOf } from "../../src/executor/version.ts";
import { GRACE_MS } from "../../src/limits.ts";
import { Batch } from "./batch.ts";
import { Payloads } from "./payloads.ts";

/** Turns of the microtask queue in which an async node that waits for nothing settles. */
const QUICK_TURNS = 10;

class RunningBatch extends RpcTarget implements Running {
  readonly #batch: Batch;

  constructor(batch: Batch) {
    super();
    this.#batch = batch;
  }

  async next() {
    while (!this.#batch.hasNews && !this.#batch.done) await this.#batch.changed();
    return { ...this.#batch.take(), done: this.#batch.done };
  }

  cancel(inputIds: readonly string[]): void {
    this.#batch.cancel(inputIds);
  }

  [Symbol.dispose](): void {
    this.#batch.cancel();
  }
}

const grace = async (batch: Batch): Promise<void> => {
  const over = scheduler.wait(GRACE_MS).then(() => true);
  while (!batch.done && !(await Promise.race([over, batch.changed()])));
};

export const run = async (dispatch: Dispatch, env: Env): Promise<Answers> => {
  const batch = new Batch(nodes, dispatch, { ...env }, new Payloads(env, dispatch.generation));
  for (let turn = 0; turn < QUICK_TURNS && !batch.done; turn++) await undefined;
  if (!batch.done) {
    batch.watch();
    await grace(batch);
  }
  const version = versionOf(env);
  return {
    ...batch.take(),
    ...(version !== undefined && { version }),
    ...(batch.missing.length > 0 && { missing: batch.missing }),
    ...(!batch.done && { running: new RunningBatch(batch) }),
  };
};
