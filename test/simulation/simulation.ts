/**
 * A whole tenant in one process and in virtual time: clients start and cancel, turns are taken and committed
 * or lost, executors answer as they please. First with faults, every guarantee checked after each commit;
 * then without, and every lifetime has to end. The same seed plays the same.
 */
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { parseInputId } from "../../src/control-plane/ids.ts";
import { NEVER } from "../../src/control-plane/lifetime.ts";
import type { Writes } from "../../src/control-plane/store.ts";
import type { Disposition } from "../../src/control-plane/tenant.ts";
import { type Emitted, type Happening, Turn } from "../../src/control-plane/turn.ts";
import type { Node } from "../../src/graph/graph.ts";
import { type ExecutionTopic, isTopic } from "../../src/topics/topics.ts";
import { encodeValue } from "../../src/wire/value.ts";
import { anyGraph } from "../fixtures/graphs.ts";
import { checkStates, LogChecker } from "./checkers.ts";
import { Clock } from "./clock.ts";
import { answerOf, mischiefOf } from "./executor.ts";
import { Random } from "./random.ts";
import { ADDRESS, MemoryStore } from "./store.ts";
import { Table } from "./table.ts";

const LIFETIMES = 30;
/** Starts come close together, so that turns are shared. */
const STARTS_MS = 3_000;
const FAULTS_MS = 60_000;
/** Wide enough for states that outgrow one text, and soon met by a graph that goes round. */
const BOUNDS = { iterationsMax: 15, fanOutMax: 8, outstandingMax: 60, stepsMax: 250 };
const BATCH = 16;
/** Far more than any seed needs; a run that gets here goes round for ever. */
const STEPS_MAX = 200_000;

interface Arrival {
  /** Of an execution, what became of it. */
  take(turn: Turn): Disposition | undefined;
  /** Its sender waits for an acknowledgement and sends it again without one. */
  readonly durable: boolean;
  committed?(): void;
}

const inTurn = (node: Node): Node => (node.type === "plan" ? { ...node, kind: "parallel" } : node);

export class Simulation {
  readonly random: Random;
  readonly clock = new Clock();
  readonly store: MemoryStore;
  readonly table = new Table();
  readonly counts = { commits: 0, crashes: 0, poisoned: 0, delivered: 0, dispatched: 0 };
  readonly #graphs;
  readonly #checker: LogChecker;
  readonly #withdrawn = new Set<string>();
  #inbox: Arrival[] = [];
  #faults = true;
  #incarnation = 0;
  #turnPlanned = false;
  #acknowledged = 0;
  #lastSent = { lifetime: "l0", n: 1, name: "P0" };

  constructor(seed: number) {
    this.random = new Random(seed);
    const [first, ...others] = fc.sample(anyGraph, { seed, numRuns: 3 });
    // One in three decides its plans in the turn that issues them.
    const inline = first && { ...first, nodes: first.nodes.map(inTurn) };
    const graphs = inline ? [inline, ...others] : others;
    this.#graphs = graphs.map((graph, i) => ({
      ...graph,
      name: `g${i}`,
      bounds: { ...graph.bounds, ...BOUNDS },
    }));
    this.store = new MemoryStore(this.#graphs);
    this.#checker = new LogChecker(this.#graphs);
  }

  run(): void {
    for (let i = 0; i < LIFETIMES; i++)
      this.clock.after(this.random.below(STARTS_MS), () => this.#client(`l${i}`));
    const start = this.clock.now;
    for (let ms = 0; ms < FAULTS_MS; ms += 300) this.clock.after(ms, () => this.#mischief());
    for (let ms = 0; ms < FAULTS_MS; ms += 200) this.clock.after(ms, () => this.#pauseOrResume());
    this.clock.after(FAULTS_MS, () => this.#resumeAll());
    let steps = 0;
    while (this.clock.step()) {
      if (this.#faults && this.clock.now > start + FAULTS_MS) this.#faults = false;
      if (++steps > STEPS_MAX)
        throw new Error(`liveness is broken: ${this.#unfinished()} after ${steps} steps`);
    }
    if (this.store.running().length > 0) throw new Error(`liveness is broken: ${this.#unfinished()}`);
    if (this.#acknowledged !== LIFETIMES)
      throw new Error("liveness is broken: a start was never acknowledged");
    this.table.flush(this.store.log, this.random, false);
    this.#checkTable();
  }

  #unfinished(): string {
    return this.store
      .running()
      .map(({ id }) => id)
      .join(", ");
  }

  /** Starts a lifetime, again until it is acknowledged; some are canceled later. */
  #client(id: string): void {
    const graph = this.random.pick(this.#graphs)?.name ?? "";
    let acknowledged = false;
    this.#add({
      durable: true,
      take: (turn) => {
        if (turn.lifetime(id) === undefined)
          turn.start({ lifetime: id, version: 1, labels: {}, input: new Uint8Array() }, graph);
        return undefined;
      },
      committed: () => {
        if (!acknowledged) this.#acknowledged++;
        acknowledged = true;
      },
    });
    for (let i = this.random.below(4); i > 0; i--) {
      const value = encodeValue(`${id}/${i}`);
      const signal = { type: "signal_received" as const, name: `s${i % 2}`, by: "client", value };
      this.clock.after(this.random.below(5_000), () => this.#happen(id, signal));
    }
    for (let i = this.random.below(3); i > 0; i--)
      this.clock.after(this.random.below(20_000), () => this.#retry(id));
    if (this.random.chance(0.15))
      this.clock.after(this.random.below(5_000), () =>
        this.#happen(id, { type: "cancel_requested", detail: "client" }, true),
      );
  }

  /** Messages that make no sense, from producers that anybody may run. */
  #mischief(): void {
    if (!this.#faults) return;
    const topic =
      this.random.pick<ExecutionTopic>(["plan-executions", "task-executions"]) ?? "plan-executions";
    this.#deliver(topic, mischiefOf(this.random, this.#lastSent), true);
  }

  /** Of a lifetime, or of the tenant or a graph, of which whoever runs learns at some time. */
  #pauseOrResume(): void {
    const id = `l${this.random.below(LIFETIMES)}`;
    const what = this.random.below(8);
    if (what === 0) this.#happen(id, { type: "pause_requested", detail: "operator" }, true);
    else if (what < 3) this.#happen(id, { type: "resume_requested" }, true);
    else if (what < 5) this.#setHold(this.#scope(), what === 3);
  }

  #scope(): string | undefined {
    return this.random.chance(0.3) ? undefined : this.random.pick(this.#graphs)?.name;
  }

  #resumeAll(): void {
    for (const graph of [undefined, ...this.#graphs.map(({ name }) => name)]) this.#setHold(graph, false);
    for (let i = 0; i < LIFETIMES; i++) this.#happen(`l${i}`, { type: "resume_requested" }, true);
  }

  #setHold(graph: string | undefined, holds: boolean): void {
    const ofGraph = graph === undefined ? {} : { graph };
    this.#add({
      durable: true,
      take: (turn) => {
        if (holds === (turn.hold(graph) === undefined))
          turn.append(
            holds ? { type: "paused", detail: "operator", ...ofGraph } : { type: "resumed", ...ofGraph },
          );
        return undefined;
      },
      committed: () => this.#align(),
    });
  }

  /** Lost with the object, which then begins anew. */
  #align(): void {
    const incarnation = this.#incarnation;
    for (const { id } of this.store.running())
      this.clock.after(this.random.below(500), () => {
        if (incarnation === this.#incarnation)
          this.#add({ durable: false, take: (turn) => void turn.align(id) });
      });
  }

  #add(arrival: Arrival): void {
    this.#inbox.push(arrival);
    this.#planTurn();
  }

  #happen(id: string, happening: Happening, durable = false): void {
    this.#add({
      durable,
      take: (turn) => {
        turn.happen(id, happening);
        return undefined;
      },
    });
  }

  /** Refused where it has not failed. */
  #retry(id: string): void {
    this.#add({
      durable: true,
      take: (turn) => {
        turn.retry(id, "client");
        return undefined;
      },
    });
  }

  #planTurn(): void {
    if (this.#turnPlanned || this.#inbox.length === 0) return;
    this.#turnPlanned = true;
    this.clock.after(this.random.below(4), () => this.#turn());
  }

  #deliver(topic: ExecutionTopic, message: Uint8Array, durable: boolean): void {
    const poisoned = this.#faults && this.random.chance(0.01);
    this.#add({
      durable,
      take: (turn) => {
        this.store.poisoned = poisoned;
        if (poisoned) this.counts.poisoned++;
        try {
          return turn.arrive(topic, message);
        } finally {
          this.store.poisoned = false;
        }
      },
    });
  }

  #turn(): void {
    this.#turnPlanned = false;
    const batch = this.#inbox.splice(0, 1 + this.random.below(BATCH));
    this.#planTurn();
    const turn = new Turn(this.store, ADDRESS, this.clock.now);
    const dispositions = batch.flatMap((arrival) => arrival.take(turn) ?? []);
    if (this.#crashes()) {
      this.#crash(batch);
      return;
    }
    const { writes, emitted } = turn;
    this.store.commit(writes);
    this.counts.commits++;
    this.#check(writes, dispositions);
    if (this.#crashes()) {
      this.#crash(batch);
      return;
    }
    for (const arrival of batch) arrival.committed?.();
    for (const { head } of writes.lifetimes) if (head.ended === undefined) this.#alarm(head.id, head.due);
    for (const each of emitted) this.#release(each);
    if (this.random.chance(0.3)) this.table.flush(this.store.log, this.random, this.#faults);
  }

  #crashes(): boolean {
    return this.#faults && this.random.chance(0.01);
  }

  /** Memory, calls and unacknowledged arrivals are gone; whoever waits sends again, and the object comes back. */
  #crash(batch: readonly Arrival[]): void {
    this.counts.crashes++;
    this.#incarnation++;
    this.store.crash();
    const again = [...batch, ...this.#inbox].filter((arrival) => arrival.durable);
    this.#inbox = [];
    for (const arrival of again) this.clock.after(this.random.below(300), () => this.#add(arrival));
    const incarnation = this.#incarnation;
    this.clock.after(this.random.below(50), () => {
      if (incarnation !== this.#incarnation) return;
      this.#align();
      for (const { id, due } of this.store.running()) {
        this.#alarm(id, due);
        this.#happen(id, { type: "restarted" });
      }
    });
  }

  /** Late at times, never early; one that is lost with its object is set again when that comes back. */
  #alarm(id: string, due: number): void {
    if (due === NEVER) return;
    const incarnation = this.#incarnation;
    this.clock.at(due + (this.#faults && this.random.chance(0.1) ? this.random.below(500) : 0), () => {
      const now = this.store.running().find((running) => running.id === id);
      if (incarnation !== this.#incarnation || now === undefined || now.due > this.clock.now) return;
      this.#happen(id, { type: "time_passed" });
    });
  }

  #release({ lifetime, effect }: Emitted): void {
    const { id, graph } = lifetime.head;
    if (effect.type === "withdraw") for (const n of effect.inputs) this.#withdrawn.add(`${id}:${n}`);
    if (effect.type !== "dispatch") return;
    const { n, attempt, offset, node } = effect;
    const state = this.store.lifetime(id);
    const member = state && "head" in state ? state.members.get(n) : undefined;
    // Over before it left, as the end of its lifetime in the same turn makes it.
    if (member?.phase !== "issued" || member.attempt !== attempt) return;
    this.counts.dispatched++;
    this.#withdrawn.delete(`${id}:${n}`);
    this.#lastSent = { lifetime: id, n, name: node };
    const record = this.store.record(offset);
    if (record.type !== "input") throw new Error(`a dispatch of a ${record.type}`);
    const spec = this.store.graph(graph).spec(node);
    const answer = () => answerOf(this.random, spec, this.store.compose(record), this.#faults);
    this.#execute(`${id}:${n}`, attempt, `${spec.type}-executions`, answer, spec.timeoutMs);
  }

  #execute(
    input: string,
    attempt: number,
    topic: ExecutionTopic,
    answer: () => Uint8Array,
    timeoutMs: number,
  ) {
    const { random, clock } = this;
    const incarnation = this.#incarnation;
    const { lifetime, n } = parseInputId(input) ?? { lifetime: "", n: 0 };
    if (!this.#faults) return clock.after(random.below(20), () => this.#deliver(topic, answer(), true));
    if (random.chance(0.05)) {
      const lost = { type: "dispatch_lost" as const, inputs: [{ n, attempt }] };
      return clock.after(200, () => this.#happen(lifetime, lost));
    }
    if (random.chance(0.03)) {
      const missing = { type: "executor_missing" as const, inputs: [{ n, attempt }] };
      return clock.after(random.below(20), () => this.#happen(lifetime, missing));
    }
    if (random.chance(0.04)) return;
    if (random.chance(0.1))
      clock.after(random.below(timeoutMs), () =>
        this.#happen(lifetime, { type: "heartbeat_received", n, attempt }),
      );
    // Over the bridge, an answer survives the object that had asked; over a call it dies with it.
    const durable = random.chance(0.5);
    const message = answer();
    const messages = [
      message,
      ...(random.chance(0.1) ? [message] : []),
      ...(random.chance(0.03) ? [answer()] : []),
    ];
    for (const each of messages) {
      const delay = random.chance(0.05) ? random.below(timeoutMs * 3) + 1_000 : random.below(60);
      clock.after(delay, () => {
        if (!durable && incarnation !== this.#incarnation) return;
        if (this.#withdrawn.has(input) && random.chance(0.7)) return;
        this.#deliver(topic, each, durable);
      });
    }
  }

  #check({ strays, deadLetters }: Writes, dispositions: readonly Disposition[]): void {
    this.#checker.check(this.store);
    checkStates(this.store);
    this.counts.delivered += dispositions.length;
    const buried = deadLetters.filter(({ topic }) => isTopic(topic));
    const of = (outcome: Disposition["outcome"]) => dispositions.filter((each) => each.outcome === outcome);
    if (of("stray").length !== strays.length || of("dead_letter").length !== buried.length)
      throw new Error("I5 is broken: what was set aside is not what was written");
    for (const each of dispositions)
      if (each.outcome === "recorded" && this.store.record(each.offset).type !== "execution")
        throw new Error(`I5 is broken: ${each.exec_id} is not at ${each.offset}`);
  }

  #checkTable(): void {
    const fold = Table.foldOf(this.store.log);
    if (!isDeepStrictEqual(this.table.executions, fold.executions))
      throw new Error("I8 is broken: the executions are not those of the log");
    if (!isDeepStrictEqual(this.table.lifetimes, fold.lifetimes))
      throw new Error("I8 is broken: the lifetimes are not those of the log");
    if (fold.executions.size !== this.#checker.outcomes.size)
      throw new Error(
        `I8 is broken: ${fold.executions.size} rows of ${this.#checker.outcomes.size} outcomes`,
      );
  }
}
