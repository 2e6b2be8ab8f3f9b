/**
 * JSON ↔ google.protobuf.Any, in which results travel. We pack a google.protobuf.Value; what peers pack may
 * be text, bytes, or not valid for the type that it names, so reading never throws: what is not JSON stays
 * opaque, and nothing of it is lost.
 */
import { type DescMessage, fromBinary, type JsonValue, toJson } from "@bufbuild/protobuf";
import { base64Encode } from "@bufbuild/protobuf/wire";
import { type Any, StringValueSchema, StructSchema, ValueSchema } from "@bufbuild/protobuf/wkt";
import { JSON_DEPTH_MAX } from "../limits.ts";
import type { TaskResult } from "./gen/escapement/v1/execution_pb.ts";
import { decodeValue, encodeValue } from "./value.ts";

const URL_PREFIX = "type.googleapis.com/";
export const VALUE_URL = `${URL_PREFIX}${ValueSchema.typeName}`;

/** Each level of JSON is two messages, a Value and what it holds; the library's own bound is lower. */
const DEPTH = { recursionLimit: 2 * JSON_DEPTH_MAX + 2 };

/** The other types whose messages stand for JSON. */
const READABLE: readonly DescMessage[] = [StringValueSchema, StructSchema];

const nameOf = (typeUrl: string): string => typeUrl.slice(typeUrl.lastIndexOf("/") + 1);

/** Whether what is of this type stands for JSON, if it is valid. */
export const isJsonUrl = (typeUrl: string): boolean => {
  const name = nameOf(typeUrl);
  return name === ValueSchema.typeName || READABLE.some((each) => each.typeName === name);
};

/** Throws as `encodeValue` does. */
export const payloadOf = (json: JsonValue): Any => ({
  $typeName: "google.protobuf.Any",
  typeUrl: VALUE_URL,
  value: encodeValue(json),
});

export type Payload =
  | { readonly json: JsonValue }
  /** A type URL, and bytes that are not JSON, whatever the type. */
  | { readonly opaque: string; readonly bytes: Uint8Array };

export const readPayload = ({ typeUrl, value }: Any): Payload => {
  try {
    if (typeUrl === VALUE_URL) return { json: decodeValue(value) };
    const name = nameOf(typeUrl);
    if (name === ValueSchema.typeName) return { json: decodeValue(value) };
    const schema = READABLE.find((each) => each.typeName === name);
    if (schema) return { json: toJson(schema, fromBinary(schema, value, DEPTH)) };
  } catch {
    // Not valid for the type that it names.
  }
  return { opaque: typeUrl, bytes: value };
};

/**
 * The JSON that stands for a result; undefined where there is none. Opaque bytes read as the JSON form of an
 * Any with base64, and a result that is kept elsewhere as its address, in `external`.
 */
export const readResult = (result: TaskResult | undefined): JsonValue | undefined => {
  const field = result?.data;
  if (field?.case === "externalData")
    return { external: { uri: field.value.uri, metadata: field.value.metadata } };
  if (field?.case !== "inlineData") return undefined;
  const payload = readPayload(field.value);
  return "json" in payload ? payload.json : { "@type": payload.opaque, value: base64Encode(payload.bytes) };
};
