/**
 * Asks the policies of a tenant about inputs and executions of a lifetime, and records what they found. What is to
 * follow from it is for whoever asks.
 */
import { ALLOW, type GuardAnswer, strictest } from "../guardrails/answer.ts";
import type { Guard } from "../guardrails/guard.ts";
import { answerOf, type Finding, judge } from "../guardrails/judge.ts";
import { type Amounts, plus } from "../guardrails/measure.ts";
import type { Carried } from "../guardrails/payload.ts";
import type { PolicyEvent } from "../guardrails/policy.ts";
import type { PolicySet, Rule } from "../guardrails/policy-set.ts";
import type { Subject } from "../guardrails/subject.ts";
import { type LogRecord, messageOf } from "../topics/record.ts";
import type { Execution } from "../wire/codec.ts";
import { append, type Draft } from "./draft.ts";
import { inputId } from "./ids.ts";
import type { Attempt, Attempts } from "./issue.ts";
import type { Member } from "./lifetime.ts";
import { ROOT_NAME } from "./root.ts";

interface Asked {
  readonly on: PolicyEvent;
  readonly n: number;
  readonly what: Attempt | Member;
  readonly execution?: Execution;
  /** Nodes whose inputs are counted already and come after this one. */
  readonly later?: readonly string[];
}

/** An answer for each of them, in their order. */
export const judgeInputs = (draft: Draft, attempts: Attempts): readonly GuardAnswer[] => {
  const { guard } = draft;
  if (!guard?.policies) return attempts.map(() => ALLOW);
  const { policies } = guard;
  const start = judgeStart(draft, policies, attempts);
  return attempts.map(([n, what], i) => {
    const later = attempts.slice(i + 1).flatMap(([, other]) => (other.attempt === 1 ? [other.node] : []));
    const on = `${what.kind}_input` as const;
    return strictest(start, ask(draft, policies, { on, n, what, later }));
  });
};

/** Of a lifetime that begins with these inputs, if they are its first. */
const judgeStart = (draft: Draft, policies: PolicySet, attempts: Attempts): GuardAnswer => {
  const [first] = attempts;
  if (first === undefined || first[1].attempt > 1) return ALLOW;
  if (first[1].parents[0]?.name !== ROOT_NAME) return ALLOW;
  const [n, what] = first;
  return ask(draft, policies, { on: "lifetime_start", n, what, later: attempts.map(([, { node }]) => node) });
};

export const judgeExecution = (
  draft: Draft,
  n: number,
  member: Member,
  execution: Execution,
): GuardAnswer => {
  const { policies } = draft.guard ?? {};
  return policies
    ? ask(draft, policies, { on: `${member.kind}_execution`, n, what: member, execution })
    : ALLOW;
};

const ask = (draft: Draft, policies: PolicySet, asked: Asked): GuardAnswer => {
  const { head } = draft.lifetime;
  const found = policies.find(asked.on, head.graph, asked.on === "lifetime_start" ? "" : asked.what.node);
  if (found.length === 0) return ALLOW;
  const rules = notApproved(found, asked.what.approved);
  const findings = judge(rules, subjectOf(draft, asked)).map((each) => possible(draft, asked, each));
  for (const each of findings) record(draft, policies, asked, each);
  return answerOf(findings);
};

/** What has been approved is not asked for again. */
const notApproved = (rules: readonly Rule[], approved: readonly string[] | undefined): readonly Rule[] =>
  approved === undefined
    ? rules
    : rules.filter(({ policy }) => policy.action !== "REQUIRE_APPROVAL" || !approved.includes(policy.name));

/** A task that this graph does not allow fails the policy, not the lifetime's routing. */
const possible = (draft: Draft, { what }: Asked, finding: Finding): Finding => {
  const { action, routeTo = "", onError } = finding.rule.policy;
  if (action !== "ROUTE_TO" || draft.graph.down(what.node).includes(routeTo)) return finding;
  const impossible = `${routeTo} is no task after ${what.node}`;
  const error = finding.error === undefined ? impossible : `${finding.error}; ${impossible}`;
  return { ...finding, error, impossible: true, acts: finding.acts && onError === "closed" };
};

const subjectOf = (draft: Draft, { on, n, what, execution, later = [] }: Asked): Subject => {
  const { head } = draft.lifetime;
  return {
    on,
    at: draft.at,
    tenant: head.tenant,
    tenantTally: draft.guard?.tally,
    lifetime: head,
    iterations: () => iterationsWithout(draft, later),
    reserved: () => reservedOf(draft),
    ...(on !== "lifetime_start" && { node: draft.graph.node(what.node) }),
    input: {
      id: inputId(head.id, n),
      attempt: what.attempt,
      iteration: what.iteration,
      from: () => what.parents.map(({ name }) => name),
      carried: carriedBy(draft, what),
    },
    ...(execution && { execution }),
  };
};

const reservedOf = ({ lifetime }: Draft): Amounts => {
  let reserved: Amounts = {};
  for (const [, member] of lifetime.members.entries())
    if (member.reserved) reserved = plus(reserved, member.reserved.amounts);
  return reserved;
};

/** As they were before the inputs that come after this one. */
const iterationsWithout = ({ lifetime }: Draft, later: readonly string[]): ReadonlyMap<string, number> => {
  const iterations = new Map(lifetime.iterations.entries());
  for (const node of later) {
    const passes = (iterations.get(node) ?? 0) - 1;
    if (passes > 0) iterations.set(node, passes);
    else iterations.delete(node);
  }
  return iterations;
};

const carriedBy = (draft: Draft, { kind, node, parents, parameters }: Attempt | Member): Carried => ({
  kind,
  node,
  carries: parents.map(({ offset }) => offset),
  withoutResult: parents.filter(({ ignored }) => ignored).map(({ offset }) => offset),
  parameters,
  messageAt: messagesOf(draft),
});

/** What the log has, and what this step is about to append to it. */
export const messagesOf = ({ effects, guard }: Pick<Draft, "effects"> & { guard?: Guard }) => {
  return (offset: number): Uint8Array => {
    for (const effect of effects)
      if (effect.type === "append" && effect.record.offset === offset) return known(effect.record);
    if (guard === undefined) throw new Error("nothing guards the tenant");
    return guard.messageAt(offset);
  };
};

const known = (record: LogRecord): Uint8Array => {
  const message = messageOf(record);
  if (message === undefined) throw new Error(`a ${record.type} is no execution`);
  return message;
};

const record = (draft: Draft, policies: PolicySet, { on, n, what, execution }: Asked, finding: Finding) => {
  const { head } = draft.lifetime;
  const { rule, error, read } = finding;
  const { name, action, mode, message, onError } = rule.policy;
  append(draft, {
    type: "verdict",
    lifetime: head.id,
    graph: head.graph,
    ...(on !== "lifetime_start" && { node: what.node }),
    policy: name,
    version: rule.version,
    policies: policies.version,
    on,
    action,
    mode,
    message,
    ...(error !== undefined && { error, on_error: onError }),
    read,
    input: inputId(head.id, n),
    attempt: what.attempt,
    ...(execution?.header && { execution: execution.header.execId }),
  });
};
