/** Headers that the control plane makes itself, one for each input: the messages that it encodes most. */
import { written } from "../wire/fields.ts";
import { type ExecutionHeader, ExecutionStatus } from "../wire/gen/escapement/v1/execution_pb.ts";
import { writeHeader } from "../wire/write-message.ts";
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

export const encodeOwnHeader = (header: ExecutionHeader): Uint8Array =>
  written((writer) => writeHeader(writer, header));
