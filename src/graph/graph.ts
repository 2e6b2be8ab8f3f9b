/**
 * The one model of a graph, whatever language it was written in. A Graph that exists is valid: it comes
 * out of validate.ts, and nothing after that checks again.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Kind } from "../topics/topics.ts";

/** Once for all tasks of a wave, once for each, with the first so many, or once for all branches of a wave. */
export type Join = "all" | "each" | "merge" | { readonly first: number };
export type OnFailure = "fail" | "route" | "ignore";

export interface Retry {
  /** How often the node may be attempted in all; 1 is no retry. */
  readonly attempts: number;
  /** The upper bound of the first wait; it doubles with each attempt, and the wait is drawn below it. */
  readonly backoffMs: number;
  readonly backoffMsMax: number;
  /** Error codes that end the step at once. */
  readonly never: readonly string[];
}

/** What one attempt is expected to use. */
export interface Estimate {
  readonly tokens?: number;
  readonly costUsdMicros?: number;
  readonly ms?: number;
}

export interface Node {
  readonly name: string;
  readonly type: Kind;
  readonly label?: string;
  /** Which registered plan or task runs it; the node's own name where the author said nothing. */
  readonly kind: string;
  readonly timeoutMs: number;
  readonly retry: Retry;
  readonly onFailure: OnFailure;
  /** When a plan runs, of the tasks that lead to it. Plans only. */
  readonly join: Join;
  /** Whether a lifetime starts here. Plans only. */
  readonly entry: boolean;
  /** Whether a plan without tasks is meant. Plans only. */
  readonly end: boolean;
  readonly settings: JsonObject;
  /** Its inputs are taken from their topic, here or in Kafka, by executors elsewhere; the runtime calls none. */
  readonly executor?: "external" | "kafka";
  /** Reserved of budgets before it is issued; learned where absent. */
  readonly estimate?: Estimate;
}

export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly label?: string;
  /** CEL; read by plans of kind `conditional`. */
  readonly when?: string;
}

/** Overrides of the bounds in limits.ts, for lifetimes of this graph. */
export interface Bounds {
  readonly timeoutMs: number;
  readonly iterationsMax: number;
  readonly fanOutMax: number;
  readonly outstandingMax: number;
  readonly stepsMax: number;
  /** The timeout runs on while the lifetime is paused. */
  readonly timeoutWhilePaused?: true;
}

export interface Graph {
  /** The graph's id, and the name it was written under. */
  readonly name: string;
  readonly label?: string;
  readonly bounds: Bounds;
  /** In the order in which they were written; edges likewise. Routing keeps that order. */
  readonly nodes: readonly Node[];
  readonly edges: readonly Edge[];
}

export type GraphStatus = "NEW" | "ACTIVE" | "ARCHIVED";
