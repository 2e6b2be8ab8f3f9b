/**
 * Plans that need only the names of their tasks are decided in the turn that issues their input: no call, and
 * no commit of their own. What is recorded is the execution that an executor would have answered; results are
 * handed on as the bytes that were stored.
 */
import { create } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { encode } from "../wire/codec.ts";
import { delimitedFields, putField } from "../wire/fields.ts";
import {
  ExecutionHeaderSchema,
  ExecutionStatus,
  type PlanExecution,
  PlanExecutionSchema,
} from "../wire/gen/escapement/v1/execution_pb.ts";
import { headerOf } from "./issue.ts";
import type { Head, Member } from "./lifetime.ts";
import { isoOf } from "./outcome.ts";

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

  const result = new BinaryWriter();
  for (const { offset, ignored } of member.parents)
    if (!ignored)
      for (const [field, value] of delimitedFields(messageOf(offset)))
        if (field === TASK_RESULT) putField(result, RESULT.upstream, value);
  for (const task of tasks) putText(result, RESULT.next, task);

  const writer = new BinaryWriter();
  putField(writer, PLAN.header, encode(ExecutionHeaderSchema, header));
  for (const { execId } of member.parents) putText(writer, PLAN.parentIds, execId);
  putField(writer, PLAN.result, result.finish());
  for (const { name } of member.parents) putText(writer, PLAN.parentNames, name);
  putText(writer, PLAN.planType, kind);

  const execution = create(PlanExecutionSchema, { header, result: { nextTaskNames: [...tasks] } });
  return { execution, message: writer.finish() };
};

const LENGTH_DELIMITED = 2;

const putText = (writer: BinaryWriter, field: number, text: string): void => {
  writer.tag(field, LENGTH_DELIMITED).string(text);
};
