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
