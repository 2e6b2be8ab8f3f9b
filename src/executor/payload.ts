/**
 * Results that are read, and written, as they lie: bytes of any kind, and JSON that is too much to be loaded.
 * A node that declares `payload()` gets what can be read instead of what has been.
 */
import type { JsonValue } from "@bufbuild/protobuf";
import { z } from "zod";
import { BYTES_TYPE } from "../wire/reference.ts";

/** One result; nothing of it is loaded before it is asked for, and each asking loads it anew. */
export interface Payload {
  /** The media type. */
  readonly type: string;
  /** Bytes. */
  readonly size: number;
  json(): Promise<JsonValue>;
  text(): Promise<string>;
  bytes(): Promise<Uint8Array>;
  stream(): Promise<ReadableStream<Uint8Array>>;
}

/** What a task returns whose output is a payload. */
export type PayloadBody = Uint8Array | ReadableStream<Uint8Array>;

type Check = ((value: unknown) => boolean) & { readonly payloadType?: string };

const isPayload = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "stream" in value && "json" in value;

/**
 * As the input of a node: the result that led to it, unread; `z.array(payload())` for any number of them. As the
 * output of a task: bytes or a stream of them, of this media type.
 */
export const payload = (type: string = BYTES_TYPE): z.ZodType<Payload, PayloadBody> => {
  const check: Check = Object.assign((value: unknown) => isPayload(value), { payloadType: type });
  const error = "expected one result; declare z.array(payload()) for any number of them";
  return z.custom<Payload>(check, { error }) as unknown as z.ZodType<Payload, PayloadBody>;
};

/** The media type, of a schema that `payload` made. */
export const payloadType = (schema: z.core.$ZodType): string | undefined =>
  schema instanceof z.ZodCustom ? (schema._zod.def.fn as Check).payloadType : undefined;

/** How a node takes the results before it: as values, as the only payload, or as a list of payloads. */
export type Reading = "values" | "payload" | "payloads";

export const readingOf = (input: z.ZodType): Reading => {
  if (payloadType(input) !== undefined) return "payload";
  return input instanceof z.ZodArray && payloadType(input.element) !== undefined ? "payloads" : "values";
};
