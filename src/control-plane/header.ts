/**
 * Headers that the control plane makes itself, one for each input: written field by field, because they are
 * the messages that it encodes most. Whatever may hold more than these fields goes through the codec.
 */
import { type BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { written } from "../wire/fields.ts";
import { type ExecutionHeader, ExecutionStatus } from "../wire/gen/escapement/v1/execution_pb.ts";
import { execId, inputId } from "./ids.ts";
import type { Head, Member } from "./lifetime.ts";

/** What the execution of this attempt will carry, but for its outcome. */
export const headerOf = (head: Head, n: number, member: Member): ExecutionHeader => {
  const input = inputId(head.id, n);
  const [parent, ...others] = member.parents;
  return {
    $typeName: "escapement.v1.ExecutionHeader",
    name: member.node,
    execId: execId(head, n, member.attempt),
    graphId: head.graph,
    lifetimeId: head.id,
    tenantId: head.tenant,
    attempt: member.attempt,
    iterationIdx: member.iteration,
    createdAt: "",
    status: ExecutionStatus.UNSPECIFIED,
    edgeTaken: "",
    parentId: others.length === 0 ? (parent?.execId ?? "") : "",
    inputId: input,
    traceParent: "",
    graphVersion: head.version,
  };
};

/** Of a header that `headerOf` made; status and time may have been set since. */
export const encodeOwnHeader = (header: ExecutionHeader): Uint8Array =>
  written((writer) => {
    text(writer, 1, header.name);
    text(writer, 2, header.execId);
    text(writer, 3, header.graphId);
    text(writer, 4, header.lifetimeId);
    text(writer, 5, header.tenantId);
    number(writer, 6, header.attempt);
    number(writer, 7, header.iterationIdx);
    text(writer, 8, header.createdAt);
    number(writer, 9, header.status);
    text(writer, 11, header.parentId);
    text(writer, 12, header.inputId);
    number(writer, 15, header.graphVersion);
  });

const text = (writer: BinaryWriter, field: number, value: string): void => {
  if (value !== "") writer.tag(field, WireType.LengthDelimited).string(value);
};

const number = (writer: BinaryWriter, field: number, value: number): void => {
  if (value !== 0) writer.tag(field, WireType.Varint).int32(value);
};
