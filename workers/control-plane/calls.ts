/**
 * What a call to an executor needs of the tenant object, and what it brings back: answers, signs of life, and
 * word of what is lost. Each becomes an arrival of its lifetime. Sends nothing itself; see dispatcher.ts.
 */
import { inputId } from "../../src/control-plane/ids.ts";
import type { Executor } from "../../src/executor/dispatch.ts";
import { LEASE_MARGIN_MS } from "../../src/limits.ts";
import type { ExecutionTopic, Kind } from "../../src/topics/topics.ts";
import type { DispatcherPorts, Outgoing } from "./dispatcher.ts";
import type { Engine } from "./engine.ts";

export interface CallPorts {
  readonly executors: Readonly<Record<Kind, Executor>>;
  readonly now: () => number;
}

/** Between a call to an executor that failed and the next for the same inputs; it doubles with each that fails. */
const LOST_PAUSE_MS = 200;

export class Calls implements DispatcherPorts {
  readonly leaseMarginMs = LEASE_MARGIN_MS;
  readonly #engine: Engine;
  readonly #ports: CallPorts;

  constructor(engine: Engine, ports: CallPorts) {
    this.#engine = engine;
    this.#ports = ports;
  }

  generation(): number {
    return this.#engine.active?.generation ?? 0;
  }

  executor(kind: Kind): Executor {
    return this.#ports.executors[kind];
  }

  now(): number {
    return this.#ports.now();
  }

  held(): boolean {
    return this.#engine.room.held;
  }

  sent(kind: Kind, waitedMs: number): void {
    this.#engine.watch.metrics.sent(kind, waitedMs);
  }

  /** Unless the attempt is over. */
  input({ lifetime, n, attempt, offset }: Outgoing): Uint8Array | undefined {
    const { lifetimes, log } = this.#engine.parts;
    const found = lifetimes.get(lifetime);
    if (found === undefined || !("head" in found)) return undefined;
    const member = found.members.get(n);
    if (member?.phase !== "issued" || member.attempt !== attempt) return undefined;
    const record = log.get(offset);
    if (record?.type !== "input") throw new Error(`the log has no input at ${offset}`);
    return log.compose(record);
  }

  answered(kind: Kind, executions: readonly Uint8Array[], version: string | undefined): void {
    const { active, inbox } = this.#engine;
    if (active === undefined) return;
    const topic: ExecutionTopic = `${kind}-executions`;
    for (const message of executions)
      inbox.add({
        take: (turn) => turn.arrive(topic, message, version),
        committed: () => {},
        failed: (cause) => this.#setDown(topic, message, cause),
      });
  }

  waited(outs: readonly Outgoing[]): void {
    this.#extend(outs);
  }

  heartbeat(outs: readonly Outgoing[]): void {
    this.#extend(outs);
  }

  /** A deploy that has the node again starts this object anew, and so sends all of them at once. */
  missing(outs: readonly Outgoing[]): void {
    const { active, watch } = this.#engine;
    if (active === undefined) return;
    for (const [kind, inputs] of Map.groupBy(outs, ({ spec }) => `${spec.type} ${spec.kind}`))
      watch.executorMissing(kind, inputs.length);
    for (const [id, inputs] of Map.groupBy(outs, (out) => out.lifetime))
      this.#engine.tell(id, { type: "executor_missing", inputs });
  }

  /** Kept nowhere, so it costs nothing where nobody looks. */
  progressed({ lifetime, n, attempt }: Outgoing, text: string): void {
    const { parts, streams } = this.#engine;
    const found = parts.lifetimes.get(lifetime);
    const member = found && "head" in found ? found.members.get(n) : undefined;
    if (member?.phase !== "issued" || member.attempt !== attempt) return;
    const { node } = member;
    streams.progressed({ lifetime, node, input_id: inputId(lifetime, n), attempt }, text);
  }

  lost(outs: readonly Outgoing[], cause: unknown): void {
    const { active, parts, watch } = this.#engine;
    if (active === undefined) return;
    watch.say("error", "dispatch_lost", { inputs: outs.length, detail: String(cause) });
    for (const [id, inputs] of Map.groupBy(outs, (out) => out.lifetime)) {
      const found = parts.lifetimes.get(id);
      const members = found && "head" in found ? found.members : undefined;
      const resent = Math.max(...inputs.map(({ n }) => members?.get(n)?.resent ?? 0));
      setTimeout(() => this.#engine.tell(id, { type: "dispatch_lost", inputs }), LOST_PAUSE_MS * 2 ** resent);
    }
  }

  /** Their leases begin anew, where they are still the attempts that count. */
  #extend(outs: readonly Outgoing[]): void {
    for (const { lifetime, n, attempt } of outs)
      this.#engine.tell(lifetime, { type: "heartbeat_received", n, attempt });
  }

  /** What no transaction takes is kept as evidence, and fails its lifetime: its lease would only bring it again. */
  #setDown(topic: ExecutionTopic, message: Uint8Array, cause: unknown): void {
    const { active, inbox, watch } = this.#engine;
    watch.say("error", "answer_not_committed", { topic, detail: String(cause) });
    if (active === undefined) return;
    inbox.add({
      take: (turn) => turn.discard(topic, message, String(cause)),
      committed: () => {},
      failed: (again) => watch.say("error", "answer_lost", { topic, detail: String(again) }),
    });
  }
}
