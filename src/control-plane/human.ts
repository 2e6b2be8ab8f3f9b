/**
 * Tasks of kind `human`: begun like waits, on their topic and at no executor. What is asked stands in a template over
 * the plan before them, which only the log has; `approvals.ts` opens the approval when that is known, and ends it.
 */
import { HUMAN } from "../executor/tasks/human.ts";
import type { Node } from "../graph/graph.ts";
import type { Draft } from "./draft.ts";
import type { Member } from "./lifetime.ts";

export const isHuman = ({ type, kind, executor }: Node): boolean =>
  kind === HUMAN && type === "task" && executor !== "external";

/** The member of an attempt that asks people. */
export const asking = (draft: Draft, n: number, member: Member, node: Node): Member => {
  const offset = member.parents[0]?.offset ?? 0;
  const { attempt, parameters } = member;
  draft.effects.push({ type: "recall", n, attempt, offset, ...(parameters && { parameters }) });
  return { ...member, phase: "waiting", due: draft.at + node.timeoutMs };
};
