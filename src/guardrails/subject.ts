/**
 * What is judged, and the values that expressions read of it: only those that a policy names, each once, however
 * many policies name it. A value that cannot be had is a fault of who reads it.
 */
import type { CelInput } from "@bufbuild/cel";
import { type DescMessage, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { toCel } from "../executor/expression.ts";
import type { Node } from "../graph/graph.ts";
import { type Execution, isPlan } from "../wire/codec.ts";
import { PlanExecutionSchema, TaskExecutionSchema } from "../wire/gen/escapement/v1/execution_pb.ts";
import { isoOf } from "../wire/timestamp.ts";
import { HAS } from "./check.ts";
import type { Amounts } from "./measure.ts";
import { boundedResult, type Carried, inputValue, readHash } from "./payload.ts";
import type { PolicyEvent } from "./policy.ts";
import {
  NOTHING_SPENT,
  newTenantTally,
  type Repeats,
  repeatsOf,
  type Spent,
  spentIn,
  type Tally,
  type TenantTally,
} from "./tally.ts";
import type { Window } from "./window.ts";

export interface Subject {
  readonly on: PolicyEvent;
  readonly at: number;
  readonly tenant: string;
  readonly tenantTally?: TenantTally | undefined;
  readonly lifetime: {
    readonly id: string;
    readonly graph: string;
    readonly version: number;
    readonly labels: Readonly<Record<string, string>>;
    readonly startedAt: number;
    readonly steps: number;
    readonly tally?: Tally | undefined;
  };
  /** How many attempts that are to be issued with this one have been allowed before it. */
  readonly beside?: number;
  /** Of the inputs of a node. */
  readonly repeats: (node: string) => Repeats | undefined;
  /** Passes through each node that there were. Read before the next input is judged: it may be counted on. */
  readonly iterations: () => ReadonlyMap<string, bigint>;
  /** Of budgets, for what is at work. */
  readonly reserved: () => Amounts;
  readonly node?: Pick<Node, "name" | "type" | "kind" | "executor">;
  readonly input: {
    readonly id: string;
    readonly attempt: number;
    readonly iteration: number;
    /** Since this attempt was issued; of one that has its execution. */
    readonly elapsedMs?: () => number;
    readonly from: () => readonly string[];
    readonly carried: Carried;
  };
  readonly execution?: Execution;
}

type Read = (subject: Subject) => CelInput;

const int = (value: number): bigint => BigInt(Math.trunc(value));

const spentFields = (prefix: string, of: (subject: Subject) => Spent): Record<string, Read> => ({
  [`${prefix}.tokens`]: (subject) => int(of(subject).tokens_in + of(subject).tokens_out),
  [`${prefix}.tokens_in`]: (subject) => int(of(subject).tokens_in),
  [`${prefix}.tokens_out`]: (subject) => int(of(subject).tokens_out),
  [`${prefix}.cost_usd_micros`]: (subject) => int(of(subject).cost_usd_micros),
  [`${prefix}.calls`]: (subject) => int(of(subject).calls),
});

const NO_TALLY = newTenantTally(0);
const tenantSpent = (window: Window) =>
  spentFields(`tenant.spent.${window}`, ({ tenantTally = NO_TALLY, at }) => spentIn(tenantTally, window, at));

const READ: Readonly<Record<string, Read>> = {
  now: ({ at }) => timestampFromMs(at),
  "tenant.id": ({ tenant }) => tenant,
  "tenant.running": ({ tenantTally = NO_TALLY }) => int(tenantTally.running),
  ...tenantSpent("hour"),
  ...tenantSpent("day"),
  ...tenantSpent("month"),
  "graph.name": ({ lifetime }) => lifetime.graph,
  "graph.version": ({ lifetime }) => int(lifetime.version),
  "lifetime.id": ({ lifetime }) => lifetime.id,
  "lifetime.labels": ({ lifetime }) => new Map(Object.entries(lifetime.labels)),
  "lifetime.steps": ({ lifetime }) => int(lifetime.steps),
  "lifetime.iterations": ({ iterations }) => iterations(),
  "lifetime.age_ms": ({ lifetime, at }) => int(at - lifetime.startedAt),
  "lifetime.open": ({ lifetime, beside = 0 }) => int((lifetime.tally?.open ?? 0) + beside),
  ...spentFields("lifetime.spent", ({ lifetime }) => lifetime.tally?.spent ?? NOTHING_SPENT),
  "lifetime.reserved.tokens": ({ reserved }) => int(reserved().tokens ?? 0),
  "lifetime.reserved.cost_usd_micros": ({ reserved }) => int(reserved().cost_usd_micros ?? 0),
  "lifetime.reserved.calls": ({ reserved }) => int(reserved().calls ?? 0),
  "node.name": ({ node }) => node?.name ?? "",
  "node.type": ({ node }) => node?.type ?? "",
  "node.kind": ({ node }) => node?.kind ?? "",
  "node.executor": ({ node }) => node?.executor ?? "rpc",
  "input.id": ({ input }) => input.id,
  "input.attempt": ({ input }) => int(input.attempt),
  "input.iteration": ({ input }) => int(input.iteration),
  "input.from": ({ input }) => [...input.from()],
  "input.elapsed_ms": ({ input: { elapsedMs } }) => int(elapsedMs?.() ?? 0),
  "input.value": ({ input }) => toCel(inputValue(input.carried)),
  "cycle.repeats": ({ repeats, input: { carried } }) =>
    int(repeatsOf(repeats(carried.node), readHash(carried))),
  result: ({ execution }) => toCel(resultOf(execution)),
  result_text: ({ execution }) => textOf(resultOf(execution)),
};

const resultOf = (execution: Execution | undefined): JsonValue =>
  execution === undefined || isPlan(execution) ? null : boundedResult(execution.result);

const textOf = (value: JsonValue): string => (typeof value === "string" ? value : JSON.stringify(value));

type Message = Readonly<Record<string, unknown>>;

/** Of `execution.header.usage.tokens_in` the message that has the last of these, and how it is called there. */
const fieldAt = (execution: Execution, path: string) => {
  let message: Message | undefined = execution as unknown as Message;
  let desc: DescMessage | undefined = isPlan(execution) ? PlanExecutionSchema : TaskExecutionSchema;
  const names = path.split(".").slice(1);
  const last = names.pop();
  for (const name of names) {
    const field: DescMessage["fields"][number] | undefined = desc?.fields.find((each) => each.name === name);
    const holder: Message | undefined = message;
    const group = field?.oneof ? (holder?.[field.oneof.localName] as Message | undefined) : undefined;
    const inGroup = group && (group.case === field?.localName ? group.value : undefined);
    message = (field?.oneof ? inGroup : holder?.[field?.localName ?? ""]) as Message | undefined;
    desc = field?.message;
  }
  const field = desc?.fields.find((each) => each.name === last);
  return { field, value: field && message?.[field.localName] };
};

const fieldOf = (execution: Execution, path: string): CelInput => {
  const { field, value } = fieldAt(execution, path);
  switch (field?.fieldKind) {
    case "list":
      return [...((value as readonly string[] | undefined) ?? [])];
    case "map":
      return new Map(Object.entries((value as Readonly<Record<string, number>> | undefined) ?? {}));
    case "enum":
      return int((value as number | undefined) ?? 0);
    case "scalar":
      if (value === undefined) return field.scalar === ScalarType.STRING ? "" : 0n;
      return typeof value === "number" && field.scalar === ScalarType.INT32
        ? int(value)
        : (value as CelInput);
    default:
      throw new Error(`${path} is no value`);
  }
};

/** As of protobuf: a field of a message is there, any other is not what it is by default. */
const isSet = (execution: Execution, path: string): boolean => {
  const { value } = fieldAt(execution, path);
  if (value === undefined || value === "" || value === 0 || value === 0n) return false;
  return typeof value !== "object" || value === null || Object.keys(value).length > 0;
};

/** The values of one subject, as they are asked for. */
export class Values {
  /** By name; of what has been read. */
  readonly known: Record<string, CelInput> = {};
  readonly subject: Subject;
  #faults: Record<string, string> | undefined;

  constructor(subject: Subject) {
    this.subject = subject;
  }

  /** Reads one, if it has not been read; why it cannot be had, if so. */
  read(path: string): string | undefined {
    if (this.known[path] !== undefined) return undefined;
    const fault = this.#faults?.[path];
    if (fault !== undefined) return fault;
    try {
      this.known[path] = this.#read(path);
      return undefined;
    } catch (cause) {
      this.#faults ??= {};
      this.#faults[path] = `${path}: ${(cause as Error).message}`;
      return this.#faults[path];
    }
  }

  /** How many values there are in one that was read. */
  size(path: string): number {
    return sizeOf(this.known[path] ?? null);
  }

  /** One that was read, as JSON. */
  shown(path: string): JsonValue | undefined {
    const value = this.known[path];
    if (value === undefined) return undefined;
    return path === "now" ? isoOf(this.subject.at) : jsonOf(value);
  }

  #read(path: string): CelInput {
    const { execution } = this.subject;
    const plain = READ[path];
    if (plain) return plain(this.subject);
    if (execution && path.startsWith(`${HAS}execution.`)) return isSet(execution, path);
    if (path.startsWith(HAS)) return true;
    if (execution) return fieldOf(execution, path);
    throw new Error("is not known here");
  }
}

const jsonOf = (value: CelInput): JsonValue => {
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map((each) => jsonOf(each as CelInput));
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, each]) => [String(key), jsonOf(each)]));
  return value as JsonValue;
};

const sizeOf = (value: CelInput): number => {
  if (Array.isArray(value)) return value.reduce((sum: number, each) => sum + sizeOf(each as CelInput), 1);
  if (value instanceof Map) return [...value.values()].reduce((sum, each) => sum + sizeOf(each), 1);
  return 1;
};
