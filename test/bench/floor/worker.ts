/**
 * The least that any runtime with durable steps must pay on this platform: ten steps in turn, each an RPC to
 * a stateless entrypoint whose result is committed before the next begins. Commits are shared by all chains
 * that have a result waiting. No graph, no log, no D1.
 */
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";

const STEPS = 10;
const RESULT_BYTES = 200;

interface FloorEnv {
  FLOOR: DurableObjectNamespace<Floor>;
  STEP: Service<Step>;
}

interface Append {
  readonly chain: number;
  readonly step: number;
  readonly result: string;
  readonly committed: () => void;
}

export class Step extends WorkerEntrypoint<FloorEnv> {
  run(step: number, previous: string): string {
    return `${step}:${previous.length}:`.padEnd(RESULT_BYTES, "x");
  }
}

export class Floor extends DurableObject<FloorEnv> {
  #inbox: Append[] = [];
  #writing = false;
  #chains = Date.now() * 1_000;
  #counters = { requests: 0, rpcs: 0, commits: 0, rows: 0 };

  constructor(ctx: DurableObjectState, env: FloorEnv) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS results (chain INTEGER, step INTEGER, result TEXT)");
  }

  async chain(): Promise<string> {
    this.#counters.requests++;
    const chain = this.#chains++;
    let result = "";
    for (let step = 0; step < STEPS; step++) {
      this.#counters.rpcs++;
      result = await this.env.STEP.run(step, result);
      await this.#append(chain, step, result);
    }
    return result;
  }

  counters(): Record<string, number> {
    return { ...this.#counters, steps: this.#counters.rows };
  }

  #append(chain: number, step: number, result: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#inbox.push({ chain, step, result, committed: resolve });
    if (!this.#writing) void this.#write();
    return promise;
  }

  /** The barrier lets queued answers in; then all that wait share one transaction. The next RPC leaves after it. */
  async #write(): Promise<void> {
    this.#writing = true;
    while (this.#inbox.length > 0) {
      await this.ctx.storage.sync();
      const batch = this.#inbox;
      this.#inbox = [];
      this.ctx.storage.transactionSync(() => {
        for (const { chain, step, result } of batch)
          this.ctx.storage.sql.exec("INSERT INTO results VALUES (?, ?, ?)", chain, step, result);
      });
      this.#counters.commits++;
      this.#counters.rows += batch.length;
      for (const { committed } of batch) committed();
    }
    this.#writing = false;
  }
}

export default {
  async fetch(request: Request, env: FloorEnv): Promise<Response> {
    const floor = env.FLOOR.getByName("floor");
    switch (new URL(request.url).pathname) {
      case "/ready":
        return new Response("ready");
      case "/chain":
        return new Response(await floor.chain());
      case "/counters":
        return Response.json(await floor.counters());
      default:
        return new Response("not found", { status: 404 });
    }
  },
} satisfies ExportedHandler<FloorEnv>;
