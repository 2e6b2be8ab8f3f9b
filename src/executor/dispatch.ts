/**
 * What crosses the line between the control plane and an executor: inputs go out in one call, and each
 * execution comes back as soon as it is ready, together only with others that are ready too. The messages
 * are those of the topics; only what the wire has no place for travels beside them.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Kind } from "../topics/topics.ts";

/** What an executor needs to know of a node; sent once a call, however many inputs name it. */
export interface NodeSpec {
  readonly type: Kind;
  readonly name: string;
  readonly kind: string;
  readonly timeoutMs: number;
  readonly settings: JsonObject;
  /** Downstream nodes in the order of the edges. */
  readonly next: readonly { readonly name: string; readonly when?: string }[];
}

/** What one attempt may use at the most, of what budgets limit; its provider is to be told so. */
export interface Allowance {
  readonly tokens?: number;
  readonly costUsdMicros?: number;
  readonly ms?: number;
}

export interface DispatchItem {
  /** Index into `nodes`. */
  readonly node: number;
  /** PlanInput or TaskInput, encoded. */
  readonly input: Uint8Array;
  /** What is left of the attempt's time. */
  readonly remainingMs: number;
  /** Absent where no budget limits it. */
  readonly allowance?: Allowance;
}

export interface Dispatch {
  /** Of the tenant; blobs of the results go under it. */
  readonly generation: number;
  /**
   * A NodeSpec each, as JSON: one text crosses for less than the objects of it, and what an executor has made
   * of a node is found by it.
   */
  readonly nodes: readonly string[];
  readonly items: readonly DispatchItem[];
}

/** What has come since the last answer. */
export interface News {
  /** Encoded executions that are ready. */
  readonly executions: readonly Uint8Array[];
  /** Ids of inputs that asked for more time. */
  readonly heartbeats: readonly string[];
  /** Input id → JSON text of how far it has come. */
  readonly progress?: Readonly<Record<string, string>>;
}

export interface Answers extends News {
  /** Indexes into `nodes`: what the code here does not have. Their inputs are not answered. */
  readonly missing?: readonly number[];
  /** Of the code that runs this call, whatever comes of it later included. */
  readonly version?: string;
  /** Undefined when every input of the call has been answered. */
  readonly running?: Running;
}

/** The inputs of one call that are still at work. Disposing of it gives them up. */
export interface Running {
  /** Settles when at least one more of these is there; `done` with the last. */
  next(): Promise<News & { done: boolean }>;
  /** Aborts the signal of these inputs and drops what they would have answered. */
  cancel(inputIds: readonly string[]): void;
}

/** One executor for each kind of input. */
export interface Executor {
  run(dispatch: Dispatch): Promise<Answers>;
}
