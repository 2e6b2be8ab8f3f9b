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
import type { Append } from "./effect.ts";
import { inputId } from "./ids.ts";
import type { Attempt, Attempts } from "./issue.ts";
import type { Lifetime, Member } from "./lifetime.ts";
import { ROOT_NAME } from "./root.ts";

interface Asked {
  readonly on: PolicyEvent;
  readonly n: number;
  readonly what: Attempt | Member;
  readonly execution?: Execution;
  /** Passes through each node; all that there are where absent. */
  readonly iterations?: Subject["iterations"];
  readonly reserved?: Subject["reserved"];
  /** How many inputs of those that are to be issued at once have been allowed before it. */
  readonly beside?: number;
}

/** An answer for each of them, in their order. */
export const judgeInputs = (draft: Draft, attempts: Attempts): readonly GuardAnswer[] => {
  const { guard } = draft;
  if (!guard?.policies) return attempts.map(() => ALLOW);
  const { policies } = guard;
  const passes = passesAt(draft, attempts);
  const reserved = reservedBy(draft);
  const start = judgeStart(draft, policies, attempts, { iterations: () => passes(-1), reserved });
  let beside = 0;
  return attempts.map(([n, what], i) => {
    const on = `${what.kind}_input` as const;
    const asked = { on, n, what, beside, iterations: () => passes(i), reserved };
    const answer = strictest(start, ask(draft, policies, asked));
    if (answer === ALLOW) beside++;
    return answer;
  });
};

/** Of a lifetime that begins with these inputs, if they are its first. */
const judgeStart = (
  draft: Draft,
  policies: PolicySet,
  attempts: Attempts,
  counts: Pick<Asked, "iterations" | "reserved">,
): GuardAnswer => {
  const [first] = attempts;
  if (first === undefined || first[1].attempt > 1) return ALLOW;
  if (first[1].parents[0]?.name !== ROOT_NAME) return ALLOW;
  const [n, what] = first;
  return ask(draft, policies, { on: "lifetime_start", n, what, ...counts });
};

/**
 * Passes through each node up to one of these inputs: all of them are counted already. One count goes along with
 * them, from when it is first asked for.
 */
const passesAt = ({ lifetime }: Draft, attempts: Attempts) => {
  const nodes = attempts.map(([, { node, attempt }]) => (attempt === 1 ? node : undefined));
  const add = (counted: Map<string, bigint>, node: string | undefined, by: bigint): void => {
    if (node === undefined) return;
    const passes = (counted.get(node) ?? 0n) + by;
    if (passes > 0n) counted.set(node, passes);
    else counted.delete(node);
  };
  let counted: Map<string, bigint> | undefined;
  let at = -1;
  return (i: number): ReadonlyMap<string, bigint> => {
    if (counted === undefined) {
      counted = allPasses(lifetime);
      for (const node of nodes) add(counted, node, -1n);
    }
    while (at < i) add(counted, nodes[++at], 1n);
    return counted;
  };
};

const allPasses = ({ iterations }: Lifetime): Map<string, bigint> =>
  new Map(Array.from(iterations.entries(), ([node, passes]) => [node, BigInt(passes)]));

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

const subjectOf = (draft: Draft, asked: Asked): Subject => {
  const { on, n, what, execution, beside } = asked;
  const { head } = draft.lifetime;
  return {
    on,
    at: draft.at,
    tenant: head.tenant,
    tenantTally: draft.guard?.tally,
    lifetime: head,
    repeats: (node) => draft.lifetime.repeats.get(node),
    ...(beside !== undefined && { beside }),
    iterations: asked.iterations ?? (() => allPasses(draft.lifetime)),
    reserved: asked.reserved ?? reservedBy(draft),
    ...(on !== "lifetime_start" && { node: draft.graph.node(what.node) }),
    input: {
      id: inputId(head.id, n),
      attempt: what.attempt,
      iteration: what.iteration,
      ...(execution && "input" in what && { elapsedMs: () => draft.at - issuedAt(draft, what) }),
      from: () => what.parents.map(({ name }) => name),
      carried: carriedBy(draft, what),
    },
    ...(execution && { execution }),
  };
};

/** Summed once, if at all: judging reserves nothing. */
const reservedBy = ({ lifetime }: Draft): (() => Amounts) => {
  let reserved: Amounts | undefined;
  return () => {
    reserved ??= [...lifetime.members.entries()].reduce(
      (sum: Amounts, [, member]) => (member.reserved ? plus(sum, member.reserved.amounts) : sum),
      {},
    );
    return reserved;
  };
};

const issuedAt = ({ guard }: Draft, { input }: Member): number => {
  const record = guard?.recordAt(input);
  if (record === undefined) throw new Error("its input is not in the log any more");
  return record.at;
};

const carriedBy = (draft: Draft, { kind, node, parents, parameters }: Attempt | Member): Carried => ({
  kind,
  node,
  carries: parents.map(({ offset }) => offset),
  withoutResult: parents.filter(({ ignored }) => ignored).map(({ offset }) => offset),
  parameters,
  messageAt: messagesOf(draft),
  executions: draft.guard?.executions,
});

/** What the log has, and what this step is about to append to it. */
export const messagesOf = ({ effects, guard }: Pick<Draft, "effects"> & { guard?: Guard }) => {
  const first = effects.find(({ type }) => type === "append") as Append | undefined;
  const begin = first?.record.offset ?? Number.MAX_SAFE_INTEGER;
  return (offset: number): Uint8Array => {
    for (const effect of offset < begin ? [] : effects)
      if (effect.type === "append" && effect.record.offset === offset) return known(effect.record);
    if (guard === undefined) throw new Error("nothing guards the tenant");
    return known(guard.recordAt(offset));
  };
};

const known = (record: LogRecord | undefined): Uint8Array => {
  const message = messageOf(record);
  if (message === undefined) throw new Error(`${record ? `a ${record.type}` : "nothing"} is no execution`);
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
