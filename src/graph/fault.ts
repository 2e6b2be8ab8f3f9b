/** What can be wrong with a graph. A validation answers all of them at once. */
export const FAULT_CODES = [
  "syntax",
  "no_graph",
  "several_graphs",
  "not_directed",
  "text_too_large",
  "too_many_nodes",
  "too_many_edges",
  "invalid_name",
  "undeclared_node",
  "untyped_node",
  "duplicate_node",
  "plan_and_task",
  "unknown_attribute",
  "invalid_attribute",
  "unknown_kind",
  "invalid_setting",
  "invalid_expression",
  "self_loop",
  "duplicate_edge",
  "same_kind_edge",
  "dangling_edge",
  "several_upstream_plans",
  "no_upstream_plan",
  "dead_end_plan",
  "no_entry",
  "unreachable_node",
  "join_unreachable",
  "no_common_plan",
  "circular_merges",
  "too_many_merges",
] as const;

export type FaultCode = (typeof FAULT_CODES)[number];

/** What is valid and most likely not meant. */
export const WARNING_CODES = ["join_spans_waves"] as const;

export type Warning = Fault<(typeof WARNING_CODES)[number]>;

/** Lines and columns count from 1, columns in UTF-16 code units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface Fault<Code extends string = FaultCode> {
  readonly code: Code;
  /** Says what is wrong and how to mend it, in one sentence or two. */
  readonly message: string;
  readonly node?: string;
  readonly edge?: { readonly from: string; readonly to: string };
  readonly position?: Position;
}

/** Where a fault is. What is not known is left out of the fault. */
export interface Where {
  readonly node?: string | undefined;
  readonly edge?: { readonly from: string; readonly to: string } | undefined;
  readonly position?: Position | undefined;
}

export const fault = <Code extends string = FaultCode>(
  code: Code,
  message: string,
  where: Where = {},
): Fault<Code> => ({
  code,
  message,
  ...(where.node !== undefined && { node: where.node }),
  ...(where.edge && { edge: { from: where.edge.from, to: where.edge.to } }),
  ...(where.position && { position: where.position }),
});

/** In the order of the text, so that an author mends from top to bottom; faults without a position come last. */
export const inOrder = <Code extends string>(faults: readonly Fault<Code>[]): Fault<Code>[] =>
  faults.toSorted(
    (a, b) =>
      (a.position?.line ?? Infinity) - (b.position?.line ?? Infinity) ||
      (a.position?.column ?? 0) - (b.position?.column ?? 0),
  );
