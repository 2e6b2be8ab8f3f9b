// Without this bytes that are no message could stop whoever reads them, or be told apart from others by nobody.
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { expect, it } from "vitest";
import { decodePlanExecution, decodeTaskInput, encodeExecution } from "../../../src/wire/codec.ts";

/** A TaskInput whose parameters are a Struct in a Struct, and so on. */
const nested = (levels: number) => {
  const writer = new BinaryWriter();
  const open = (field: number) => writer.tag(field, WireType.LengthDelimited).fork();
  open(7);
  // Struct.fields, the entry's value, Value.struct_value.
  for (let level = 0; level < levels; level++) for (const field of [1, 2, 5]) open(field);
  for (let level = 0; level < levels; level++) writer.join().join().join();
  return writer.join().finish();
};

it.each<[string, Uint8Array, RegExp]>([
  ["truncated", Uint8Array.of(0x0a, 5, 0x61), /^not a TaskInput: premature EOF$/],
  ["malformed", Uint8Array.of(0xff), /^not a TaskInput: /],
  ["no UTF-8", Uint8Array.of(0x0a, 1, 0xff), /^not a TaskInput: .*utf-8/],
  ["nested too deep", nested(10_000), /^not a TaskInput: .*nested deeper/],
  ["too large", new Uint8Array(2 * 1024 * 1024), /^TaskInput of 2097152 bytes; the bound is 1048576$/],
])("bytes that are %s are an error with its reason", (_, bytes, error) => {
  expect(decodeTaskInput(bytes)).toEqual({ ok: false, error: expect.stringMatching(error) });
});

it("decoding never throws, and what it decodes can be encoded again", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const decoded = decodePlanExecution(bytes);
      if (decoded.ok) expect(decodePlanExecution(encodeExecution(decoded.value)).ok).toBe(true);
    }),
  );
});
