/**
 * A graph in TypeScript, which becomes the same document as one in DOT. The types know the names, so an edge
 * to a node that is not declared, or one that does not alternate, does not compile; the rest is for the
 * runtime to validate.
 */

import type { EdgeDocument, GraphDocument, NodeDocument } from "./document.ts";
import { documentOfEstimate } from "./document.ts";
import type { Bounds, Estimate, Join, OnFailure, Retry } from "./graph.ts";

export interface GraphOptions extends Partial<Bounds> {
  readonly label?: string;
}

export interface TaskOptions {
  /** The registered plan or task that runs it; the node's own name where absent. */
  readonly kind?: string;
  readonly label?: string;
  readonly timeoutMs?: number;
  readonly retry?: Partial<Retry>;
  readonly onFailure?: OnFailure;
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Whether executors elsewhere take its inputs from their topic, and the runtime calls none. */
  readonly executor?: "rpc" | "external" | "kafka";
  /** What one attempt is expected to use; learned where absent. */
  readonly estimate?: Estimate;
}

export interface PlanOptions extends TaskOptions {
  readonly join?: Join;
  readonly entry?: boolean;
  readonly end?: boolean;
}

type OneOrMore<T> = T | readonly T[];
type New<Name, Known> = Name extends Known ? never : Name;

/** Immutable: every step answers a new one, so a beginning can be shared. */
export interface GraphBuilder<Plan extends string = never, Task extends string = never> {
  plan<const Name extends string>(
    name: New<Name, Plan | Task>,
    options?: PlanOptions,
  ): GraphBuilder<Plan | Name, Task>;
  task<const Name extends string>(
    name: New<Name, Plan | Task>,
    options?: TaskOptions,
  ): GraphBuilder<Plan, Task | Name>;
  /** Lists stand for every edge between them, as groups do in DOT. */
  edge(
    from: OneOrMore<Plan>,
    to: OneOrMore<Task>,
    options?: { readonly label?: string; readonly when?: string },
  ): GraphBuilder<Plan, Task>;
  edge(
    from: OneOrMore<Task>,
    to: OneOrMore<Plan>,
    options?: { readonly label?: string },
  ): GraphBuilder<Plan, Task>;
  /** What is sent to `POST …/graphs`. */
  readonly document: GraphDocument;
}

type Defined<T> = { [Key in keyof T]: Exclude<T[Key], undefined> };

/** Without the members that are undefined: a document says nothing where its author said nothing. */
const defined = <T extends object>(object: T): Defined<T> =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Defined<T>;

const nodeDocument = (name: string, type: "plan" | "task", options: PlanOptions): NodeDocument => {
  const { timeoutMs, retry, onFailure, settings, estimate, ...rest } = options;
  return defined({
    name,
    type,
    ...rest,
    timeout_ms: timeoutMs,
    retry:
      retry &&
      defined({
        attempts: retry.attempts,
        backoff_ms: retry.backoffMs,
        backoff_ms_max: retry.backoffMsMax,
        never: retry.never && [...retry.never],
      }),
    on_failure: onFailure,
    settings: settings && { ...settings },
    estimate: estimate && documentOfEstimate(estimate),
  });
};

const listOf = (names: OneOrMore<string>): readonly string[] => (typeof names === "string" ? [names] : names);

const edgeDocuments = (
  from: OneOrMore<string>,
  to: OneOrMore<string>,
  options: Omit<EdgeDocument, "from" | "to">,
): EdgeDocument[] =>
  listOf(from).flatMap((tail) => listOf(to).map((head) => ({ from: tail, to: head, ...defined(options) })));

const builder = <Plan extends string, Task extends string>(
  document: GraphDocument,
): GraphBuilder<Plan, Task> => ({
  plan: (name: string, options = {}) =>
    builder({ ...document, nodes: [...document.nodes, nodeDocument(name, "plan", options)] }),
  task: (name: string, options = {}) =>
    builder({ ...document, nodes: [...document.nodes, nodeDocument(name, "task", options)] }),
  edge: (from: OneOrMore<string>, to: OneOrMore<string>, options = {}) =>
    builder({ ...document, edges: [...document.edges, ...edgeDocuments(from, to, options)] }),
  document,
});

export const graph = (name: string, options: GraphOptions = {}): GraphBuilder => {
  const { label, timeoutMs, timeoutWhilePaused, iterationsMax, fanOutMax, outstandingMax, stepsMax } =
    options;
  const limits = defined({
    iterations_max: iterationsMax,
    fan_out_max: fanOutMax,
    outstanding_max: outstandingMax,
    steps_max: stepsMax,
  });
  return builder({
    ...defined({ name, label, timeout_ms: timeoutMs, timeout_while_paused: timeoutWhilePaused }),
    ...(Object.keys(limits).length > 0 && { limits }),
    nodes: [],
    edges: [],
  });
};
