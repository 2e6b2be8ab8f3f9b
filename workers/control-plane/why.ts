/** What a lifetime that has not ended waits for, and since when. Read off what is stored, when somebody asks. */
import type { JsonValue } from "@bufbuild/protobuf";
import { approvalOf, inputId } from "../../src/control-plane/ids.ts";
import { type Member, NEVER } from "../../src/control-plane/lifetime.ts";
import type { OutstandingInput, Why } from "../../src/control-plane/tenant.ts";
import type { Node } from "../../src/graph/graph.ts";
import type { GraphIndex } from "../../src/graph/lookup.ts";
import { WHY_INPUTS_MAX } from "../../src/limits.ts";
import { isoOf } from "../../src/wire/timestamp.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Log } from "./log.ts";
import type { Parts } from "./sql-store.ts";

interface Sources {
  readonly graph: GraphIndex;
  readonly log: Log;
  readonly dispatcher: Dispatcher;
}

/** Undefined for one that has ended, or never was. */
export const whyOf = (
  id: string,
  { lifetimes, graphs, log }: Parts,
  dispatcher: Dispatcher,
): Why | undefined => {
  const found = lifetimes.get(id);
  if (found === undefined || !("head" in found)) return undefined;
  const { head, members } = found;
  const sources = { graph: graphs.index(head.graph, head.version), log, dispatcher };
  const open = [...members.entries()].filter(([, { phase }]) => phase !== "done").sort(([a], [b]) => a - b);
  const first = open.slice(0, WHY_INPUTS_MAX);
  return {
    outstanding: open.length,
    inputs: first.map(([n, member]) => outstanding(inputId(head.id, n), member, sources)),
  };
};

const outstanding = (id: string, member: Member, { graph, log, dispatcher }: Sources): OutstandingInput => {
  const node = graph.node(member.node);
  const isSent = dispatcher.isOut(id) || node.executor !== undefined;
  const { phase, text } = waitOf(member, node, isSent);
  const since = member.missing?.since ?? member.held?.since ?? log.get(member.input)?.at;
  const progress = dispatcher.progressOf(id);
  return {
    input_id: id,
    node: member.node,
    kind: member.kind,
    attempt: member.attempt,
    phase,
    for: text,
    ...(since !== undefined && { since: isoOf(since) }),
    ...(member.due < NEVER && { due: isoOf(member.due) }),
    ...(member.approval && { approval: approvalOf(id, member.approval) }),
    ...(progress !== undefined && { progress: JSON.parse(progress) as JsonValue }),
  };
};

const waitOf = (
  { phase, waits, missing, attempt, approval }: Member,
  { kind, type, executor }: Node,
  isSent: boolean,
): { phase: OutstandingInput["phase"]; text: string } => {
  if (approval) return { phase: "waiting", text: `an answer of ${approval.who.join(" or ")}` };
  if (phase === "held") return { phase, text: "the end of a pause" };
  if (phase === "backoff") return { phase, text: `its backoff, before attempt ${attempt + 1}` };
  if (phase === "waiting") {
    const text =
      waits?.signal === undefined ? isoOf(waits?.until ?? 0) : `signal ${JSON.stringify(waits.signal)}`;
    return { phase, text };
  }
  if (missing?.asleep) return { phase: "no_executor", text: `code with a ${type} of kind ${kind}` };
  if (!isSent) return { phase: "in_queue", text: "room at its executor" };
  return { phase: "at_executor", text: executor ? ELSEWHERE[executor] : "its executor" };
};

const ELSEWHERE = { external: "an executor elsewhere", kafka: "an executor that reads from Kafka" } as const;
