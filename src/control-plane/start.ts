/** The start of a lifetime: its record, the synthetic root that carries its input, its entry plans. */
import { create } from "@bufbuild/protobuf";
import type { GraphIndex } from "../graph/lookup.ts";
import { encodeExecution } from "../wire/codec.ts";
import { ExecutionStatus, TaskExecutionSchema } from "../wire/gen/escapement/v1/execution_pb.ts";
import { isoOf } from "../wire/timestamp.ts";
import { overBound } from "./bounds.ts";
import { append, type Draft, draftOf } from "./draft.ts";
import { end } from "./ending.ts";
import type { Moment, Started } from "./event.ts";
import { execId, inputId, seedOf } from "./ids.ts";
import { issue } from "./issue.ts";
import { newLifetime } from "./lifetime.ts";
import { align } from "./pause.ts";
import { ROOT_NAME } from "./root.ts";

const VALUE_URL = "type.googleapis.com/google.protobuf.Value";

export const started = (event: Started & Moment, graph: GraphIndex): Draft => {
  const deadline = event.at + graph.graph.bounds.timeoutMs;
  const lifetime = newLifetime({
    id: event.lifetime,
    tenant: event.tenant,
    partition: event.partition,
    graph: graph.graph.name,
    version: event.version,
    labels: event.labels,
    started: event.tail,
    startedAt: event.at,
    deadline,
    seed: seedOf(event.tenant, event.lifetime),
    status: "QUEUED",
    due: deadline,
    epoch: 0,
    issued: 0,
    outstanding: 0,
    steps: 0,
    waves: 0,
  });
  const draft = draftOf(lifetime, graph, event);
  align(draft, event.holds);
  const root = execId(lifetime.head, 0, 1);
  const handed = event.handed?.executions ?? [];
  const [first, ...others] = handed;
  const offset = append(draft, {
    type: "lifetime_started",
    lifetime: event.lifetime,
    graph: graph.graph.name,
    version: event.version,
    labels: event.labels,
    root: first?.message ?? encodeExecution(rootOf(event, graph, root)),
  });
  const parents = [{ execId: first?.execId || root, name: first?.name || ROOT_NAME, offset }];
  for (const { execId, name, message } of others) {
    const further = append(draft, { type: "lifetime_root", lifetime: event.lifetime, message });
    parents.push({ execId: execId || root, name: name || ROOT_NAME, offset: further });
  }
  const bytes = handed.reduce((sum, { message }) => sum + message.byteLength, event.input.byteLength);
  // What a producer has put into Kafka is the input of the plan that it names, and of no other.
  const entries = event.handed ? [event.handed.node] : graph.entries;
  const over = overBound(draft, entries, bytes);
  if (over) end(draft, "FAILED", over);
  else {
    issue(
      draft,
      entries.map((node) => ({ node, wave: 0, parents, ...adopted(event, graph, node) })),
    );
  }
  return draft;
};

/** What its producer has put into Kafka for who reads it there is not issued again. */
const adopted = ({ handed }: Started, graph: GraphIndex, node: string) =>
  handed?.node === node && graph.node(node).executor === "kafka" && { adopted: true as const };

/** A plan input without any task execution would give some peers' answers nothing to be correlated by. */
const rootOf = (event: Started & Moment, graph: GraphIndex, id: string) =>
  create(TaskExecutionSchema, {
    header: {
      name: ROOT_NAME,
      execId: id,
      graphId: graph.graph.name,
      graphVersion: event.version,
      lifetimeId: event.lifetime,
      tenantId: event.tenant,
      attempt: 1,
      createdAt: isoOf(event.at),
      status: ExecutionStatus.SUCCEEDED,
      inputId: inputId(event.lifetime, 0),
    },
    result: {
      id,
      data: { case: "inlineData", value: { typeUrl: VALUE_URL, value: event.input } },
    },
  });
