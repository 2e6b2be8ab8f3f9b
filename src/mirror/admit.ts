/**
 * What each record that comes from Kafka means here, and what becomes of it. What this deployment has written itself
 * is dropped; what another has is kept as it is, and nothing follows from it (I10).
 */
import type { KafkaPlace } from "../control-plane/evidence.ts";
import type { Disposition, GraphView } from "../control-plane/tenant.ts";
import type { Turn } from "../control-plane/turn.ts";
import type { GraphIndex } from "../graph/lookup.ts";
import type { Rejection } from "../rejection.ts";
import type { Result } from "../result.ts";
import { type ExecutionTopic, TOPICS, type Topic } from "../topics/topics.ts";
import { decodeExecution, decodePlanInput, decodeTaskInput } from "../wire/codec.ts";
import { isOwnOrigin, type Origin } from "./origin.ts";
import type { MirrorSettings } from "./settings.ts";
import { startFromKafka } from "./start.ts";

export interface Arrival {
  readonly topic: Topic;
  readonly partition: number;
  readonly offset: number;
  readonly message: Uint8Array;
  /** Absent of what no bridge has written. */
  readonly origin?: Origin;
  /** Why it did not come whole; empty where it did. */
  readonly fault: string;
}

/** The deployment and the tenant that it arrives at. */
export interface Here {
  readonly tenant: string;
  readonly deployment: string;
  readonly settings: MirrorSettings;
  /** How often a partition was made anew. */
  generation(topic: Topic, partition: number): number;
  /** The newest active version of a graph, else the newest. */
  find(graph: string): GraphView | undefined;
  /** The active graphs of which this plan is an entry, each in the version that would start. */
  withEntry(plan: string): readonly GraphView[];
  index(graph: string, version: number): GraphIndex;
  mayStart(): Result<void, Rejection>;
}

export type Fate =
  | Disposition
  /** What another deployment has written. */
  | { readonly outcome: "replica" }
  | { readonly outcome: "refused"; readonly rejection: Rejection };

type Meaning =
  /** Of an entry plan: starts a lifetime. Of any other: kept. */
  | "start"
  /** Answers an input, as what is produced here does. */
  | "answer"
  /** Likewise, where the tenant's data plane is on premises; else kept. */
  | "persisted"
  /** Recorded, and not routed. */
  | "keep";

export const MEANING: Readonly<Record<Topic, Meaning>> = {
  "plan-inputs": "start",
  "task-inputs": "keep",
  "plan-executions": "answer",
  "task-executions": "answer",
  "persisted-plan-executions": "persisted",
  "persisted-task-executions": "persisted",
};

export const admit = (turn: Turn, arrival: Arrival, here: Here): Fate => {
  const { topic, partition, offset, fault, message } = arrival;
  const { settings, deployment, tenant } = here;
  if (!settings.in.includes(topic)) return { outcome: "ignored", reason: "disabled" };
  // What was copied says nothing of this record.
  const origin =
    arrival.origin && isOwnOrigin(arrival.origin, { topic, tenant }) ? arrival.origin : undefined;
  // Of whatever generation: nothing late brings anything back.
  if (origin?.deployment === deployment) return { outcome: "ignored", reason: "echo" };
  const meaning = MEANING[topic];
  const place: KafkaPlace = {
    partition,
    offset,
    notOurs: !settings.takesStarts,
    again: meaning === "persisted",
  };
  return turn.evidence.from(place, () => {
    if (fault !== "") return turn.evidence.bury(topic, message, "undecodable", fault);
    if (origin) return keep(turn, arrival, origin.deployment);
    if (meaning === "answer") return turn.arrive(topic as ExecutionTopic, message);
    if (meaning === "persisted" && settings.onPremisesDataPlane)
      return turn.arrive(`${TOPICS[topic].kind}-executions`, message);
    if (meaning === "start") return planInput(turn, arrival, here);
    const undecodable = faultOf(topic, message);
    if (undecodable !== undefined) return turn.evidence.bury(topic, message, "undecodable", undecodable);
    return settings.takesStarts ? keep(turn, arrival) : { outcome: "ignored", reason: "not_ours" };
  });
};

const planInput = (turn: Turn, arrival: Arrival, here: Here): Fate => {
  const input = decodePlanInput(arrival.message);
  if (!input.ok) return turn.evidence.bury(arrival.topic, arrival.message, "undecodable", input.error);
  if (!here.settings.takesStarts) return { outcome: "ignored", reason: "not_ours" };
  return startFromKafka(turn, input.value, arrival, here) ?? keep(turn, arrival);
};

const faultOf = (topic: Topic, message: Uint8Array): string | undefined => {
  const { stage, kind } = TOPICS[topic];
  const decoded = stage === "inputs" ? decodeTaskInput(message) : decodeExecution(kind, message);
  return decoded.ok ? undefined : decoded.error;
};

const keep = (turn: Turn, { topic, message }: Arrival, deployment?: string): Fate => {
  const { kind } = TOPICS[topic];
  const offset = turn.append({ type: "mirrored", kind, topic, message, ...(deployment && { deployment }) });
  return deployment ? { outcome: "replica" } : { outcome: "recorded", exec_id: "", offset };
};
