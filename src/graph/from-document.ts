/**
 * Untrusted JSON → draft. Faults of shape carry the path; a wrong or unknown optional part is told and left
 * out, and the rest is still read, so that one validation tells everything.
 */
import type { JsonValue } from "@bufbuild/protobuf";
import { z } from "zod";
import { JSON_DEPTH_MAX } from "../limits.ts";
import { graphDocument } from "./document.ts";
import type { Attribute, Attributes, Drafted, GraphDraft } from "./draft.ts";
import { type Fault, fault } from "./fault.ts";
import { didYouMean } from "./validation/nearest.ts";
import { nestsDeeper } from "./validation/readers.ts";

/** Types and joins are left to validation, which knows what to say of a node without one. */
const draftDocument = graphDocument.extend({
  nodes: z.array(
    graphDocument.shape.nodes.element.extend({ type: z.string().optional(), join: z.unknown().optional() }),
  ),
});
type DraftDocument = z.infer<typeof draftDocument>;

type Path = readonly PropertyKey[];

const inWords = (path: Path): string =>
  path.reduce<string>(
    (words, key) =>
      typeof key === "number" ? `${words}[${key}]` : words ? `${words}.${String(key)}` : String(key),
    "",
  ) || "The document";

const at = (root: unknown, path: Path): unknown =>
  path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], root);

/** The node or edge that a path leads through. */
const owner = (root: unknown, [list, index]: Path) => {
  const element = index === undefined ? undefined : at(root, [list ?? "", index]);
  const { name, from, to } = (element ?? {}) as Record<string, unknown>;
  if (list === "nodes" && typeof name === "string") return { node: name };
  if (list === "edges" && typeof from === "string" && typeof to === "string") return { edge: { from, to } };
  return {};
};

const faultsOf = (issue: z.core.$ZodIssue, root: unknown): Fault[] => {
  const where = owner(root, issue.path);
  if (issue.code !== "unrecognized_keys") {
    const missing = issue.code === "invalid_type" && at(root, issue.path) === undefined;
    const wrong = missing
      ? ` is missing; write a ${issue.expected}`
      : `: ${issue.message.replace(/^Invalid input: /, "")}`;
    const message = `${inWords(issue.path)}${wrong}.`;
    return [fault("invalid_attribute", message, where)];
  }
  const shape = issue.path[0] === "edges" ? graphDocument.shape.edges.element.shape : undefined;
  const known = Object.keys(
    shape ?? (issue.path[0] === "nodes" ? graphDocument.shape.nodes.element.shape : graphDocument.shape),
  );
  return issue.keys.map((key) => {
    const hint = didYouMean(key, known) || "; leave it out.";
    return fault("unknown_attribute", `${inWords([...issue.path, key])} is not known${hint}`, where);
  });
};

/** Takes what an issue complains of out of the document; a flag is set, for it was meant to be. */
const prune = (issue: z.core.$ZodIssue, root: unknown) => {
  const unknown = issue.code === "unrecognized_keys";
  // A list with a wrong member goes as a whole.
  const path = unknown
    ? issue.path
    : issue.path.slice(0, issue.path.findLastIndex((key) => typeof key === "string") + 1);
  const parent = at(root, unknown ? path : path.slice(0, -1));
  if (typeof parent !== "object" || parent === null) return;
  for (const key of unknown ? issue.keys : path.slice(-1)) {
    if (issue.code === "invalid_type" && issue.expected === "boolean") Reflect.set(parent, key, true);
    else Reflect.deleteProperty(parent, key);
  }
};

const attributes = (
  path: string,
  parts: Record<string, readonly [key: string, value: unknown]>,
): Attributes => {
  const present = new Map<string, Attribute>();
  for (const [name, [key, value]] of Object.entries(parts))
    if (value !== undefined) present.set(name, { value: value as JsonValue, path: `${path}${key}` });
  return present;
};

const nodeAttributes = (node: DraftDocument["nodes"][number], index: number): Attributes =>
  attributes(`nodes[${index}].`, {
    type: ["type", node.type],
    kind: ["kind", node.kind],
    label: ["label", node.label],
    timeout: ["timeout_ms", node.timeout_ms],
    retry: ["retry.attempts", node.retry?.attempts],
    retry_backoff: ["retry.backoff_ms", node.retry?.backoff_ms],
    retry_backoff_max: ["retry.backoff_ms_max", node.retry?.backoff_ms_max],
    retry_never: ["retry.never", node.retry?.never],
    join: ["join", node.join],
    on_failure: ["on_failure", node.on_failure],
    entry: ["entry", node.entry],
    end: ["end", node.end],
    settings: ["settings", node.settings],
    executor: ["executor", node.executor],
    estimate_tokens: ["estimate.tokens", node.estimate?.tokens],
    estimate_cost_usd_micros: ["estimate.cost_usd_micros", node.estimate?.cost_usd_micros],
    estimate_time: ["estimate.ms", node.estimate?.ms],
  });

const toDraft = (document: DraftDocument): GraphDraft => ({
  name: document.name,
  attributes: attributes("", {
    label: ["label", document.label],
    timeout: ["timeout_ms", document.timeout_ms],
    timeout_while_paused: ["timeout_while_paused", document.timeout_while_paused],
    iterations_max: ["limits.iterations_max", document.limits?.iterations_max],
    fan_out_max: ["limits.fan_out_max", document.limits?.fan_out_max],
    outstanding_max: ["limits.outstanding_max", document.limits?.outstanding_max],
    steps_max: ["limits.steps_max", document.limits?.steps_max],
  }),
  nodes: document.nodes.map((node, index) => ({
    name: node.name,
    declared: true,
    attributes: nodeAttributes(node, index),
  })),
  edges: document.edges.map((edge, index) => ({
    from: edge.from,
    to: edge.to,
    attributes: attributes(`edges[${index}].`, { label: ["label", edge.label], when: ["when", edge.when] }),
  })),
});

export const draftOfDocument = (untrusted: unknown): Drafted => {
  if (nestsDeeper(untrusted))
    return {
      faults: [fault("invalid_attribute", `The document nests deeper than ${JSON_DEPTH_MAX} levels.`)],
    };
  const parsed = draftDocument.safeParse(untrusted);
  if (parsed.success) return { draft: toDraft(parsed.data), faults: [] };
  const faults = parsed.error.issues.flatMap((issue) => faultsOf(issue, untrusted));
  const mended = structuredClone(untrusted);
  for (const issue of parsed.error.issues) prune(issue, mended);
  const rest = draftDocument.safeParse(mended);
  return rest.success ? { draft: toDraft(rest.data), faults } : { faults };
};
