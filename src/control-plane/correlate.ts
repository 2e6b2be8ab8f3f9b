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
import type { Lifetime, Member } from "./lifetime.ts";
import type { Tombstone } from "./store.ts";

export interface Correlated {
  readonly lifetime: string;
  readonly n: number;
}

/** What is asked of a turn. */
export interface Open {
  lifetime(id: string): Lifetime | Tombstone | undefined;
  /** Inputs of this node that run elsewhere; among them all whose parents are these. */
  openInputs(kind: Kind, node: string, parents: readonly string[]): readonly Correlated[];
}

export const correlate = (kind: Kind, execution: Execution, open: Open): Result<Correlated, string> => {
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
  const wanted = [...parents].sort().join();
  const [found, ...others] = open
    .openInputs(kind, header.name, parents)
    .filter((each) => parentsIn(open, each, kind, header.name) === wanted);
  if (found === undefined) return err(`no open input of ${header.name} has these parents`);
  if (header.lifetimeId && header.lifetimeId !== found.lifetime)
    return err(`lifetime_id ${header.lifetimeId} is not that of its parents; copy both from the input`);
  if (others.some((other) => other.lifetime !== found.lifetime || other.n !== found.n))
    return err(`${others.length + 1} open inputs of ${header.name} have these parents; send input_id`);
  return ok(found);
};

const isOpen = (member: Member | undefined, kind: Kind, node: string): member is Member =>
  member?.phase === "issued" && member.kind === kind && member.node === node;

/** Undefined of what is not open any more: what is asked may be behind. */
const parentsIn = (open: Open, { lifetime, n }: Correlated, kind: Kind, node: string): string | undefined => {
  const state = open.lifetime(lifetime);
  const member = state && "head" in state ? state.members.get(n) : undefined;
  if (!isOpen(member, kind, node)) return undefined;
  return member.parents
    .map(({ execId }) => execId)
    .sort()
    .join();
};

/** Of lifetimes that have changed since their inputs were stored: open inputs of a node that runs elsewhere. */
export const openIn = (changed: Iterable<Lifetime>, kind: Kind, node: string): readonly Correlated[] => {
  const found: Correlated[] = [];
  for (const { head, members } of changed)
    for (const [n, member] of head.elsewhere ? members.entries() : [])
      if (isOpen(member, kind, node)) found.push({ lifetime: head.id, n });
  return found;
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
