/**
 * Tasks of kind `wait`, and `human`: their inputs go to the topic as any other, and then to no executor. What ends a wait —
 * a signal, time, or its timeout — is recorded by the control plane itself. Begins waits; `wake.ts` ends them.
 */
import { instantOf, WAIT, type WaitSettings } from "../executor/tasks/wait.ts";
import type { Node } from "../graph/graph.ts";
import type { Draft } from "./draft.ts";
import { asking, isHuman } from "./human.ts";
import type { Member, Waits } from "./lifetime.ts";
import { takeSignal } from "./signal.ts";

export const isWait = (node: Node): boolean =>
  isHuman(node) || (node.kind === WAIT && node.type === "task" && node.executor === undefined);

/** The member of an attempt that waits. What only the log knows of it is asked for. */
export const waiting = (draft: Draft, n: number, member: Member, node: Node): Member => {
  if (isHuman(node)) return asking(draft, n, member, node);
  const { signal, for: ms, until } = node.settings as WaitSettings;
  const kept = signal === undefined ? undefined : takeSignal(draft.lifetime.head, signal);
  const instant = ms === undefined ? instantOf(until) : draft.at + ms;
  const asked = signal === undefined && instant === undefined;
  const offset = asked ? member.parents[0]?.offset : kept?.offset;
  const { attempt, parameters } = member;
  if (offset !== undefined)
    draft.effects.push({ type: "recall", n, attempt, offset, ...(parameters && { parameters }) });
  const waits: Waits = {
    ...(signal !== undefined && { signal }),
    ...(instant !== undefined && { until: instant }),
  };
  return { ...member, phase: "waiting", waits, due: dueOf(waits, draft.at + node.timeoutMs) };
};

/** The instant that it waits for, or its timeout if that comes first. */
export const dueOf = ({ until }: Waits, timeout: number): number => Math.min(until ?? timeout, timeout);
