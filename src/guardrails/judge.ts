/**
 * Asks policies about a subject: the one evaluation that there is, live and in looking back. What it finds is what
 * did not simply allow; what follows from it is one answer, the strictest.
 */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { POLICY_NESTED_VALUES_MAX, POLICY_VALUES_MAX, VERDICT_VALUE_CHARS_MAX } from "../limits.ts";
import { err, type Result } from "../result.ts";
import { ALLOW, type GuardAnswer, strictest } from "./answer.ts";
import type { PolicyEvent } from "./policy.ts";
import type { Rule } from "./policy-set.ts";
import { type Subject, Values } from "./subject.ts";

/** An evaluation that did not simply allow. */
export interface Finding {
  readonly rule: Rule;
  /** Why it could not be said whether it matches. */
  readonly error?: string;
  /** Its action cannot be done where it was asked. */
  readonly impossible?: true;
  /** What its expression has read. */
  readonly read: JsonObject;
  /** Whether its action is to follow; it is only recorded where not. */
  readonly acts: boolean;
}

export const judge = (rules: readonly Rule[], subject: Subject): readonly Finding[] => {
  if (rules.length === 0) return NOTHING;
  const values = new Values(subject);
  let findings: Finding[] | undefined;
  for (const rule of rules) {
    if (!rule.holdsAt(subject.at)) continue;
    const matched = matches(rule, subject.on, values);
    if (matched.ok && !matched.value) continue;
    findings ??= [];
    findings.push(findingOf(rule, subject.on, values, matched));
  }
  return findings ?? NOTHING;
};

const NOTHING: readonly Finding[] = [];

const matches = (rule: Rule, on: PolicyEvent, values: Values): Result<boolean, string> => {
  const program = rule.program(on);
  if (!program.ok) return program;
  const { reads, loops, run } = program.value;
  const most = loops > 1 ? POLICY_NESTED_VALUES_MAX : POLICY_VALUES_MAX;
  for (const path of reads) {
    const fault = values.read(path);
    if (fault !== undefined) return err(fault);
    if (loops > 0 && values.size(path) > most)
      return err(`${path} has more than ${most} values, the most that such loops may go through`);
  }
  return run(values.known);
};

const findingOf = (
  rule: Rule,
  on: PolicyEvent,
  values: Values,
  matched: Result<boolean, string>,
): Finding => {
  const { mode, onError } = rule.policy;
  return {
    rule,
    ...(!matched.ok && { error: matched.error }),
    read: shown(rule, on, values),
    acts: mode === "enforce" && (matched.ok || onError === "closed"),
  };
};

const shown = (rule: Rule, on: PolicyEvent, values: Values): JsonObject => {
  const program = rule.program(on);
  const reads = program.ok ? program.value.reads : [];
  return Object.fromEntries(
    reads.flatMap((path) => {
      const value = values.shown(path);
      return value === undefined ? [] : [[path, cut(value)]];
    }),
  );
};

const cut = (value: JsonValue): JsonValue => {
  const text = JSON.stringify(value);
  return text.length <= VERDICT_VALUE_CHARS_MAX
    ? value
    : `${text.slice(0, VERDICT_VALUE_CHARS_MAX).toWellFormed()}…`;
};

/** The strictest of what was found. */
export const answerOf = (findings: readonly Finding[]): GuardAnswer =>
  findings.map(answerTo).reduce(strictest, ALLOW);

const answerTo = ({ rule: { policy }, acts, error, impossible }: Finding): GuardAnswer => {
  if (!acts) return ALLOW;
  const detail = `${policy.name}: ${policy.message}${error === undefined ? "" : ` (${error})`}`;
  switch (policy.action) {
    case "WARN":
      return ALLOW;
    case "ROUTE_TO":
      return impossible
        ? { action: "reject", by: "policy", detail }
        : { action: "route_to", task: policy.routeTo ?? "" };
    case "REQUIRE_APPROVAL":
      return policy.approval
        ? { action: "approve", policies: [policy.name], terms: policy.approval, detail }
        : ALLOW;
    case "PAUSE_LIFETIME":
      return { action: "pause", by: "policy", detail };
    case "REJECT_EXECUTION":
      return { action: "reject", by: "policy", detail };
    case "ABORT_LIFETIME":
      return { action: "abort", by: "policy", detail };
  }
};
