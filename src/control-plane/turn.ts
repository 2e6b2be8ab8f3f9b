/**
 * The ordered act: drain what has arrived → decode and admit → reduce all of it → one transaction → then
 * effects leave. A turn is the first three, pure; its writes and effects are for the shell.
 *
 * 1. Nothing is awaited between the first `take` and the commit.
 * 2. One event never wedges a tenant: a throw while reducing discards that event's draft, keeps it as
 *    evidence, fails its lifetime, and the others go on.
 */

import type { GraphIndex } from "../graph/lookup.ts";
import { forkGuard } from "../guardrails/guard.ts";
import { MESSAGE_BYTES_MAX } from "../limits.ts";
import { type Rejection, reject } from "../rejection.ts";
import { err, ok, type Result } from "../result.ts";
import type { ExecutionTopic, Kind } from "../topics/topics.ts";
import { TOPICS } from "../topics/topics.ts";
import { decodeExecution, type Execution } from "../wire/codec.ts";
import { type Correlated, complete, correlate } from "./correlate.ts";
import { decided } from "./decide.ts";
import type { Disposition } from "./disposition.ts";
import type { Append, DispatchInput, Effect, Recall } from "./effect.ts";
import type { LifetimeEvent, Moment, Started } from "./event.ts";
import { inputId } from "./ids.ts";
import { hasChanged, type Lifetime } from "./lifetime.ts";
import { NO_GRAPH } from "./no-graph.ts";
import { Pace } from "./pace.ts";
import { isAligned, isOverBudget } from "./pause.ts";
import { recall } from "./recall.ts";
import { reduce } from "./reduce.ts";
import { correctEnded } from "./reserve.ts";
import { endRefusal, retryRefusal } from "./retry.ts";
import { isWaiting } from "./standing.ts";
import type { Store, Tombstone } from "./store.ts";
import type { Address } from "./tenant.ts";
import { TenantDraft } from "./tenant-draft.ts";

/** An event before it has its moment. */
type Unplaced<E> = E extends Moment ? Omit<E, keyof Moment> : never;
export type Happening = Exclude<
  Unplaced<LifetimeEvent>,
  { type: "started" | "execution_arrived" | "retry_requested" }
>;

export interface Emitted {
  readonly lifetime: Lifetime;
  readonly effect: Exclude<Effect, { type: "append" | "recall" }>;
}

type Undecided =
  | { readonly id: string; readonly effect: DispatchInput; readonly tasks: readonly string[] }
  | { readonly id: string; readonly effect: Recall };

export class Turn extends TenantDraft {
  readonly #tenant: string;
  readonly #partition: number;
  /** Inputs of plans that this turn decides itself, and what waits ask of the log: before it takes in anything else. */
  readonly #undecided: Undecided[] = [];
  readonly #pace = new Pace();
  /** In the order in which they are to leave, once the writes are durable. */
  readonly emitted: Emitted[] = [];

  constructor(store: Store, { tenant, partition }: Address, at: number) {
    super(store, at);
    this.#tenant = tenant;
    this.#partition = partition;
  }

  start(event: Omit<Started, "type" | keyof Address>, graph: string): Lifetime {
    const index = this.store.graph(graph, event.version);
    const address = { tenant: this.#tenant, partition: this.#partition };
    const started = { type: "started" as const, ...address, ...event };
    const moment = this.moment(graph);
    const step = reduce(undefined, { ...started, ...moment }, index);
    this.#accept(step.state, step.effects, index, moment);
    this.#decide();
    return step.state;
  }

  /** An execution as it came: from an executor, whose version may be known, a producer, or a mirror. */
  arrive(topic: ExecutionTopic, message: Uint8Array, version?: string): Disposition {
    const { kind } = TOPICS[topic];
    const decoded = decodeExecution(kind, message);
    if (!decoded.ok) return this.evidence.bury(topic, message, "undecodable", decoded.error);
    const execution = decoded.value;
    const tenant = execution.header?.tenantId;
    if (tenant && tenant !== this.#tenant)
      return this.evidence.bury(topic, message, "wrong_tenant", `header.tenant_id is ${tenant}`);
    const correlated = correlate(kind, execution, this);
    if (!correlated.ok) return this.evidence.bury(topic, message, "uncorrelated", correlated.error);
    const disposition = this.#admit(topic, kind, execution, message, correlated.value, version);
    this.#decide();
    return disposition;
  }

  /** An execution that no transaction took: kept as a dead letter, and its lifetime, if it has one, is failed. */
  discard(topic: ExecutionTopic, message: Uint8Array, detail: string): Disposition {
    const { kind } = TOPICS[topic];
    const decoded = decodeExecution(kind, message);
    const correlated = decoded.ok ? correlate(kind, decoded.value, this) : decoded;
    if (correlated.ok) this.happen(correlated.value.lifetime, { type: "reduce_failed", detail });
    return this.evidence.bury(topic, message, "internal", detail);
  }

  /** Anything else that happened to a lifetime; false when it has ended or never was. */
  happen(id: string, happening: Happening): boolean {
    const state = this.lifetime(id);
    if (state === undefined || !("head" in state) || state.head.endedAt !== undefined) return false;
    const reduced = this.#reduce(state, { ...happening, ...this.moment(state.head.graph) });
    if (!reduced.ok) this.evidence.bury(happening.type, new Uint8Array(), "internal", reduced.error);
    this.#decide();
    return true;
  }

  /** Lets a lifetime learn what pauses its graph and its tenant by now, and ask what it is over budget for again. */
  align(id: string): void {
    const state = this.lifetime(id);
    if (state === undefined || !("head" in state)) return;
    if (!isAligned(state.head, this.holdsOn(state.head.graph)) || isOverBudget(state.head))
      this.happen(id, { type: "holds_changed" });
  }

  /** Continues a lifetime that has failed. */
  retry(id: string, detail: string): Result<void, Rejection> {
    const found = this.lifetime(id);
    if (found === undefined) return reject("lifetime_not_found", `no lifetime ${id} in this tenant`);
    const state = "head" in found ? found : this.store.failed(id);
    const refused = state
      ? retryRefusal(state, this.store.graph(state.head.graph, state.head.version))
      : endRefusal(this.store.record((found as Tombstone).ended));
    if (refused !== undefined || state === undefined)
      return reject("illegal_transition", `lifetime ${id} cannot be retried: ${refused}`);
    const event = { type: "retry_requested" as const, detail };
    const reduced = this.#reduce(state, { ...event, ...this.moment(state.head.graph) });
    if (!reduced.ok) {
      this.evidence.bury(event.type, new Uint8Array(), "internal", `${id}: ${reduced.error}`);
      return reject("internal", `lifetime ${id} could not be retried; a dead letter has the reason`);
    }
    this.#decide();
    return ok(undefined);
  }

  #admit(
    topic: ExecutionTopic,
    kind: Kind,
    execution: Execution,
    message: Uint8Array,
    to: Correlated,
    version: string | undefined,
  ): Disposition {
    const state = this.lifetime(to.lifetime);
    if (state === undefined) return this.evidence.setAside("unknown", kind, message, execution);
    if (!("head" in state)) {
      const guard = this.guard && forkGuard(this.guard, this.recordAt);
      if (guard?.ledger && correctEnded(guard.ledger, to, execution, this.at)) this.keepGuard(guard);
      return this.evidence.setAside("late", kind, message, execution);
    }
    const admitted = complete(execution, message, state, to, inputId(to.lifetime, to.n));
    const bytes = admitted.message.byteLength;
    if (bytes > MESSAGE_BYTES_MAX)
      return this.evidence.bury(
        topic,
        message,
        "undecodable",
        `${bytes} bytes; the bound is ${MESSAGE_BYTES_MAX}`,
      );
    const ofVersion = version === undefined ? undefined : { version };
    const ofKafka = this.evidence.place && { kafka: "in" as const };
    const event = {
      type: "execution_arrived" as const,
      kind,
      n: to.n,
      ...admitted,
      ...ofVersion,
      ...ofKafka,
    };
    const reduced = this.#reduce(state, { ...event, ...this.moment(state.head.graph) });
    if (!reduced.ok) return this.evidence.bury(topic, message, "internal", reduced.error);
    const aside = reduced.value.find((effect) => effect.type === "set_aside");
    if (aside) return this.evidence.setAside(aside.reason, kind, message, execution);
    const recorded = reduced.value.find(isExecution);
    return {
      outcome: "recorded",
      exec_id: execution.header?.execId ?? "",
      offset: recorded?.record.offset ?? 0,
    };
  }

  /** The effects; or why reducing threw, and then the lifetime has been failed for it. */
  #reduce(state: Lifetime, given: LifetimeEvent | (() => LifetimeEvent)): Result<readonly Effect[], string> {
    let graph = NO_GRAPH;
    try {
      graph = this.store.graph(state.head.graph, state.head.version);
      const event = typeof given === "function" ? given() : given;
      const step = reduce(state, event, graph);
      const touched = this.#accept(step.state, step.effects, graph, event);
      // Time that has passed is always written, because its timer is set anew with the state.
      if (!touched && (event.type === "time_passed" || hasChanged(state, step.state)))
        this.keepLifetime(step.state);
      return ok(step.effects);
    } catch (cause) {
      const thrown = cause instanceof Error ? cause : new Error(String(cause));
      const moment = this.moment(state.head.graph);
      const failed = reduce(state, { type: "reduce_failed", detail: thrown.message, ...moment }, graph);
      this.#accept(failed.state, failed.effects, graph, moment);
      return err(`${state.head.id}: ${thrown.stack ?? thrown.message}`);
    }
  }

  /** Answers the inputs that need no executor; each may issue others. */
  #decide(): void {
    for (let next = this.#undecided.shift(); next; next = this.#undecided.shift()) {
      const { id, effect } = next;
      const state = this.lifetime(id);
      if (state === undefined || !("head" in state)) continue;
      const member = state.members.get(effect.n);
      // Whatever ended its lifetime in this turn has closed the input as well.
      if (member === undefined || !(member.phase === "issued" || isWaiting(member))) continue;
      const { head } = state;
      const node = this.store.graph(head.graph, head.version).node(member.node);
      if (!("tasks" in next)) {
        const { effect } = next;
        const recalled = () => recall(effect, node, this.recordAt(effect.offset));
        const reduced = this.#reduce(state, () => ({ ...recalled(), ...this.moment(head.graph) }));
        if (!reduced.ok) this.evidence.bury("recalled", new Uint8Array(), "internal", reduced.error);
        continue;
      }
      const answer = decided({ head, n: effect.n, member }, node.kind, next.tasks, this.at, this.messageAt);
      const { version } = this.store;
      const event = {
        type: "execution_arrived" as const,
        kind: "plan" as const,
        n: effect.n,
        ...answer,
        ...(version !== undefined && { version }),
      };
      const reduced = this.#reduce(state, { ...event, ...this.moment(head.graph) });
      if (!reduced.ok) this.evidence.bury("plan-executions", answer.message, "internal", reduced.error);
    }
  }

  /** Takes in what a step asks for, and its state; not the state of one that asks for nothing that comes of it. */
  #accept(lifetime: Lifetime, effects: readonly Effect[], graph: GraphIndex, { guard }: Moment): boolean {
    let touched = false;
    for (const effect of effects) {
      if (effect.type === "append") {
        this.keepRecord(effect.record);
        this.#pace.see(lifetime.head.id, effect.record);
        touched = true;
      } else if (effect.type === "recall") {
        this.#undecided.push({ id: lifetime.head.id, effect });
      } else if (effect.type !== "set_aside") {
        touched = true;
        const decides = effect.type === "dispatch" && this.#pace.mayDecide(lifetime.head.id);
        const member = decides ? lifetime.members.get(effect.n) : undefined;
        const tasks = member && this.store.decide(graph.spec(member.node), member.iteration);
        if (tasks && effect.type === "dispatch")
          this.#undecided.push({ id: lifetime.head.id, effect, tasks });
        else this.emitted.push({ lifetime, effect });
      }
    }
    if (guard) this.keepGuard(guard);
    if (touched) this.keepLifetime(lifetime);
    return touched;
  }
}

const isExecution = (effect: Effect): effect is Append =>
  effect.type === "append" && effect.record.type === "execution";
