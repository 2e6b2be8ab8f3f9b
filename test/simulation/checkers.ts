/**
 * The guarantees of the design that can be read off the log and the states, checked after every commit. Each
 * throws with the guarantee's number, so a seed that breaks one says which.
 */
import { create } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { draw, inputId, parseInputId, seedOf } from "../../src/control-plane/ids.ts";
import { isWait } from "../../src/control-plane/wait.ts";
import { instantOf, type WaitSettings } from "../../src/executor/tasks/wait.ts";
import type { Graph, Node } from "../../src/graph/graph.ts";
import { LEASE_MARGIN_MS } from "../../src/limits.ts";
import type { ExecutionRecord, InputRecord, LogRecord } from "../../src/topics/record.ts";
import { decode, decodeExecution, isPlan } from "../../src/wire/codec.ts";
import {
  type ExecutionHeader,
  ExecutionHeaderSchema,
  ExecutionStatus,
} from "../../src/wire/gen/escapement/v1/execution_pb.ts";
import { readPayload, readResult, VALUE_URL } from "../../src/wire/payload.ts";
import { ADDRESS, type MemoryStore } from "./store.ts";

const fail = (guarantee: string, detail: string): never => {
  throw new Error(`${guarantee} is broken: ${detail}`);
};

const executionHeader = (record: ExecutionRecord): ExecutionHeader => {
  const decoded = decodeExecution(record.kind, record.message);
  return (
    (decoded.ok && decoded.value.header) ||
    fail("I5", `the log holds what does not decode, at ${record.offset}`)
  );
};

const inputHeader = (record: InputRecord): ExecutionHeader => {
  const decoded = decode(ExecutionHeaderSchema, record.header);
  return decoded.ok ? decoded.value : fail("I5", `the log holds what does not decode, at ${record.offset}`);
};

const signalValue = ({ value }: LogRecord & { type: "signal_received" }): string => {
  const payload = readPayload(create(AnySchema, { typeUrl: VALUE_URL, value }));
  return "json" in payload ? String(payload.json) : fail("I5", "a signal without JSON");
};

interface Outcome {
  readonly at: number;
  readonly offset: number;
  readonly status: ExecutionStatus;
}

/** Reads the log once, record by record, and remembers what the guarantees need. */
export class LogChecker {
  readonly #graphs: ReadonlyMap<string, Graph>;
  readonly #graphOf = new Map<string, Graph>();
  readonly #ended = new Set<string>();
  readonly #deadlines = new Map<string, { started: number; seed: number }>();
  /** Input and attempt → its record. */
  readonly #inputs = new Map<string, InputRecord>();
  /** Input and attempt → when and how it ended. */
  readonly #outcomes = new Map<string, Outcome>();
  /** Lifetime → where it was retried last; input → its attempts before that. */
  readonly #retries = new Map<string, number>();
  readonly #before = new Map<string, number>();
  /** Offset of a task execution → the plan execution that launched it. */
  readonly #waveOf = new Map<number, number>();
  readonly #fired = new Set<string>();
  /** Offsets of what was taken back; no executor of the simulation says so itself. */
  readonly #canceled = new Set<number>();
  /** Values that no wait has taken, each sent once → the name of their signal. */
  readonly #signals = new Map<string, string>();
  /** Graphs that are paused; the tenant is the one without a name. */
  readonly #paused = new Set<string>();
  #read = 0;

  constructor(graphs: readonly Graph[]) {
    this.#graphs = new Map(graphs.map((graph) => [graph.name, graph]));
  }

  check({ log }: MemoryStore): void {
    for (; this.#read < log.length; this.#read++) {
      const record = log[this.#read] as LogRecord;
      if (record.offset !== this.#read + 1) fail("the log", `offset ${record.offset} at ${this.#read + 1}`);
      if (record.type === "lifetime_started") {
        const graph = this.#graphs.get(record.graph) ?? fail("the log", `no graph ${record.graph}`);
        this.#graphOf.set(record.lifetime, graph);
        this.#deadlines.set(record.lifetime, {
          started: record.at,
          seed: seedOf(ADDRESS.tenant, record.lifetime),
        });
      } else if (record.type === "lifetime_retried") this.#lifetimeRetried(record);
      else if (record.type === "signal_received") this.#signals.set(signalValue(record), record.name);
      else if (record.type === "paused") this.#paused.add(record.graph ?? "");
      else if (record.type === "resumed") this.#paused.delete(record.graph ?? "");
      else if (record.type === "lifetime_ended") this.#lifetimeEnded(record);
      else if (record.type === "input") this.#input(record, inputHeader(record));
      else if (record.type === "execution") this.#execution(record, executionHeader(record));
    }
  }

  /** Inputs and attempts that have an outcome. */
  get outcomes(): ReadonlyMap<string, Outcome> {
    return this.#outcomes;
  }

  #node(lifetime: string, name: string) {
    const graph = this.#graphOf.get(lifetime) ?? fail("the log", `${lifetime} has not started`);
    return graph.nodes.find((node) => node.name === name) ?? fail("the graph", `no node ${name}`);
  }

  #lifetimeEnded(record: LogRecord & { type: "lifetime_ended" }): void {
    if (this.#ended.has(record.lifetime)) fail("I6", `${record.lifetime} ended twice`);
    this.#ended.add(record.lifetime);
    const graph = this.#graphOf.get(record.lifetime);
    const started = this.#deadlines.get(record.lifetime)?.started ?? 0;
    const early = record.at < started + (graph?.bounds.timeoutMs ?? 0);
    if (record.reason?.code === "lifetime_timed_out" && early) fail("I11", `${record.lifetime} ended early`);
    for (const [key] of this.#inputs)
      if (
        parseInputId(key.slice(0, key.lastIndexOf("/")))?.lifetime === record.lifetime &&
        !this.#outcomes.has(key)
      )
        fail("I1", `${key} has no outcome and its lifetime has ended`);
  }

  #lifetimeRetried({ lifetime, at, offset }: LogRecord & { type: "lifetime_retried" }): void {
    if (!this.#ended.delete(lifetime)) fail("retries", `${lifetime} was retried before its end`);
    const { seed } = this.#deadlines.get(lifetime) ?? { seed: 0 };
    this.#deadlines.set(lifetime, { started: at, seed });
    this.#retries.set(lifetime, offset);
  }

  #input(record: InputRecord, header: ExecutionHeader): void {
    const { lifetimeId, attempt, name } = header;
    if (this.#ended.has(lifetimeId)) fail("I6", `${header.inputId} was issued after the end`);
    const key = `${header.inputId}/${attempt}`;
    for (const scope of ["", header.graphId])
      if (this.#paused.has(scope)) fail("a pause", `${key} was issued while ${scope || "the tenant"} held`);
    if (this.#inputs.has(key)) fail("I1", `${key} was issued twice`);
    this.#inputs.set(key, record);
    const node = this.#node(lifetimeId, name);
    if (node.type !== record.kind) fail("the loop", `${name} is no ${record.kind}`);
    if (attempt > 1) this.#retried(record, header);
    else if (record.kind === "plan") this.#fires(record, header);
  }

  #retried(record: InputRecord, { lifetimeId, inputId: input, attempt, name }: ExecutionHeader): void {
    const before =
      this.#outcomes.get(`${input}/${attempt - 1}`) ?? fail("I1", `${input}/${attempt} overlaps`);
    const { retry } = this.#node(lifetimeId, name);
    if (before.offset < (this.#retries.get(lifetimeId) ?? 0)) {
      this.#before.set(input, attempt - 1);
      return;
    }
    const since = attempt - (this.#before.get(input) ?? 0);
    if (since > retry.attempts) fail("retries", `${input} has attempt ${attempt} of ${retry.attempts}`);
    const bound = Math.min(retry.backoffMsMax, retry.backoffMs * 2 ** (since - 2));
    const n = parseInputId(input)?.n ?? 0;
    const wait = Math.floor(draw(this.#deadlines.get(lifetimeId)?.seed ?? 0, n, attempt - 1) * bound);
    if (record.at < before.at + wait) fail("I11", `${input}/${attempt} came early`);
  }

  #fires(record: InputRecord, { lifetimeId, inputId: input, name }: ExecutionHeader): void {
    const { join } = this.#node(lifetimeId, name);
    const waves = new Set(record.carries.map((offset) => this.#waveOf.get(offset) ?? -offset));
    if (waves.size !== 1 && join !== "merge") fail("I4", `${input} carries tasks of ${waves.size} waves`);
    const [wave = 0] = waves;
    if (typeof join === "object" && wave > 0 && record.carries.length !== join.first)
      fail(
        "I4",
        `${input} carries ${record.carries.length} tasks; it is the first ${join.first} that fire it`,
      );
    // Where it is not once a wave, each task leads to it once.
    const firings =
      join === "each" || join === "merge"
        ? record.carries.map((offset) => `${name} of ${offset}`)
        : [`${name} ${wave}`];
    for (const firing of firings) {
      if (this.#fired.has(firing)) fail("I4", `${name} fired twice, with ${input}`);
      this.#fired.add(firing);
    }
    for (const offset of record.carries)
      if (this.#canceled.has(offset)) fail("I6", `${input} carries what was withdrawn, at ${offset}`);
  }

  #execution(record: ExecutionRecord, header: ExecutionHeader): void {
    const key = `${header.inputId}/${header.attempt}`;
    const input = this.#inputs.get(key) ?? fail("I5", `${key} has an outcome and no input`);
    if (this.#outcomes.has(key)) fail("I1", `${key} has two outcomes`);
    if (this.#ended.has(header.lifetimeId)) fail("I6", `${key} took effect after the end`);
    if (inputId(header.lifetimeId, parseInputId(header.inputId)?.n ?? 0) !== header.inputId)
      fail("I5", `${key} is of lifetime ${header.lifetimeId}`);
    this.#outcomes.set(key, { at: record.at, offset: record.offset, status: header.status });
    if (header.status === ExecutionStatus.CANCELED) this.#canceled.add(record.offset);
    if (record.kind === "task") this.#waveOf.set(record.offset, input.carries[0] ?? 0);
    // The executors of the simulation never say so themselves.
    const node = this.#node(header.lifetimeId, header.name);
    const ends = input.at + node.timeoutMs + (isWait(node) ? 0 : LEASE_MARGIN_MS);
    if (header.status === ExecutionStatus.TIMED_OUT && record.at < ends)
      fail("I11", `the lease of ${key} ended early`);
    if (isWait(node) && header.status === ExecutionStatus.SUCCEEDED) this.#waited(record, input, node);
  }

  /** For as long as it was to, or for a signal, which ended no other wait. */
  #waited({ offset, at, message }: ExecutionRecord, input: InputRecord, { name, settings }: Node): void {
    const { signal, for: ms, until } = settings as WaitSettings;
    const over = ms === undefined ? instantOf(until) : input.at + ms;
    if (over !== undefined && at < over) fail("I11", `the wait of ${name} at ${offset} was over early`);
    if (signal === undefined) return;
    const decoded = decodeExecution("task", message);
    const value = decoded.ok && !isPlan(decoded.value) ? readResult(decoded.value.result) : undefined;
    const sent = this.#signals.get(String(value)) ?? fail("signals", `${value} at ${offset} was never sent`);
    if (sent !== signal) fail("signals", `${value} of ${sent} ended a wait for ${signal}`);
    this.#signals.delete(String(value));
  }
}

/** The invariants that a lifetime's state states of itself. */
export const checkStates = (store: MemoryStore): void => {
  for (const { id, due } of store.running()) {
    const lifetime = store.lifetime(id);
    if (lifetime === undefined || !("head" in lifetime)) throw new Error(`${id} runs and has no state`);
    const open = [...lifetime.members.entries()].filter(([, member]) => member.phase !== "done");
    if (open.length !== lifetime.head.outstanding)
      fail("the state", `${id} counts ${lifetime.head.outstanding} outstanding and has ${open.length}`);
    if (open.length === 0) fail("the state", `${id} runs with nothing outstanding`);
    for (const [n, member] of open)
      if (due > member.due) fail("I11", `${inputId(id, n)} is due at ${member.due}, the timer at ${due}`);
    if (due > lifetime.head.deadline) fail("I11", `the timer of ${id} is later than its deadline`);
  }
};
