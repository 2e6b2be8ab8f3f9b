/**
 * Messages of the topics ↔ proto JSON, with the field names of the contract. A payload that is not valid for
 * the type that it names is shown as base64, and never in the way of the rest.
 */
import {
  createRegistry,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  toJson,
} from "@bufbuild/protobuf";
import { base64Encode } from "@bufbuild/protobuf/wire";
import { type Any, StringValueSchema, StructSchema, ValueSchema } from "@bufbuild/protobuf/wkt";
import { err, ok, type Result } from "../../src/result.ts";
import { decode, encode } from "../../src/wire/codec.ts";
import type { TaskResult } from "../../src/wire/gen/escapement/v1/execution_pb.ts";
import { readPayload } from "../../src/wire/payload.ts";

const registry = createRegistry(ValueSchema, StringValueSchema, StructSchema);

/** Where a message holds results, in the names of JSON. */
const RESULTS: Readonly<Record<string, readonly string[]>> = {
  "escapement.v1.TaskExecution": ["result"],
  "escapement.v1.PlanExecution": ["result", "upstream_tasks_results"],
  "escapement.v1.PlanInput": ["task_executions", "result"],
  "escapement.v1.TaskInput": ["plan_execution", "result", "upstream_tasks_results"],
};

const camelCase = (name: string): string =>
  name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

const follow = (root: unknown, path: readonly string[]): unknown[] =>
  path.reduce<unknown[]>(
    (found, key) => found.flatMap((each) => (each as Record<string, unknown>)[key] ?? []),
    [root],
  );

const showPayload = (any: Any): JsonObject => {
  const payload = readPayload(any);
  return { "@type": any.typeUrl, value: "json" in payload ? payload.json : base64Encode(payload.bytes) };
};

/** Undefined when the bytes are not this message. */
export const showMessage = (schema: DescMessage, bytes: Uint8Array): JsonValue | undefined => {
  const decoded = decode(schema, bytes);
  if (!decoded.ok) return undefined;
  const path = RESULTS[schema.typeName] ?? [];
  // Payloads are taken out first: one that does not decode would spoil the whole message.
  const payloads = (follow(decoded.value, path.map(camelCase)) as TaskResult[]).map((result) => {
    if (result.data.case !== "inlineData") return undefined;
    const shown = showPayload(result.data.value);
    result.data = { case: undefined };
    return shown;
  });
  const json = toJson(schema, decoded.value, { useProtoFieldName: true, registry });
  for (const [index, result] of (follow(json, path) as JsonObject[]).entries()) {
    const payload = payloads[index];
    if (payload) result.inline_data = payload;
  }
  return json;
};

/** Proto JSON → the message, encoded; or a sentence about what is wrong with it. */
export const readMessage = (schema: DescMessage, json: JsonValue): Result<Uint8Array, string> => {
  try {
    return ok(encode(schema, fromJson(schema, json, { registry })));
  } catch (cause) {
    return err((cause as Error).message);
  }
};
