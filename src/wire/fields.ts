/**
 * The fields of an encoded message without decoding it: for what only has to be passed on, or looked up in
 * one place. Field numbers are those of the proto files.
 */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** Strings, bytes and messages, in the order in which they stand, each a view of the message. Throws on bytes that are no message. */
export const delimitedFields = (message: Uint8Array): [field: number, value: Uint8Array][] => {
  const reader = new BinaryReader(message);
  const fields: [number, Uint8Array][] = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (type === WireType.LengthDelimited) fields.push([field, reader.bytes()]);
    else reader.skip(type, field);
  }
  return fields;
};

/** Whether a message has a message within a message …, by their fields. Throws on bytes that are no message. */
export const hasMessage = (message: Uint8Array, path: readonly number[]): boolean => {
  const reader = new BinaryReader(message);
  return hasWithin(reader, reader.len, path, 0);
};

const hasWithin = (reader: BinaryReader, end: number, path: readonly number[], depth: number): boolean => {
  if (depth === path.length) return true;
  while (reader.pos < end) {
    const [field, type] = reader.tag();
    if (field !== path[depth] || type !== WireType.LengthDelimited) {
      reader.skip(type, field);
      continue;
    }
    const within = reader.uint32() + reader.pos;
    if (hasWithin(reader, within, path, depth + 1)) return true;
    reader.pos = within;
  }
  return false;
};

/** A string, bytes or message field that is encoded already. */
export const putField = (writer: BinaryWriter, field: number, value: Uint8Array): void => {
  writer.tag(field, WireType.LengthDelimited).bytes(value);
};

let idle: BinaryWriter | undefined;

/** What `write` writes. A writer keeps its buffer for the next; one that threw is not used again. */
export const written = (write: (writer: BinaryWriter) => void): Uint8Array => {
  const writer = idle ?? new BinaryWriter();
  idle = undefined;
  write(writer);
  const bytes = writer.finish();
  idle = writer;
  return bytes;
};
