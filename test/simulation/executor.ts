/**
 * Executors as the control plane meets them: they answer once, twice, otherwise, late or never, some of them
 * in the terse way of foreign ones. What they say is random; when it arrives is for the simulation.
 */
import { create } from "@bufbuild/protobuf";
import type { NodeSpec } from "../../src/executor/dispatch.ts";
import type { Kind } from "../../src/topics/topics.ts";
import { decodePlanInput, decodeTaskInput, encodeExecution } from "../../src/wire/codec.ts";
import {
  type ExecutionHeader,
  ExecutionHeaderSchema,
  ExecutionStatus,
  PlanExecutionSchema,
  TaskExecutionSchema,
} from "../../src/wire/gen/escapement/v1/execution_pb.ts";
import { PlanInputSchema } from "../../src/wire/gen/escapement/v1/input_pb.ts";
import type { Random } from "./random.ts";

const ERRORS = ["flaky: try again", "fatal: no use", "terminal: never", "said without a code", ""];

interface Understood {
  readonly header: ExecutionHeader;
  readonly parents: readonly ExecutionHeader[];
}

/** What an executor reads from the input that it was sent. */
const understand = (kind: Kind, input: Uint8Array): Understood => {
  const decoded = kind === "plan" ? decodePlanInput(input) : decodeTaskInput(input);
  if (!decoded.ok) throw new Error(decoded.error);
  const message = decoded.value;
  if (message.header === undefined) throw new Error("an input without a header");
  const carried =
    message.$typeName === PlanInputSchema.typeName ? message.taskExecutions : [message.planExecution];
  return { header: message.header, parents: carried.flatMap((each) => each?.header ?? []) };
};

/** One answer to an input, encoded. */
export const answerOf = (random: Random, spec: NodeSpec, input: Uint8Array, faults: boolean): Uint8Array => {
  const { header, parents } = understand(spec.type, input);
  const foreign = faults && random.chance(0.1);
  const failed = random.chance(0.08);
  const next = spec.next.map(({ name }) => name);
  const base = foreign
    ? { name: header.name, tenantId: header.tenantId, execId: `foreign-${random.below(2 ** 32)}` }
    : header;
  const status = failed ? ExecutionStatus.FAILED : ExecutionStatus.SUCCEEDED;
  const edgeTaken =
    spec.type === "task" && random.chance(0.3) ? (random.pick([...next, "nowhere"]) ?? "") : "";
  const complete = create(ExecutionHeaderSchema, { ...base, status, edgeTaken });
  const errorMessage = failed ? (random.pick(ERRORS) ?? "") : "";
  const [parent] = parents;
  if (spec.type === "task")
    return encodeExecution(
      create(TaskExecutionSchema, {
        header: complete,
        parentPlanExecId: parent?.execId ?? "",
        parentPlanName: parent?.name ?? "",
        result: { errorMessage },
      }),
    );
  const unknown = faults && random.chance(0.1) ? ["nobody"] : [];
  return encodeExecution(
    create(PlanExecutionSchema, {
      header: complete,
      parentTaskExecIds: parents.map(({ execId }) => execId),
      parentTaskNames: parents.map(({ name }) => name),
      result: { errorMessage, nextTaskNames: [...unknown, ...random.some(next, 0.8)] },
    }),
  );
};

/** What no executor would say: noise, another tenant's, of an input that never was, of one that is not done. */
export const mischiefOf = (
  random: Random,
  sent: { readonly lifetime: string; readonly n: number; readonly name: string },
): Uint8Array => {
  const { lifetime, n, name } = sent;
  const inputId = `${lifetime}:${n}`;
  const header = random.pick([
    { name, inputId, tenantId: "somebody-else" },
    { name, inputId: `nobody:${n}` },
    { name, inputId: `${lifetime}:999999` },
    { name, inputId: "no input id" },
    { name, inputId, lifetimeId: "another" },
    { name: "nowhere", inputId },
    { name, inputId, attempt: 99 },
    { name, inputId, status: ExecutionStatus.RUNNING },
  ]);
  if (header === undefined || random.chance(0.2)) return random.bytes(random.below(40));
  return encodeExecution(create(TaskExecutionSchema, { header: create(ExecutionHeaderSchema, header) }));
};
