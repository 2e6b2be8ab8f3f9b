/**
 * The JSON document of a graph: its schema as authors may write it, and the complete, canonical document
 * that is hashed and stored. Says nothing about what makes a graph valid beyond the shape.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import { z } from "zod";
import type { Kind } from "../topics/topics.ts";
import type { Edge, Estimate, Graph, Join, Node, OnFailure } from "./graph.ts";

const nodeDocument = z.strictObject({
  name: z.string(),
  type: z.enum(["plan", "task"]),
  kind: z.string().optional(),
  label: z.string().optional(),
  timeout_ms: z.number().optional(),
  retry: z
    .strictObject({
      attempts: z.number().optional(),
      backoff_ms: z.number().optional(),
      backoff_ms_max: z.number().optional(),
      never: z.array(z.string()).optional(),
    })
    .optional(),
  join: z.union([z.enum(["all", "each", "merge"]), z.strictObject({ first: z.number() })]).optional(),
  on_failure: z.enum(["fail", "route", "ignore"]).optional(),
  entry: z.boolean().optional(),
  end: z.boolean().optional(),
  settings: z.record(z.string(), z.unknown()).optional(),
  executor: z.enum(["rpc", "external", "kafka"]).optional(),
  estimate: z
    .strictObject({
      tokens: z.number().optional(),
      cost_usd_micros: z.number().optional(),
      ms: z.number().optional(),
    })
    .optional(),
});

const edgeDocument = z.strictObject({
  from: z.string(),
  to: z.string(),
  label: z.string().optional(),
  when: z.string().optional(),
});

export const graphDocument = z.strictObject({
  name: z.string(),
  label: z.string().optional(),
  timeout_ms: z.number().optional(),
  timeout_while_paused: z.boolean().optional(),
  limits: z
    .strictObject({
      iterations_max: z.number().optional(),
      fan_out_max: z.number().optional(),
      outstanding_max: z.number().optional(),
      steps_max: z.number().optional(),
    })
    .optional(),
  nodes: z.array(nodeDocument),
  edges: z.array(edgeDocument),
});

/** As authors write it: what is left out has its default. */
export type GraphDocument = z.infer<typeof graphDocument>;
export type NodeDocument = GraphDocument["nodes"][number];
export type EdgeDocument = GraphDocument["edges"][number];

type CompleteNode = {
  name: string;
  type: Kind;
  kind: string;
  label?: string;
  timeout_ms: number;
  retry: { attempts: number; backoff_ms: number; backoff_ms_max: number; never?: string[] };
  on_failure: OnFailure;
  join?: Join;
  entry?: true;
  end?: true;
  settings?: JsonObject;
  executor?: "external" | "kafka";
  estimate?: { tokens?: number; cost_usd_micros?: number; ms?: number };
};

type CompleteEdge = { from: string; to: string; label?: string; when?: string };

/** With every default written out, so that a later change of a default changes no version. */
export type CompleteDocument = {
  name: string;
  label?: string;
  timeout_ms: number;
  timeout_while_paused?: true;
  limits: { iterations_max: number; fan_out_max: number; outstanding_max: number; steps_max: number };
  nodes: CompleteNode[];
  edges: CompleteEdge[];
};

const isEmpty = (object: object): boolean => Object.keys(object).length === 0;

export const documentOfNode = (node: Node): CompleteNode => ({
  name: node.name,
  type: node.type,
  kind: node.kind,
  ...(node.label !== undefined && { label: node.label }),
  timeout_ms: node.timeoutMs,
  retry: {
    attempts: node.retry.attempts,
    backoff_ms: node.retry.backoffMs,
    backoff_ms_max: node.retry.backoffMsMax,
    ...(node.retry.never.length > 0 && { never: [...node.retry.never] }),
  },
  on_failure: node.onFailure,
  ...(node.type === "plan" && { join: node.join }),
  ...(node.entry && { entry: true as const }),
  ...(node.end && { end: true as const }),
  ...(!isEmpty(node.settings) && { settings: node.settings }),
  ...(node.executor && { executor: node.executor }),
  ...(node.estimate && { estimate: documentOfEstimate(node.estimate) }),
});

export const documentOfEstimate = ({ tokens, costUsdMicros, ms }: Estimate) => ({
  ...(tokens !== undefined && { tokens }),
  ...(costUsdMicros !== undefined && { cost_usd_micros: costUsdMicros }),
  ...(ms !== undefined && { ms }),
});

export const documentOfEdge = (edge: Edge): CompleteEdge => ({
  from: edge.from,
  to: edge.to,
  ...(edge.label !== undefined && { label: edge.label }),
  ...(edge.when !== undefined && { when: edge.when }),
});

export const documentOf = (graph: Graph): CompleteDocument => ({
  name: graph.name,
  ...(graph.label !== undefined && { label: graph.label }),
  timeout_ms: graph.bounds.timeoutMs,
  ...(graph.bounds.timeoutWhilePaused && { timeout_while_paused: true as const }),
  limits: {
    iterations_max: graph.bounds.iterationsMax,
    fan_out_max: graph.bounds.fanOutMax,
    outstanding_max: graph.bounds.outstandingMax,
    steps_max: graph.bounds.stepsMax,
  },
  nodes: graph.nodes.map(documentOfNode),
  edges: graph.edges.map(documentOfEdge),
});

const nodeOf = (node: CompleteNode): Node => ({
  name: node.name,
  type: node.type,
  ...(node.label !== undefined && { label: node.label }),
  kind: node.kind,
  timeoutMs: node.timeout_ms,
  retry: {
    attempts: node.retry.attempts,
    backoffMs: node.retry.backoff_ms,
    backoffMsMax: node.retry.backoff_ms_max,
    never: node.retry.never ?? [],
  },
  onFailure: node.on_failure,
  join: node.join ?? "all",
  entry: node.entry ?? false,
  end: node.end ?? false,
  settings: node.settings ?? {},
  ...(node.executor && { executor: node.executor }),
  ...(node.estimate && { estimate: estimateOf(node.estimate) }),
});

const estimateOf = ({ tokens, cost_usd_micros, ms }: NonNullable<CompleteNode["estimate"]>): Estimate => ({
  ...(tokens !== undefined && { tokens }),
  ...(cost_usd_micros !== undefined && { costUsdMicros: cost_usd_micros }),
  ...(ms !== undefined && { ms }),
});

/** Reads back what `documentOf` wrote. An untrusted document goes through `parseGraph`. */
export const graphOf = (stored: JsonObject): Graph => {
  const document = stored as CompleteDocument;
  return {
    name: document.name,
    ...(document.label !== undefined && { label: document.label }),
    bounds: {
      timeoutMs: document.timeout_ms,
      iterationsMax: document.limits.iterations_max,
      fanOutMax: document.limits.fan_out_max,
      outstandingMax: document.limits.outstanding_max,
      stepsMax: document.limits.steps_max,
      ...(document.timeout_while_paused && { timeoutWhilePaused: true as const }),
    },
    nodes: document.nodes.map(nodeOf),
    edges: document.edges.map(documentOfEdge),
  };
};
