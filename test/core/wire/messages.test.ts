// Without this what we read or write by hand could differ from what every peer reads and writes by the contract.
import {
  type DescField,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
  ScalarType,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodePlanExecution,
  decodePlanInput,
  decodeTaskExecution,
  decodeTaskInput,
  type Execution,
  encodeExecution,
} from "../../../src/wire/codec.ts";
import {
  PlanExecutionSchema,
  TaskExecutionSchema,
} from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { PlanInputSchema, TaskInputSchema } from "../../../src/wire/gen/escapement/v1/input_pb.ts";

const text = fc.oneof(fc.string({ unit: "binary", maxLength: 8 }), fc.constantFrom("", "__proto__", "a"));
const int = fc.oneof(fc.nat(3), fc.integer());
const status = fc.constantFrom("EXECUTION_STATUS_SUCCEEDED", "EXECUTION_STATUS_UNSPECIFIED", 99);
const struct = fc.dictionary(fc.string({ maxLength: 4 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 });
const some = <T>(model: Record<string, fc.Arbitrary<T>>) => fc.record(model, { requiredKeys: [] });

const header = some<unknown>({
  name: text,
  execId: text,
  graphId: text,
  lifetimeId: text,
  tenantId: text,
  attempt: int,
  iterationIdx: int,
  createdAt: text,
  status,
  edgeTaken: text,
  parentId: text,
  inputId: text,
  usage: some<unknown>({ tokensIn: fc.nat().map(String), model: text, custom: fc.constant({ a: 0.5 }) }),
  traceParent: text,
  graphVersion: int,
});
const bytes = fc.uint8Array({ maxLength: 12 }).map((each) => Buffer.from(each).toString("base64"));
const stored = some<unknown>({
  uri: text,
  metadata: fc.dictionary(fc.string({ maxLength: 4 }), text, { maxKeys: 3 }),
});
// An Any has no JSON of its own without a registry: it is put in afterwards.
const result = fc.oneof(
  some<unknown>({ id: text, errorMessage: text }),
  some<unknown>({ id: text, externalData: stored, errorMessage: text }),
);
const taskExecution = some<unknown>({
  header,
  parentPlanExecId: text,
  result,
  parentPlanName: text,
  taskType: text,
});
const planExecution = some<unknown>({
  header,
  parentTaskExecIds: fc.array(text, { maxLength: 3 }),
  result: some<unknown>({
    upstreamTasksResults: fc.array(result, { maxLength: 3 }),
    nextTaskNames: fc.array(text, { maxLength: 3 }),
    errorMessage: text,
    nextTaskParameters: fc.dictionary(fc.string({ maxLength: 4 }), struct, { maxKeys: 2 }),
  }),
  parentTaskNames: fc.array(text, { maxLength: 3 }),
  planType: text,
  inputTaskId: text,
});
const ofInput = { inputId: text, graphId: text, lifetimeId: text, header };

const KINDS: readonly [DescMessage, fc.Arbitrary<unknown>, (bytes: Uint8Array) => { ok: boolean }][] = [
  [TaskExecutionSchema, taskExecution, decodeTaskExecution],
  [PlanExecutionSchema, planExecution, decodePlanExecution],
  [
    PlanInputSchema,
    some<unknown>({ ...ofInput, planName: text, taskExecutions: fc.array(taskExecution, { maxLength: 3 }) }),
    decodePlanInput,
  ],
  [
    TaskInputSchema,
    some<unknown>({ ...ofInput, taskName: text, planExecution, parameters: struct }),
    decodeTaskInput,
  ],
];

const outcome = (read: () => unknown): unknown => {
  try {
    return { ok: true, value: read() };
  } catch {
    return { ok: false };
  }
};

/** JSON with every field of a message, the later where only one of several may be there. */
const everyField = ({ fields }: DescMessage): JsonValue =>
  Object.fromEntries(
    fields.map((field) => [field.jsonName, exampleOf(field)]).filter(([, json]) => json !== null),
  );

const exampleOf = (field: DescField): JsonValue => {
  if (field.oneof && field.oneof.fields.at(-1) !== field) return null;
  const each = (): JsonValue => {
    if (field.message)
      return field.message.typeName === "google.protobuf.Struct" ? { a: 1 } : everyField(field.message);
    if (field.enum) return 3;
    return field.scalar === ScalarType.STRING ? "text" : 1;
  };
  if (field.fieldKind === "list") return [each()];
  return field.fieldKind === "map" ? { key: each() } : each();
};

describe.each(KINDS)("$name", (schema, arbitrary, decode) => {
  it("is known with every field that the contract has", () => {
    const encoded = toBinary(schema, fromJson(schema, everyField(schema)));
    expect(decode(encoded)).toEqual({ ok: true, value: fromBinary(schema, encoded) });
    expect(
      JSON.stringify(decode(encoded), (_, value) => (typeof value === "bigint" ? 1 : value)),
    ).not.toContain("$unknown");
  });

  const messages = arbitrary.map((json) => fromJson(schema, json as JsonValue));

  it("is read as the library reads it", () => {
    fc.assert(
      fc.property(messages, (message) => {
        const encoded = toBinary(schema, message);
        expect(decode(encoded)).toEqual({ ok: true, value: fromBinary(schema, encoded) });
      }),
    );
  });

  it("is read as the library reads it where it holds fields that this code does not know", () => {
    const unknown = fc.constantFrom([0xfa, 0x01, 1, 0x61], [0x98, 0x06, 5], [0xa5, 0x06, 1, 2, 3, 4]);
    fc.assert(
      fc.property(messages, unknown, (message, more) => {
        const encoded = Uint8Array.from([...toBinary(schema, message), ...more]);
        const decoded = decode(encoded) as unknown as { value: Execution };
        expect(toJson(schema, decoded.value as never)).toEqual(toJson(schema, fromBinary(schema, encoded)));
        expect(toBinary(schema, decoded.value as never)).toEqual(
          toBinary(schema, fromBinary(schema, encoded)),
        );
      }),
    );
  });

  it("is refused where it is cut off, as the library refuses it", () => {
    fc.assert(
      fc.property(messages, fc.nat(), (message, at) => {
        const encoded = toBinary(schema, message);
        const cut = encoded.subarray(0, at % (encoded.length + 1));
        expect(decode(cut).ok).toBe((outcome(() => fromBinary(schema, cut)) as { ok: boolean }).ok);
      }),
    );
  });

  it("never throws, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (any) => {
        expect(decode(any)).toHaveProperty("ok");
      }),
    );
  });
});

describe.each(KINDS.slice(0, 2))("$name", (schema, arbitrary) => {
  it("is written as the library writes it, with what this code does not know", () => {
    const unknown = fc.constantFrom([], [0xfa, 0x01, 1, 0x61], [0x98, 0x06, 5]);
    const inline = fc.option(fc.tuple(text, bytes));
    fc.assert(
      fc.property(arbitrary, unknown, inline, (json, more, any) => {
        const whole = toBinary(schema, fromJson(schema, json as JsonValue));
        const message = fromBinary(schema, Uint8Array.from([...whole, ...more])) as Execution;
        if (any && message.$typeName === "escapement.v1.TaskExecution" && message.result) {
          const value = new Uint8Array(Buffer.from(any[1], "base64"));
          const inlined = { $typeName: "google.protobuf.Any" as const, typeUrl: any[0], value };
          message.result.data = { case: "inlineData", value: inlined };
        }
        const theirs = toBinary(schema, message as never);
        expect(fromBinary(schema, encodeExecution(message))).toEqual(fromBinary(schema, theirs));
        if (more.length === 0) expect(encodeExecution(message)).toEqual(theirs);
      }),
    );
  });
});
