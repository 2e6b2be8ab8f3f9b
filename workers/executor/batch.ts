/**
 * The inputs of one call at work. Starts all of them at once, keeps their answers until they are taken, and
 * answers for a node that does not answer in time. Knows nothing of RPC.
 *
 * 1. An input is answered at most once; what a node says after that, or after a cancel, is dropped.
 * 2. No node affects another: each starts, fails and runs out of time by itself.
 * 3. There is no timer before `watch` but for a node that sends heartbeats, so quick nodes cost none.
 */
import type { JsonValue } from "@bufbuild/protobuf";
import type { Attempt, Ports, Settled, Unstored } from "../../src/executor/attempt.ts";
import type { Allowance, Dispatch, DispatchItem, News, NodeSpec } from "../../src/executor/dispatch.ts";
import type { Registry } from "../../src/executor/registry.ts";
import { type Loaded, sizeOf } from "../../src/executor/upstream.ts";
import { HEARTBEATS_A_TIMEOUT, LOADED_BYTES_MAX, PROGRESS_MS } from "../../src/limits.ts";
import type { TaskResult } from "../../src/wire/gen/escapement/v1/execution_pb.ts";
import { logLine } from "../log-line.ts";
import { Paced } from "./paced.ts";
import type { Payloads } from "./payloads.ts";
import { Room } from "./room.ts";

interface Work {
  readonly attempt: Attempt;
  readonly timeoutMs: number;
  readonly controller: () => AbortController;
  remainingMs: number;
  readonly allowance?: Allowance;
  timer?: ReturnType<typeof setTimeout>;
  beats?: Paced<void>;
  progress?: Paced<string>;
  /** Bytes of what it has loaded. */
  loaded?: number;
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";

const lazyController = (): (() => AbortController) => {
  let controller: AbortController | undefined;
  return () => {
    controller ??= new AbortController();
    return controller;
  };
};

const placeOf = ({ header }: Attempt) => {
  const { tenantId: tenant, lifetimeId: lifetime, name: node, inputId, execId, attempt } = header;
  return { tenant, lifetime, node, input_id: inputId, exec_id: execId, attempt };
};

const logOf =
  (attempt: Attempt): Ports["log"] =>
  (message, fields) => {
    logLine("info", "node_said", { ...fields, ...placeOf(attempt), message });
  };

let [second, upToSecond] = [-1, ""];

/** As `Date` writes it, which takes as long as the rest of a quick node; answers come many to a second. */
const isoNow = (): string => {
  const now = Date.now();
  const ms = now % 1_000;
  if (now - ms !== second)
    [second, upToSecond] = [now - ms, new Date(now - ms).toISOString().slice(0, -"000Z".length)];
  return `${upToSecond}${String(ms).padStart(3, "0")}Z`;
};

export class Batch {
  readonly #env: Ports["env"];
  readonly #payloads: Payloads;
  readonly #atWork = new Set<Work>();
  readonly #room = new Room(LOADED_BYTES_MAX);
  #executions: Uint8Array[] = [];
  #heartbeats = new Set<string>();
  #progress: Record<string, string> | undefined;
  /** There only while somebody waits. */
  #change: PromiseWithResolvers<void> | undefined;
  #watched = false;
  /** Indexes of nodes that are not deployed here; their inputs are not taken. */
  readonly missing: readonly number[];

  constructor(registry: Registry, { nodes, items }: Dispatch, env: Ports["env"], payloads: Payloads) {
    this.#env = env;
    this.#payloads = payloads;
    const bound = nodes.map((text) => registry.bind(text));
    this.missing = bound.flatMap((node, index) => (node ? [] : [index]));
    for (const item of items) {
      const node = bound[item.node];
      if (node === undefined && item.node < bound.length) continue;
      const attempt = node?.attempt(item.input);
      if (node && attempt?.ok) this.#start(attempt.value, node.spec, item);
      // Without its header nobody can be answered: the caller sees that an answer is missing.
      else
        logLine("error", "input_unanswered", {
          node: node?.spec.kind,
          detail: attempt?.ok === false ? attempt.error : "no such node",
        });
    }
  }

  get done(): boolean {
    return this.#atWork.size === 0;
  }

  get hasNews(): boolean {
    return this.#executions.length > 0 || this.#heartbeats.size > 0 || this.#progress !== undefined;
  }

  /** Settles with the next answer, heartbeat or cancel. */
  changed(): Promise<void> {
    this.#change ??= Promise.withResolvers();
    return this.#change.promise;
  }

  take(): News {
    const progress = this.#progress;
    const taken = {
      executions: this.#executions,
      heartbeats: [...this.#heartbeats],
      ...(progress && { progress }),
    };
    this.#executions = [];
    this.#heartbeats.clear();
    this.#progress = undefined;
    return taken;
  }

  /** From here on, what is still at work is held to its time. */
  watch(): void {
    this.#watched = true;
    for (const work of this.#atWork) this.#arm(work);
  }

  /** Aborts these inputs and drops what they would answer; all of them where absent. */
  cancel(inputIds?: readonly string[]): void {
    for (const work of this.#atWork) {
      if (inputIds && !inputIds.includes(work.attempt.header.inputId)) continue;
      this.#end(work);
      work.controller().abort(new DOMException("the attempt was canceled", "AbortError"));
    }
    this.#announce();
  }

  #start(attempt: Attempt, { timeoutMs }: NodeSpec, { remainingMs, allowance }: DispatchItem): void {
    const controller = lazyController();
    const work: Work = { attempt, timeoutMs, remainingMs, controller, ...(allowance && { allowance }) };
    this.#atWork.add(work);
    if (attempt.wanted.length === 0) this.#run(work);
    else void this.#load(work);
  }

  /** Runs the node when what it reads is there. */
  async #load(work: Work): Promise<void> {
    const { header, wanted } = work.attempt;
    const bytes = sizeOf(wanted);
    const waited = await this.#room.enter(bytes);
    work.loaded = bytes;
    // Out of time, or canceled.
    if (!this.#atWork.has(work)) return this.#leave(work);
    if (waited) this.#heartbeat(work, undefined);
    try {
      const values = wanted.map(
        async (result): Promise<[TaskResult, JsonValue]> => [
          result,
          await this.#payloads.load(result, header),
        ],
      );
      const loaded = new Map(await Promise.all(values));
      if (this.#atWork.has(work)) this.#run(work, loaded);
    } catch (thrown) {
      this.#settle(work, { thrown });
    }
  }

  #run(work: Work, loaded?: Loaded): void {
    const { attempt, controller } = work;
    const ports: Ports = {
      env: this.#env,
      log: logOf(attempt),
      heartbeat: (progress) => this.#heartbeat(work, progress),
      payload: (result) => this.#payloads.open(result, attempt.header),
      ...(work.allowance && { allowance: work.allowance }),
      get signal() {
        return controller().signal;
      },
    };
    try {
      const returned = attempt.start(ports, loaded);
      if (isThenable(returned))
        returned.then(
          (value) => this.#settle(work, { value }),
          (thrown: unknown) => this.#settle(work, { thrown }),
        );
      else this.#settle(work, { value: returned });
    } catch (thrown) {
      this.#settle(work, { thrown });
    }
  }

  #settle(work: Work, settled: Settled): void {
    if (!this.#atWork.has(work)) return;
    const answer = work.attempt.answer(settled, isoNow());
    if (answer instanceof Uint8Array) this.#answer(work, answer);
    else void this.#store(work, answer);
  }

  /** Still at work meanwhile: it may run out of time, and be canceled. */
  async #store(work: Work, unstored: Unstored): Promise<void> {
    const isWanted = () => this.#atWork.has(work);
    const stored = await this.#payloads.store(unstored, work.attempt.header, isWanted).then(
      (value) => ({ value }),
      (thrown: unknown) => ({ thrown }),
    );
    this.#answer(work, unstored.answer(stored));
  }

  #answer(work: Work, execution: Uint8Array): void {
    if (!this.#end(work)) return;
    this.#executions.push(execution);
    this.#announce();
  }

  #heartbeat(work: Work, progress: string | undefined): void {
    if (!this.#atWork.has(work)) return;
    work.remainingMs = work.timeoutMs;
    if (this.#watched) this.#arm(work);
    const { inputId } = work.attempt.header;
    // The lease counts from the last one, so that must not be lost.
    work.beats ??= new Paced(work.timeoutMs / HEARTBEATS_A_TIMEOUT, () => {
      this.#heartbeats.add(inputId);
      this.#announce();
    });
    work.beats.say();
    if (progress === undefined) return;
    work.progress ??= new Paced(PROGRESS_MS, (newest) => {
      this.#progress ??= {};
      this.#progress[inputId] = newest;
      this.#announce();
    });
    work.progress.say(progress);
  }

  #arm(work: Work): void {
    clearTimeout(work.timer);
    work.timer = setTimeout(() => {
      this.#settle(work, { timedOutMs: work.timeoutMs });
      work.controller().abort(new DOMException(`no answer within ${work.timeoutMs} ms`, "TimeoutError"));
    }, work.remainingMs);
  }

  /** Whether it was still at work. */
  #end(work: Work): boolean {
    // Quick nodes have none, and asking the platform to clear nothing costs as much as to clear one.
    if (work.timer !== undefined) clearTimeout(work.timer);
    work.beats?.stop();
    work.progress?.stop();
    this.#leave(work);
    return this.#atWork.delete(work);
  }

  #leave(work: Work): void {
    if (work.loaded === undefined) return;
    this.#room.leave(work.loaded);
    delete work.loaded;
  }

  #announce(): void {
    this.#change?.resolve();
    this.#change = undefined;
  }
}
