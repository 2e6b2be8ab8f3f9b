/**
 * Which input an execution answers. Ours name it; a foreign one may carry only its node and its parents.
 * Two open inputs that both fit are never guessed between.
 */
import { create } from "@bufbuild/protobuf";
import { EXEC_ID_CHARS_MAX } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";
import type { Kind } from "../topics/topics.ts";
import { type Execution, encodeExecution, isPlan } from "../wire/codec.ts";
import { type ExecutionHeader, ExecutionHeaderSchema } from "../wire/gen/escapement/v1/execution_pb.ts";
import { execId, parseInputId } from "./ids.ts";
import type { Lifetime } from "./lifetime.ts";
import type { Store } from "./store.ts";

export interface Correlated {
  readonly lifetime: string;
  readonly n: number;
}

export const correlate = (kind: Kind, execution: Execution, store: Store): Result<Correlated, string> => {
  const header = execution.header;
  if (!header?.name) return err("the header has no name, so no node can be found; set header.name");
  if (header.execId.length > EXEC_ID_CHARS_MAX)
    return err(`exec_id has ${header.execId.length} characters; the bound is ${EXEC_ID_CHARS_MAX}`);
  if (header.inputId) {
    const input = parseInputId(header.inputId);
    if (input === undefined) return err(`input_id ${header.inputId} is none of ours; copy it from the input`);
    if (header.lifetimeId && header.lifetimeId !== input.lifetime)
      return err(`lifetime_id ${header.lifetimeId} is not that of input_id ${header.inputId}; copy both`);
    return ok(input);
  }
  const parents = parentsOf(execution).filter((id) => id !== "");
  if (parents.length === 0) return err("neither input_id nor parents; copy one of them from the input");
  const [found, ...others] = store.openInputs(kind, header.name, parents);
  if (found === undefined) return err(`no open input of ${header.name} has these parents`);
  if (header.lifetimeId && header.lifetimeId !== found.lifetime)
    return err(`lifetime_id ${header.lifetimeId} is not that of its parents; copy both from the input`);
  if (others.some((other) => other.lifetime !== found.lifetime || other.n !== found.n))
    return err(`${others.length + 1} open inputs of ${header.name} have these parents; send input_id`);
  return ok(found);
};

const parentsOf = (execution: Execution): readonly string[] =>
  isPlan(execution) ? execution.parentTaskExecIds : [execution.parentPlanExecId];

/** Fills in what a foreign header left out, so that the log explains itself. Nothing that is there is changed. */
export const complete = (
  execution: Execution,
  message: Uint8Array,
  lifetime: Lifetime,
  { n }: Correlated,
  inputId: string,
): { execution: Execution; message: Uint8Array } => {
  const header = execution.header ?? create(ExecutionHeaderSchema);
  if (isComplete(header)) return { execution, message };
  const { head, members } = lifetime;
  const member = members.get(n);
  header.graphId ||= head.graph;
  header.graphVersion ||= head.version;
  header.lifetimeId ||= head.id;
  header.tenantId ||= head.tenant;
  header.attempt ||= member?.attempt ?? 1;
  header.iterationIdx ||= member?.iteration ?? 0;
  header.inputId ||= inputId;
  header.execId ||= execId(head, n, header.attempt);
  execution.header = header;
  return { execution, message: encodeExecution(execution) };
};

const isComplete = (header: ExecutionHeader): boolean =>
  header.execId !== "" &&
  header.inputId !== "" &&
  header.attempt > 0 &&
  header.lifetimeId !== "" &&
  header.graphId !== "" &&
  header.graphVersion > 0 &&
  header.tenantId !== "";
