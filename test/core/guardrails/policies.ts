/** Policies for tests, as short as what a test is about. */
import { policyDocument, policyOf } from "../../../src/guardrails/document.ts";
import { PolicySet, Rule } from "../../../src/guardrails/policy-set.ts";

export type Written = Partial<Parameters<(typeof policyDocument)["parse"]>[0] & object> &
  Record<string, unknown>;

export const ruleOf = (written: Written, version = 1): Rule =>
  new Rule(
    policyOf(
      policyDocument.parse({
        name: "p",
        on: "task_input",
        action: "REJECT_EXECUTION",
        message: "no",
        ...written,
      }),
    ),
    version,
  );

export const policiesOf = (...written: readonly Written[]): PolicySet =>
  new PolicySet(7, new Map(written.map((each) => ruleOf(each)).map((rule) => [rule.policy.name, rule])));
