/** The plans and tasks of a deployment by their names: what validation asks, and what executors run. */

import { z } from "zod";
import type { Catalogue, KindEntry } from "../graph/catalogue.ts";
import { RESOLVED_NODES_MAX } from "../limits.ts";
import type { Result } from "../result.ts";
import type { Kind } from "../topics/topics.ts";
import { type Attempt, attemptPlan, attemptTask } from "./attempt.ts";
import type { NodeSpec } from "./dispatch.ts";
import { NodeError } from "./failure.ts";
import { type AnyNode, definePlan, defineTask, type Plan, type PlanContext, type Task } from "./node.ts";
import { parseSettings } from "./settings.ts";
import { issueText } from "./verify.ts";

export interface Bound {
  readonly spec: NodeSpec;
  attempt(input: Uint8Array): Result<Attempt, string>;
}

export interface Registry extends Catalogue {
  /**
   * What makes attempts of a node's inputs; undefined where there is no such node. One whose settings do not
   * fit still answers each of them, with why.
   */
  bind(spec: string): Bound | undefined;
  /** The tasks that a plan launches, if it decides inline; undefined where an executor has to be asked. */
  decide(spec: NodeSpec, iteration: number): readonly string[] | undefined;
}

/** A node with settings that have been checked. */
interface Runnable {
  readonly node: AnyNode;
  readonly settings: unknown;
}

interface Decidable {
  readonly plan: Plan;
  readonly settings: unknown;
}

const entryOf = (node: AnyNode): KindEntry => ({
  name: node.name,
  type: node.type,
  settingNames: Object.keys(node.settings.shape),
  parseSettings: (settings) => parseSettings(node.settings, settings),
  ...(node.type === "plan" && { readsWhen: node.readsWhen }),
  ...(node.type === "task" && node.timeoutMsMax !== undefined && { timeoutMsMax: node.timeoutMsMax }),
});

const byName = <Node extends AnyNode>(nodes: readonly Node[]): ReadonlyMap<string, Node> => {
  const named = new Map<string, Node>();
  for (const node of nodes) {
    if (named.has(node.name))
      throw new Error(`two ${node.type}s are named ${JSON.stringify(node.name)}; rename one of them`);
    named.set(node.name, node);
  }
  return named;
};

/** Stands in for a node that cannot run: every attempt fails with the same error. */
const failing = (type: Kind, error: NodeError): AnyNode => {
  const run = () => {
    throw error;
  };
  const schemas = { input: z.unknown(), output: z.unknown() };
  return type === "plan" ? definePlan("", { ...schemas, run }) : defineTask("", { ...schemas, run });
};

export const registry = (nodes: {
  readonly plans: readonly Plan[];
  readonly tasks: readonly Task[];
}): Registry => {
  const kinds = { plan: byName<AnyNode>(nodes.plans), task: byName<AnyNode>(nodes.tasks) };
  const entries = {
    plan: new Map(nodes.plans.map((node) => [node.name, entryOf(node)])),
    task: new Map(nodes.tasks.map((node) => [node.name, entryOf(node)])),
  };
  const resolve = ({ type, kind, settings }: NodeSpec): Runnable | undefined => {
    const node = kinds[type].get(kind);
    if (!node) return undefined;
    const parsed = node.settings.safeParse(settings);
    if (parsed.success) return { node, settings: parsed.data };
    const detail = `of the graph's version do not fit ${kind} any more: ${parsed.error.issues.map(issueText).join("; ")}`;
    return { node: failing(type, new NodeError("invalid_settings", detail)), settings };
  };
  const bind = (text: string): Bound | undefined => {
    const spec: NodeSpec = JSON.parse(text);
    const found = resolve(spec);
    if (found === undefined) return undefined;
    const { node, settings } = found;
    return {
      spec,
      attempt: (input) =>
        node.type === "plan"
          ? attemptPlan(node, spec, settings, input)
          : attemptTask(node, spec, settings, input),
    };
  };
  // A spec comes with each call, while checking its settings may be to parse an expression.
  const bound = new Map<string, Bound>();
  const decidable = new WeakMap<NodeSpec, Decidable | undefined>();
  const decidableOf = (spec: NodeSpec): Decidable | undefined => {
    if (decidable.has(spec)) return decidable.get(spec);
    const { node, settings } = resolve(spec) ?? {};
    const found = node?.type === "plan" && node.inline ? { plan: node, settings } : undefined;
    decidable.set(spec, found);
    return found;
  };
  return {
    decide: (spec, iteration) => {
      const found = decidableOf(spec);
      if (found === undefined) return undefined;
      const { plan, settings } = found;
      // An inline plan reads nothing else of its ctx.
      return plan.run(null, { next: spec.next, iteration, settings } as PlanContext) as readonly string[];
    },
    find: (type, kind) => entries[type].get(kind),
    names: (type) => [...entries[type].keys()],
    bind: (text) => {
      const known = bound.get(text);
      if (known) return known;
      const [oldest] = bound.keys();
      if (bound.size >= RESOLVED_NODES_MAX && oldest !== undefined) bound.delete(oldest);
      const found = bind(text);
      if (found) bound.set(text, found);
      return found;
    },
  };
};
