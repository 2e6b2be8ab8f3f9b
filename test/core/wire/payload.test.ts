// Without this a peer's odd payload could stop an executor, or what a node returned could arrive as something else.
import { create, fromBinary, fromJson, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  AnySchema,
  Int64ValueSchema,
  StringValueSchema,
  StructSchema,
  ValueSchema,
} from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JSON_DEPTH_MAX } from "../../../src/limits.ts";
import { TaskResultSchema } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { payloadOf, readPayload, readResult, VALUE_URL } from "../../../src/wire/payload.ts";
import { decodeValue, encodeValue } from "../../../src/wire/value.ts";

const any = (typeUrl: string, value: Uint8Array) => create(AnySchema, { typeUrl, value });
const utf8 = (text: string) => new TextEncoder().encode(text);

it("JSON comes back as it was packed", () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
      const json = value as JsonValue;
      expect(JSON.stringify(readPayload(payloadOf(json)))).toBe(JSON.stringify({ json }));
    }),
  );
});

it("JSON is encoded and decoded as the library does it", () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
      const json = value as JsonValue;
      const bytes = toBinary(ValueSchema, fromJson(ValueSchema, json));
      // Of -0 JSON has no word, and the library none either.
      expect(toJson(ValueSchema, fromBinary(ValueSchema, encodeValue(json)))).toEqual(json);
      expect(decodeValue(bytes)).toEqual(json);
    }),
  );
});

it("JSON as deep as the bound comes back", () => {
  const nested = (levels: number): object => (levels === 0 ? {} : { in: [nested(levels - 2)] });
  const json = nested(JSON_DEPTH_MAX - 2) as Record<string, []>;
  expect(readPayload(payloadOf(json))).toEqual({ json });
});

it("a member named __proto__ stays a member", () => {
  const json = JSON.parse('{"__proto__": {"admin": true}}');
  const read = readPayload(payloadOf(json)) as { json: Record<string, unknown> };
  expect(Object.keys(read.json)).toEqual(["__proto__"]);
  expect(read.json.admin).toBeUndefined();
});

describe("what peers pack", () => {
  it.each([
    [
      "text",
      "google.protobuf.StringValue",
      toBinary(StringValueSchema, create(StringValueSchema, { value: "a" })),
      "a",
    ],
    ["empty text", "google.protobuf.StringValue", new Uint8Array(), ""],
    [
      "an object",
      "google.protobuf.Struct",
      toBinary(
        StructSchema,
        create(StructSchema, { fields: { a: { kind: { case: "numberValue", value: 1 } } } }),
      ),
      { a: 1 },
    ],
    ["a value", "google.protobuf.Value", encodeValue([1, null]), [1, null]],
  ])("is read: %s", (_, name, bytes, json) => {
    expect(readPayload(any(`type.googleapis.com/${name}`, bytes))).toEqual({ json });
    expect(readPayload(any(`example.com/types/${name}`, bytes))).toEqual({ json });
  });

  it.each([
    ["bytes without a type", "", utf8("hello")],
    ["a type of their own", "type.googleapis.com/acme.Report", utf8("x")],
    ["text that claims to be a value", VALUE_URL, utf8("hello there")],
    ["JSON that claims to be a value", VALUE_URL, utf8('{"a": 1}')],
    [
      "text that claims to be a StringValue",
      "type.googleapis.com/google.protobuf.StringValue",
      utf8("hello there"),
    ],
    ["text that is no UTF-8", VALUE_URL, Uint8Array.of(0x1a, 2, 0xff, 0xfe)],
    ["a number that JSON has not", VALUE_URL, Uint8Array.of(17, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f)],
    ["nothing that claims to be a value", VALUE_URL, new Uint8Array()],
    [
      "another message of protobuf's own",
      "type.googleapis.com/google.protobuf.Int64Value",
      toBinary(Int64ValueSchema, create(Int64ValueSchema, { value: 1n })),
    ],
  ])("is kept as it is where it is not JSON: %s", (_, typeUrl, bytes) => {
    expect(readPayload(any(typeUrl, bytes))).toEqual({ opaque: typeUrl, bytes });
  });

  it("is kept as it is where it nests 10,000 deep", () => {
    const DEPTH = 10_000;
    const writer = new BinaryWriter();
    // A Value's list_value, and the list's first value.
    for (let depth = 0; depth < DEPTH; depth++)
      writer.tag(6, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).fork();
    for (let depth = 0; depth < DEPTH; depth++) writer.join().join();
    const bytes = writer.finish();
    expect(readPayload(any(VALUE_URL, bytes))).toEqual({ opaque: VALUE_URL, bytes });
  });

  it("never throws, whatever the bytes", () => {
    const url = fc.constantFrom(VALUE_URL, "type.googleapis.com/google.protobuf.Struct", "", "a/b");
    fc.assert(
      fc.property(url, fc.uint8Array({ maxLength: 64 }), (typeUrl, bytes) => {
        const read = readPayload(any(typeUrl, bytes));
        if ("json" in read) JSON.stringify(read.json);
        else expect(read).toEqual({ opaque: typeUrl, bytes });
      }),
    );
  });
});

describe("a result reads as", () => {
  it.each<[string, Parameters<typeof create<typeof TaskResultSchema>>[1], unknown]>([
    ["its JSON", { data: { case: "inlineData", value: payloadOf({ a: 1 }) } }, { a: 1 }],
    [
      "base64 with its type, where it is not JSON",
      { data: { case: "inlineData", value: any("a/b", utf8("abc")) } },
      { "@type": "a/b", value: "YWJj" },
    ],
    [
      "its address, where it is kept elsewhere",
      { data: { case: "externalData", value: { uri: "r2://x", metadata: { size: "1" } } } },
      { external: { uri: "r2://x", metadata: { size: "1" } } },
    ],
    ["nothing, where there is none", { errorMessage: "error: no" }, undefined],
  ])("%s", (_, init, expected) => {
    expect(readResult(create(TaskResultSchema, init))).toEqual(expected);
  });

  it("nothing, where there is no result at all", () => {
    expect(readResult(undefined)).toBeUndefined();
  });
});
