/**
 * Carries inputs to executors and executions back. Sends only what is committed, many inputs a call; takes
 * each answer as it comes. Loses nothing: an input whose call ended without its answer is reported lost.
 *
 * 1. At most IN_FLIGHT_INPUTS_MAX inputs are out, and no more go out while the object is too full to take answers
 *    in; the rest wait here, and in the log.
 * 2. What a lifetime no longer waits for when its turn comes is not sent.
 */
import type {
  Allowance,
  Dispatch,
  DispatchItem,
  Executor,
  News,
  NodeSpec,
  Running,
} from "../../src/executor/dispatch.ts";
import { HTTP } from "../../src/executor/tasks/http.ts";
import {
  DISPATCH_BYTES_MAX,
  DISPATCH_INPUTS_MAX,
  HTTP_INPUTS_A_CALL_MAX,
  IN_FLIGHT_INPUTS_MAX,
} from "../../src/limits.ts";
import type { Kind } from "../../src/topics/topics.ts";

export interface Outgoing {
  readonly lifetime: string;
  readonly n: number;
  readonly attempt: number;
  readonly spec: NodeSpec;
  /** Of its record in the log. */
  readonly offset: number;
  /** When the lease ends. */
  readonly due: number;
  /** Since when it may be sent. */
  readonly since: number;
  readonly allowance?: Allowance;
}

export interface DispatcherPorts {
  /** Of the tenant. */
  generation(): number;
  executor(kind: Kind): Executor;
  /** The composed input; undefined when nobody waits for it any more. */
  input(out: Outgoing): Uint8Array | undefined;
  now(): number;
  /** Whether nothing more may go out for now; who says so pumps when it may again. */
  held(): boolean;
  /** Milliseconds of an attempt's lease that are not the node's own time. */
  readonly leaseMarginMs: number;
  answered(kind: Kind, executions: readonly Uint8Array[], version: string | undefined): void;
  /** One goes out, so long after it might have. */
  sent(kind: Kind, waitedMs: number): void;
  heartbeat(outs: readonly Outgoing[]): void;
  /** `text` is JSON. */
  progressed(out: Outgoing, text: string): void;
  /** These had to wait for room: their leases begin anew. */
  waited(outs: readonly Outgoing[]): void;
  /** No code at the executor has the node of these. */
  missing(outs: readonly Outgoing[]): void;
  /** Which of these are still open is for the receiver to say: an answered input is not lost. */
  lost(outs: readonly Outgoing[], cause: unknown): void;
}

interface Call {
  readonly outs: readonly Outgoing[];
  /** How many of them are not answered yet. */
  open: number;
  running?: Running;
  version?: string | undefined;
  /** Inputs that nobody waits for any more; kept, because there may be no handle yet to say so by. */
  readonly withdrawn: Set<string>;
  /** Input id → JSON text of how far it has come; gone with the call. */
  progress?: Record<string, string>;
  /** Of a tenant that is gone: nothing of it is taken any more. */
  dropped: boolean;
}

/** The input's id. */
const keyOf = (lifetime: string, n: number): string => `${lifetime}:${n}`;

const texts = new WeakMap<NodeSpec, string>();

/** Written once: a graph's specs are the same objects as long as its index is kept. */
const textOf = (spec: NodeSpec): string => {
  const known = texts.get(spec);
  if (known !== undefined) return known;
  const text = JSON.stringify(spec);
  texts.set(spec, text);
  return text;
};

const outsOf = ({ outs }: Call, inputIds: readonly string[]): Outgoing[] =>
  outs.filter(({ lifetime, n }) => inputIds.includes(keyOf(lifetime, n)));

/** Once there is a handle; the call may have ended by then, and that is as good. */
const cancel = ({ running, withdrawn }: Call): void => {
  if (running && withdrawn.size > 0) void Promise.resolve(running.cancel([...withdrawn])).catch(() => {});
};

/** What a proxied object of an executor has besides its methods. */
const dispose = (running: Running): void => (running as Partial<Disposable>)[Symbol.dispose]?.();

export class Dispatcher {
  readonly #ports: DispatcherPorts;
  readonly #queues: Record<Kind, Outgoing[]> = { plan: [], task: [] };
  /** Inputs at executors. */
  readonly #out = new Map<string, Call>();
  #inFlight = 0;
  calls = 0;

  constructor(ports: DispatcherPorts) {
    this.#ports = ports;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Inputs that wait here. */
  get queued(): number {
    return this.#queues.plan.length + this.#queues.task.length;
  }

  /** What waits here, by lifetime. Looks through all that does: asked once for all leases that have ended. */
  waiting(): ReadonlyMap<string, readonly Outgoing[]> {
    return Map.groupBy([...this.#queues.plan, ...this.#queues.task], ({ lifetime }) => lifetime);
  }

  add(out: Outgoing): void {
    this.#queues[out.spec.type].push(out);
  }

  /** Sends what there is room for. */
  pump(): void {
    if (this.#ports.held()) return;
    for (const kind of ["plan", "task"] as const)
      while (this.#queues[kind].length > 0 && this.#inFlight < IN_FLIGHT_INPUTS_MAX) {
        const { dispatch, outs } = this.#take(kind);
        if (outs.length > 0)
          void this.#send(kind, dispatch, { outs, open: outs.length, withdrawn: new Set(), dropped: false });
      }
  }

  isOut(id: string): boolean {
    return this.#out.has(id);
  }

  /** JSON text of how far an input has come, as its node last said. */
  progressOf(id: string): string | undefined {
    return this.#out.get(id)?.progress?.[id];
  }

  /** Aborts running work; what has not been sent is passed over when its turn comes. */
  withdraw(lifetime: string, inputs: readonly number[]): void {
    const calls = new Set<Call>();
    for (const n of inputs) {
      const call = this.#out.get(keyOf(lifetime, n));
      call?.withdrawn.add(keyOf(lifetime, n));
      if (call) calls.add(call);
    }
    for (const call of calls) cancel(call);
  }

  /** Gives up all that waits and all that is out. */
  reset(): void {
    this.#queues.plan = [];
    this.#queues.task = [];
    for (const call of new Set(this.#out.values())) {
      call.dropped = true;
      for (const out of call.outs) call.withdrawn.add(keyOf(out.lifetime, out.n));
      cancel(call);
    }
    this.#out.clear();
  }

  #take(kind: Kind): { dispatch: Dispatch; outs: Outgoing[] } {
    const queue = this.#queues[kind];
    const nodes: string[] = [];
    const index = new Map<NodeSpec, number>();
    const items: DispatchItem[] = [];
    const outs: Outgoing[] = [];
    const now = this.#ports.now();
    const room = Math.min(DISPATCH_INPUTS_MAX, IN_FLIGHT_INPUTS_MAX - this.#inFlight);
    let bytes = 0;
    let taken = 0;
    let http = 0;
    for (const out of queue) {
      if (outs.length >= room || bytes >= DISPATCH_BYTES_MAX) break;
      if (out.spec.kind === HTTP && ++http > HTTP_INPUTS_A_CALL_MAX) break;
      taken++;
      const input = this.#input(out);
      if (input === undefined) continue;
      let node = index.get(out.spec);
      if (node === undefined) {
        node = nodes.push(textOf(out.spec)) - 1;
        index.set(out.spec, node);
      }
      const { allowance } = out;
      items.push({ node, input, remainingMs: this.#remainingMs(out, now), ...(allowance && { allowance }) });
      outs.push(out);
      this.#ports.sent(kind, now - out.since);
      bytes += input.byteLength;
    }
    queue.splice(0, taken);
    return { dispatch: { generation: this.#ports.generation(), nodes, items }, outs };
  }

  /** Waiting here is not the node's time: one that had to wait gets its whole time, and a lease as long. */
  #remainingMs(out: Outgoing, now: number): number {
    const { timeoutMs } = out.spec;
    const left = out.due - this.#ports.leaseMarginMs - now;
    if (left >= timeoutMs / 2) return left;
    this.#ports.waited([out]);
    return timeoutMs;
  }

  /** One that cannot be put together holds up no other: it is lost until its attempt counts as failed. */
  #input(out: Outgoing): Uint8Array | undefined {
    try {
      return this.#ports.input(out);
    } catch (cause) {
      this.#ports.lost([out], cause);
      return undefined;
    }
  }

  async #send(kind: Kind, dispatch: Dispatch, call: Call): Promise<void> {
    this.calls++;
    this.#inFlight += call.open;
    for (const out of call.outs) this.#out.set(keyOf(out.lifetime, out.n), call);
    let answered = 0;
    let thrown: unknown;
    try {
      const answers = await this.#ports.executor(kind).run(dispatch);
      call.version = answers.version;
      if (answers.missing) this.#missing(dispatch, call, answers.missing);
      answered += this.#receive(kind, call, answers);
      if (answers.running) {
        call.running = answers.running;
        cancel(call);
        answered += await this.#follow(kind, call, answers.running);
      }
    } catch (cause) {
      thrown = cause ?? "the call broke";
    }
    for (const out of call.outs) {
      const key = keyOf(out.lifetime, out.n);
      if (this.#out.get(key) === call) this.#out.delete(key);
    }
    this.#free(call, call.open);
    const left = call.outs.filter((out) => !call.withdrawn.has(keyOf(out.lifetime, out.n)));
    // A call that ended as it should answers all but what was withdrawn from it.
    const unanswered = call.outs.length - answered - (thrown === undefined ? call.withdrawn.size : 0);
    if (unanswered > 0 && left.length > 0)
      this.#ports.lost(left, thrown ?? "the executor left inputs unanswered");
    this.pump();
  }

  /** Nobody is to answer these any more, as if they had been withdrawn. */
  #missing({ items }: Dispatch, call: Call, nodes: readonly number[]): void {
    const missing = call.outs.filter((_, i) => nodes.includes(items[i]?.node ?? -1));
    for (const out of missing) call.withdrawn.add(keyOf(out.lifetime, out.n));
    this.#free(call, missing.length);
    if (!call.dropped) this.#ports.missing(missing);
  }

  async #follow(kind: Kind, call: Call, running: Running): Promise<number> {
    let answered = 0;
    try {
      for (;;) {
        const news = await running.next();
        answered += this.#receive(kind, call, news);
        if (news.done) return answered;
      }
    } finally {
      dispose(running);
    }
  }

  /** Room for so many more inputs. */
  #free(call: Call, answered: number): void {
    const freed = Math.min(call.open, answered);
    call.open -= freed;
    this.#inFlight -= freed;
  }

  #receive(kind: Kind, call: Call, { executions, heartbeats, progress }: News): number {
    this.#free(call, executions.length);
    if (call.dropped) return 0;
    // Of the attempts that this call has: by now there may be a later one of the same input.
    if (heartbeats.length > 0) this.#ports.heartbeat(outsOf(call, heartbeats));
    if (progress) this.#progressed(call, progress);
    if (executions.length > 0) this.#ports.answered(kind, executions, call.version);
    return executions.length;
  }

  #progressed(call: Call, progress: Readonly<Record<string, string>>): void {
    call.progress = { ...call.progress, ...progress };
    for (const out of outsOf(call, Object.keys(progress)))
      this.#ports.progressed(out, progress[keyOf(out.lifetime, out.n)] ?? "null");
  }
}
