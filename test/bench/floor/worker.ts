/**
 * The least that any runtime with durable steps must pay on this platform: each step an RPC to a stateless
 * entrypoint whose result is committed before what follows it begins. Commits are shared by all that have a
 * result waiting. No graph, no log, no D1.
 */
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import type { Append } from "./append.ts";

export { Append } from "./append.ts";

const CHAIN_STEPS = 10;
const CYCLE_STEPS = 101;
const FAN_TASKS = 20;
const RESULT_BYTES = 200;
const LARGE_BYTES = 1024 * 1024;

interface FloorEnv {
  FLOOR: DurableObjectNamespace<Floor>;
  APPEND: DurableObjectNamespace<Append>;
  STEP: Service<Step>;
}

interface Appended {
  readonly chain: number;
  readonly step: number;
  readonly result: string;
  readonly committed: () => void;
}

export class Step extends WorkerEntrypoint<FloorEnv> {
  run(step: number, previous: string, bytes: number): string {
    return `${step}:${previous.length}:`.padEnd(bytes, "x");
  }
}

export class Floor extends DurableObject<FloorEnv> {
  #inbox: Appended[] = [];
  #writing = false;
  #chains = Date.now() * 1_000;
  #counters = { requests: 0, rpcs: 0, commits: 0, rows: 0 };

  constructor(ctx: DurableObjectState, env: FloorEnv) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS results (chain INTEGER, step INTEGER, result TEXT)");
  }

  chain(): Promise<string> {
    return this.#inTurn(CHAIN_STEPS);
  }

  cycle(): Promise<string> {
    return this.#inTurn(CYCLE_STEPS);
  }

  async fan(): Promise<string> {
    const chain = this.#begin();
    const first = await this.#step(chain, 0, "");
    const tasks = Array.from({ length: FAN_TASKS }, (_, i) => this.#step(chain, i + 1, first));
    return this.#step(chain, FAN_TASKS + 1, (await Promise.all(tasks)).join(""));
  }

  async large(): Promise<string> {
    const chain = this.#begin();
    const first = await this.#step(chain, 0, "");
    const written = await this.#step(chain, 1, first, LARGE_BYTES);
    const passed = await this.#step(chain, 2, written, LARGE_BYTES);
    return this.#step(chain, 3, passed);
  }

  counters(): Record<string, number> {
    return { ...this.#counters, steps: this.#counters.rows };
  }

  async #inTurn(steps: number): Promise<string> {
    const chain = this.#begin();
    let result = "";
    for (let step = 0; step < steps; step++) result = await this.#step(chain, step, result);
    return result;
  }

  #begin(): number {
    this.#counters.requests++;
    return this.#chains++;
  }

  async #step(chain: number, step: number, previous: string, bytes = RESULT_BYTES): Promise<string> {
    this.#counters.rpcs++;
    const result = await this.env.STEP.run(step, previous, bytes);
    await this.#append(chain, step, result);
    return result;
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

const WORKLOADS = ["chain", "fan", "cycle", "large"] as const;

export default {
  async fetch(request: Request, env: FloorEnv): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const name = pathname.slice(1);
    if (name === "ready") return new Response("ready");
    const tenant = searchParams.get("tenant") ?? "floor";
    if (name === "append") return env.APPEND.getByName(tenant).fetch(request);
    const floor = env.FLOOR.getByName(tenant);
    if (name === "counters") return Response.json(await floor.counters());
    const workload = WORKLOADS.find((each) => each === name);
    return workload ? new Response(await floor[workload]()) : new Response("not found", { status: 404 });
  },
} satisfies ExportedHandler<FloorEnv>;
