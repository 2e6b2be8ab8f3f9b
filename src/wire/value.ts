/**
 * JSON ↔ google.protobuf.Value, straight from one to the other: every result passes here twice, and a tree of
 * messages in between would cost more than the bytes. Field numbers are those of google/protobuf/struct.proto.
 */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { BinaryReader, type BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { JSON_DEPTH_MAX } from "../limits.ts";
import { written } from "./fields.ts";

const KIND = { null: 1, number: 2, string: 3, bool: 4, struct: 5, list: 6 } as const;
/** The one field of Struct and of ListValue, and the two of an entry of a map. */
const [ENTRIES, KEY, VALUE] = [1, 1, 2];

/** google.protobuf.Value, encoded. Throws for JSON deeper than JSON_DEPTH_MAX and for what is no JSON. */
export const encodeValue = (json: JsonValue): Uint8Array => written((writer) => write(writer, json, 0));

/** google.protobuf.Struct, encoded. Throws as `encodeValue` does. */
export const encodeStruct = (json: JsonObject): Uint8Array =>
  written((writer) => writeMembers(writer, json, 0));

const write = (writer: BinaryWriter, json: unknown, depth: number): void => {
  if (depth > JSON_DEPTH_MAX) throw new Error(`JSON nested deeper than ${JSON_DEPTH_MAX} levels`);
  if (typeof json === "string") writer.tag(KIND.string, WireType.LengthDelimited).string(json);
  else if (typeof json === "number" && Number.isFinite(json))
    writer.tag(KIND.number, WireType.Bit64).double(json);
  else if (typeof json === "boolean") writer.tag(KIND.bool, WireType.Varint).bool(json);
  else if (json === null) writer.tag(KIND.null, WireType.Varint).int32(0);
  else if (Array.isArray(json)) {
    writer.tag(KIND.list, WireType.LengthDelimited).fork();
    for (const item of json) {
      write(writer.tag(ENTRIES, WireType.LengthDelimited).fork(), item, depth + 1);
      writer.join();
    }
    writer.join();
  } else if (typeof json === "object") {
    writeMembers(writer.tag(KIND.struct, WireType.LengthDelimited).fork(), json, depth);
    writer.join();
  } else throw new Error(`${String(json)} is no JSON`);
};

const writeMembers = (writer: BinaryWriter, json: object, depth: number): void => {
  for (const [key, item] of Object.entries(json)) {
    writer.tag(ENTRIES, WireType.LengthDelimited).fork().tag(KEY, WireType.LengthDelimited).string(key);
    write(writer.tag(VALUE, WireType.LengthDelimited).fork(), item, depth + 1);
    writer.join().join();
  }
};

/** Throws where the bytes are no Value, or one that JSON has no word for. */
export const decodeValue = (bytes: Uint8Array): JsonValue => read(new BinaryReader(bytes), bytes.length, 0);

/** Throws where the bytes are no Struct, or one that JSON has no word for. */
export const decodeStruct = (bytes: Uint8Array): JsonObject =>
  members(new BinaryReader(bytes), bytes.length, 0);

/** Of a field that is there more than once the last counts; messages are not merged, for nobody writes such bytes. */
const read = (reader: BinaryReader, end: number, depth: number): JsonValue => {
  if (depth > JSON_DEPTH_MAX) throw new Error(`nested deeper than ${JSON_DEPTH_MAX} levels`);
  let json: JsonValue | undefined;
  while (reader.pos < end) {
    const [field, type] = reader.tag();
    if (field === KIND.null && type === WireType.Varint) {
      reader.int32();
      json = null;
    } else if (field === KIND.number && type === WireType.Bit64) json = finite(reader.double());
    else if (field === KIND.string && type === WireType.LengthDelimited) json = reader.string(true);
    else if (field === KIND.bool && type === WireType.Varint) json = reader.bool();
    else if (field === KIND.struct && type === WireType.LengthDelimited)
      json = members(reader, endOf(reader), depth);
    else if (field === KIND.list && type === WireType.LengthDelimited) json = list(reader, depth);
    else reader.skip(type, field);
  }
  if (json === undefined || reader.pos !== end) throw new Error("not a google.protobuf.Value");
  return json;
};

const finite = (number: number): number => {
  if (!Number.isFinite(number)) throw new Error(`JSON has no ${number}`);
  return number;
};

/** The end of the message whose length comes next. */
const endOf = (reader: BinaryReader): number => {
  const end = reader.uint32() + reader.pos;
  if (end > reader.len) throw new RangeError("a message is cut off");
  return end;
};

const list = (reader: BinaryReader, depth: number): JsonValue[] => {
  const end = endOf(reader);
  const items: JsonValue[] = [];
  while (reader.pos < end) {
    const [field, type] = reader.tag();
    if (field === ENTRIES && type === WireType.LengthDelimited)
      items.push(read(reader, endOf(reader), depth + 1));
    else reader.skip(type, field);
  }
  return items;
};

const members = (reader: BinaryReader, end: number, depth: number): JsonObject => {
  const json: JsonObject = {};
  while (reader.pos < end) {
    const [field, type] = reader.tag();
    if (field === ENTRIES && type === WireType.LengthDelimited) entry(reader, json, depth);
    else reader.skip(type, field);
  }
  return json;
};

const entry = (reader: BinaryReader, members: JsonObject, depth: number): void => {
  const end = endOf(reader);
  let key = "";
  let json: JsonValue | undefined;
  while (reader.pos < end) {
    const [field, type] = reader.tag();
    if (field === KEY && type === WireType.LengthDelimited) key = reader.string(true);
    else if (field === VALUE && type === WireType.LengthDelimited)
      json = read(reader, endOf(reader), depth + 1);
    else reader.skip(type, field);
  }
  if (json === undefined) throw new Error("a member without a value");
  // An assignment to `__proto__` would be none.
  if (key === "__proto__") Object.defineProperty(members, key, { value: json, ...PLAIN });
  else members[key] = json;
};

const PLAIN = { enumerable: true, writable: true, configurable: true };
