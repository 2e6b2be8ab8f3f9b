/**
 * Plans that need only the names of their tasks are decided in the turn that issues their input: no call, and
 * no commit of their own. What is recorded is the execution that an executor would have answered; results are
 * handed on as the bytes that were stored.
 */
import { create } from "@bufbuild/protobuf";
import { type BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { carriedBy } from "../wire/compose.ts";
import { delimitedFields, putField, written } from "../wire/fields.ts";
import {
  ExecutionStatus,
  type PlanExecution,
  PlanExecutionSchema,
} from "../wire/gen/escapement/v1/execution_pb.ts";
import { isoOf } from "../wire/timestamp.ts";
import { encodeOwnHeader, headerOf } from "./header.ts";
import type { Head, Member } from "./lifetime.ts";

export interface Decided {
  /** Without the results that it hands on: routing asks for none. */
  readonly execution: PlanExecution;
  readonly message: Uint8Array;
}

/** Field numbers of PlanExecution, PlanResult and TaskExecution. */
const PLAN = { header: 1, parentIds: 2, result: 3, parentNames: 4, planType: 5 } as const;
const RESULT = { upstream: 1, next: 2 } as const;
const TASK_RESULT = 3;

/** `messageOf` gives the encoded task execution at an offset. */
export const decided = (
  { head, n, member }: { readonly head: Head; readonly n: number; readonly member: Member },
  kind: string,
  tasks: readonly string[],
  at: number,
  messageOf: (offset: number) => Uint8Array,
): Decided => {
  const header = headerOf(head, n, member);
  header.status = ExecutionStatus.SUCCEEDED;
  header.createdAt = isoOf(at);
  const parentTaskExecIds = member.parents.map((parent) => parent.execId);
  const parentTaskNames = member.parents.map((parent) => parent.name);
  const headerBytes = encodeOwnHeader(header);
  const carries = member.parents.map((parent) => parent.offset);
  const withoutResult = member.parents.filter((parent) => parent.ignored).map((parent) => parent.offset);
  // As an executor would get them, so that both hand on the same.
  const messages = carriedBy(carries, withoutResult, messageOf);
  const message = written((writer) => {
    putField(writer, PLAN.header, headerBytes);
    for (const id of parentTaskExecIds) putText(writer, PLAN.parentIds, id);
    writer.tag(PLAN.result, WireType.LengthDelimited).fork();
    for (const message of messages)
      for (const [field, value] of delimitedFields(message))
        if (field === TASK_RESULT) putField(writer, RESULT.upstream, value);
    for (const task of tasks) putText(writer, RESULT.next, task);
    writer.join();
    for (const name of parentTaskNames) putText(writer, PLAN.parentNames, name);
    putText(writer, PLAN.planType, kind);
  });
  const execution = create(PlanExecutionSchema, {
    header,
    parentTaskExecIds,
    parentTaskNames,
    planType: kind,
    result: { nextTaskNames: [...tasks] },
  });
  return { execution, message };
};

const putText = (writer: BinaryWriter, field: number, text: string): void => {
  writer.tag(field, WireType.LengthDelimited).string(text);
};
