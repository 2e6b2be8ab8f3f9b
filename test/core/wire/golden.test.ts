// Without this a change of a field number or type could pass every other test and break each peer that speaks the contract.
import {
  createRegistry,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import {
  ExecutionHeaderSchema,
  PlanExecutionSchema,
  PlanResultSchema,
  StoredDataSchema,
  TaskExecutionSchema,
  TaskResultSchema,
  UsageSchema,
} from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { PlanInputSchema, TaskInputSchema } from "../../../src/wire/gen/escapement/v1/input_pb.ts";

const registry = createRegistry(StringValueSchema);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, "hex"));

/** A field of text or of a message: its tag, its length, its bytes. Every length here fits one byte. */
const field = (number: number, content: string): string =>
  Buffer.from([(number << 3) | 2, content.length / 2]).toString("hex") + content;
const text = (number: number, value: string) => field(number, Buffer.from(value).toString("hex"));

const STRING_VALUE = text(1, "type.googleapis.com/google.protobuf.StringValue") + field(2, text(1, "v"));
const STRING_VALUE_JSON = { "@type": "type.googleapis.com/google.protobuf.StringValue", value: "v" };
const STRUCT = field(1, text(1, "k") + field(2, "11000000000000f03f"));
const NAMED = text(1, "n");

const GOLDEN: readonly [DescMessage, string, JsonValue][] = [
  [
    ExecutionHeaderSchema,
    [
      text(1, "n"),
      text(2, "e"),
      text(3, "g"),
      text(4, "l"),
      text(5, "t"),
      "3003",
      "3802",
      text(8, "2026-01-01T00:00:00+02:00"),
      "4803",
      text(10, "p"),
      text(11, "a"),
      text(12, "i"),
      field(13, "0801"),
      text(14, "00-1-2-00"),
      "7807",
    ].join(""),
    {
      name: "n",
      exec_id: "e",
      graph_id: "g",
      lifetime_id: "l",
      tenant_id: "t",
      attempt: 3,
      iteration_idx: 2,
      created_at: "2026-01-01T00:00:00+02:00",
      status: "EXECUTION_STATUS_SUCCEEDED",
      edge_taken: "p",
      parent_id: "a",
      input_id: "i",
      usage: { tokens_in: "1" },
      trace_parent: "00-1-2-00",
      graph_version: 7,
    },
  ],
  [
    UsageSchema,
    `0801100218032004${text(5, "m")}${field(6, `${text(1, "c")}11000000000000f83f`)}`,
    {
      tokens_in: "1",
      tokens_out: "2",
      cost_usd_micros: "3",
      latency_ms: "4",
      model: "m",
      custom: { c: 1.5 },
    },
  ],
  [
    StoredDataSchema,
    text(1, "r2://x") + field(2, text(1, "k") + text(2, "v")),
    { uri: "r2://x", metadata: { k: "v" } },
  ],
  [TaskResultSchema, text(1, "r") + field(2, STRING_VALUE), { id: "r", inline_data: STRING_VALUE_JSON }],
  [
    TaskResultSchema,
    field(3, text(1, "u")) + text(4, "e: x"),
    { external_data: { uri: "u" }, error_message: "e: x" },
  ],
  [
    TaskExecutionSchema,
    field(1, NAMED) + text(2, "p") + field(3, text(1, "r")) + text(4, "P") + text(5, "k"),
    {
      header: { name: "n" },
      parent_plan_exec_id: "p",
      result: { id: "r" },
      parent_plan_name: "P",
      task_type: "k",
    },
  ],
  [
    PlanResultSchema,
    field(1, text(1, "r")) +
      text(2, "a") +
      text(2, "b") +
      text(3, "e: x") +
      field(4, text(1, "a") + field(2, STRUCT)),
    {
      upstream_tasks_results: [{ id: "r" }],
      next_task_names: ["a", "b"],
      error_message: "e: x",
      next_task_parameters: { a: { k: 1 } },
    },
  ],
  [
    PlanExecutionSchema,
    field(1, NAMED) + text(2, "t") + field(3, text(2, "a")) + text(4, "T") + text(5, "k") + text(6, "i"),
    {
      header: { name: "n" },
      parent_task_exec_ids: ["t"],
      result: { next_task_names: ["a"] },
      parent_task_names: ["T"],
      plan_type: "k",
      input_task_id: "i",
    },
  ],
  [
    PlanInputSchema,
    text(1, "i") + text(2, "p") + field(3, field(1, NAMED)) + text(4, "g") + text(5, "l") + field(6, NAMED),
    {
      input_id: "i",
      plan_name: "p",
      task_executions: [{ header: { name: "n" } }],
      graph_id: "g",
      lifetime_id: "l",
      header: { name: "n" },
    },
  ],
  [
    TaskInputSchema,
    text(1, "i") +
      text(2, "t") +
      field(3, field(1, NAMED)) +
      text(4, "g") +
      text(5, "l") +
      field(6, NAMED) +
      field(7, STRUCT),
    {
      input_id: "i",
      task_name: "t",
      plan_execution: { header: { name: "n" } },
      graph_id: "g",
      lifetime_id: "l",
      header: { name: "n" },
      parameters: { k: 1 },
    },
  ],
];

describe("the bytes of the contract", () => {
  it.each(GOLDEN.map(([schema, golden, json]) => [schema.name, schema, golden, json] as const))(
    "are the same for %s, both ways",
    (_, schema, golden, json) => {
      expect(hex(toBinary(schema, fromJson(schema, json, { registry })))).toBe(golden);
      expect(
        toJson(schema, fromBinary(schema, bytesOf(golden)), { registry, useProtoFieldName: true }),
      ).toEqual(json);
    },
  );

  it.each([
    [0, "UNSPECIFIED"],
    [1, "PENDING"],
    [2, "RUNNING"],
    [3, "SUCCEEDED"],
    [4, "FAILED"],
    [5, "CANCELED"],
    [6, "REJECTED"],
    [7, "TIMED_OUT"],
    [8, "SKIPPED"],
  ])("have %i for the status %s", (number, name) => {
    const header = fromBinary(ExecutionHeaderSchema, Uint8Array.of(0x48, number));
    const json = toJson(ExecutionHeaderSchema, header, { alwaysEmitImplicit: true }) as { status: string };
    expect(json.status).toBe(`EXECUTION_STATUS_${name}`);
  });
});

describe("fields that we do not know", () => {
  const UNKNOWN = `f8019601${field(15, "abcd")}`;

  it.each(GOLDEN.map(([schema, golden]) => [schema.name, schema, golden] as const))(
    "survive decoding and encoding in %s",
    (_, schema, golden) => {
      // Field 15 of the header is ours; a tag of two bytes, field 31, is nobody's.
      const unknown = schema === ExecutionHeaderSchema ? "f8019601" : UNKNOWN;
      expect(hex(toBinary(schema, fromBinary(schema, bytesOf(golden + unknown))))).toBe(golden + unknown);
    },
  );

  it("survive in the header inside an execution inside an input", () => {
    const header = `${NAMED}f8019601`;
    const bytes = field(3, field(1, header)) + field(6, header);
    expect(hex(toBinary(PlanInputSchema, fromBinary(PlanInputSchema, bytesOf(bytes))))).toBe(bytes);
  });
});
