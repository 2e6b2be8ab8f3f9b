/**
 * What the expression of a policy may name, with its type, and where it is known. The fields of an execution come
 * from the descriptors of the wire.
 */
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import {
  ExecutionStatusSchema,
  PlanExecutionSchema,
  TaskExecutionSchema,
} from "../wire/gen/escapement/v1/execution_pb.ts";
import { POLICY_EVENTS, type PolicyEvent } from "./policy.ts";

export type Scalar =
  | "bool"
  | "int"
  | "uint"
  | "double"
  | "string"
  | "bytes"
  | "null"
  | "timestamp"
  | "duration"
  | "type"
  | "dyn";

/** Keys of maps are text. */
export type Type = Scalar | { readonly list: Type } | { readonly map: Type };

export type Shape =
  | { readonly type: Type }
  | { readonly constant: number }
  /** A message may also be asked for with has(). */
  | { readonly fields: Readonly<Record<string, Shape>> };

const of = (type: Type): Shape => ({ type });
const group = (fields: Readonly<Record<string, Shape>>): Shape => ({ fields });
const INT = of("int");
const STRING = of("string");

const SPENT = group({
  tokens: INT,
  tokens_in: INT,
  tokens_out: INT,
  cost_usd_micros: INT,
  calls: INT,
});

const SCALARS: Readonly<Partial<Record<ScalarType, Type>>> = {
  [ScalarType.STRING]: "string",
  [ScalarType.BOOL]: "bool",
  [ScalarType.BYTES]: "bytes",
  [ScalarType.DOUBLE]: "double",
  [ScalarType.FLOAT]: "double",
};

const scalarOf = (scalar: ScalarType): Type => SCALARS[scalar] ?? "int";

/** Payloads are `result` and `input`, not fields: what is inside an Any is opaque to the descriptors. */
const OPAQUE = ["google.protobuf.Any", "google.protobuf.Struct"];

const shapeOfField = (field: DescField): Shape | undefined => {
  switch (field.fieldKind) {
    case "scalar":
      return of(scalarOf(field.scalar));
    case "enum":
      return INT;
    case "message":
      return OPAQUE.includes(field.message.typeName) ? undefined : shapeOf(field.message);
    case "list":
      return field.listKind === "scalar" ? of({ list: scalarOf(field.scalar) }) : undefined;
    case "map":
      return field.mapKind === "scalar" ? of({ map: scalarOf(field.scalar) }) : undefined;
  }
};

const shapeOf = (message: DescMessage): Shape =>
  group(
    Object.fromEntries(
      message.fields.flatMap((field) => {
        const shape = shapeOfField(field);
        return shape ? [[field.name, shape]] : [];
      }),
    ),
  );

const STATUSES = group(
  Object.fromEntries(
    ExecutionStatusSchema.values.map(({ localName, number }) => [localName, { constant: number }]),
  ),
);

const TIMELESS: Readonly<Record<string, Shape>> = {
  now: of("timestamp"),
  tenant: group({
    id: STRING,
    running: INT,
    spent: group({ hour: SPENT, day: SPENT, month: SPENT }),
  }),
  graph: group({ name: STRING, version: INT }),
  lifetime: group({
    id: STRING,
    labels: of({ map: "string" }),
    steps: INT,
    iterations: of({ map: "int" }),
    age_ms: INT,
    open: INT,
    spent: SPENT,
    reserved: group({ tokens: INT, cost_usd_micros: INT, calls: INT }),
  }),
  ExecutionStatus: STATUSES,
};

const OF_NODE: Readonly<Record<string, Shape>> = {
  node: group({ name: STRING, type: STRING, kind: STRING, executor: STRING }),
};

const input = (more: Readonly<Record<string, Shape>>): Readonly<Record<string, Shape>> => ({
  input: group({ value: of("dyn"), ...more }),
});

const OF_INPUT = { id: STRING, attempt: INT, iteration: INT, from: of({ list: "string" }) };

const OF_ANSWERED = { ...OF_INPUT, elapsed_ms: INT };

const NAMED: Readonly<Record<PolicyEvent, Readonly<Record<string, Shape>>>> = {
  lifetime_start: { ...TIMELESS, ...input({}) },
  plan_input: { ...TIMELESS, ...OF_NODE, ...input(OF_INPUT), cycle: group({ repeats: INT }) },
  task_input: { ...TIMELESS, ...OF_NODE, ...input(OF_INPUT), cycle: group({ repeats: INT }) },
  plan_execution: {
    ...TIMELESS,
    ...OF_NODE,
    ...input(OF_ANSWERED),
    execution: shapeOf(PlanExecutionSchema),
  },
  task_execution: {
    ...TIMELESS,
    ...OF_NODE,
    ...input(OF_ANSWERED),
    execution: shapeOf(TaskExecutionSchema),
    result: of("dyn"),
    result_text: STRING,
  },
};

/** What may be named at this event. */
export const variablesOf = (on: PolicyEvent): Readonly<Record<string, Shape>> => NAMED[on];

/** The events at which this is known, to say so to who names it elsewhere. */
export const knownOn = (name: string): readonly PolicyEvent[] =>
  POLICY_EVENTS.filter((on) => name in NAMED[on]);

export const nameOf = (type: Type): string => {
  if (typeof type === "string") return type;
  return "list" in type ? `list(${nameOf(type.list)})` : `map(string, ${nameOf(type.map)})`;
};
