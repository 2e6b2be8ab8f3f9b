/**
 * All policies of a tenant at one version. They are found by event, graph and node, so that what cannot match is
 * never evaluated; the program of each is made once, when it is first asked. Immutable: a change makes another set.
 */
import { POLICY_INDEX_MAX } from "../limits.ts";
import type { Result } from "../result.ts";
import type { Policy, PolicyEvent } from "./policy.ts";
import { type Program, programOf } from "./program.ts";
import type { Needs } from "./tally.ts";

/** One version of a policy, and its programs. */
export class Rule {
  readonly policy: Policy;
  /** Of this policy. */
  readonly version: number;
  readonly #programs = new Map<PolicyEvent, Result<Program, string>>();

  constructor(policy: Policy, version: number) {
    this.policy = policy;
    this.version = version;
  }

  program(on: PolicyEvent): Result<Program, string> {
    let program = this.#programs.get(on);
    if (program === undefined) {
      program = programOf(this.policy.when, on);
      this.#programs.set(on, program);
    }
    return program;
  }

  holdsAt(at: number): boolean {
    const { from, until } = this.policy;
    return (from === undefined || from <= at) && (until === undefined || at < until);
  }
}

const NONE: readonly Rule[] = [];

export class PolicySet {
  /** Raised with every change. */
  readonly version: number;
  /** By name. */
  readonly rules: ReadonlyMap<string, Rule>;
  /** What has to be counted for them. */
  readonly needs: Needs | undefined;
  readonly #found = new Map<string, Map<string, readonly Rule[]>>();
  #remembered = 0;

  constructor(version: number, rules: ReadonlyMap<string, Rule>) {
    this.version = version;
    this.rules = rules;
    this.needs = needsOf([...rules.values()]);
  }

  /** Those that may match, by name. */
  find(on: PolicyEvent, graph: string, node: string): readonly Rule[] {
    const key = `${on} ${graph}`;
    let byNode = this.#found.get(key);
    if (byNode === undefined) {
      byNode = new Map();
      this.#found.set(key, byNode);
    }
    let found = byNode.get(node);
    if (found === undefined) {
      found = this.#select(on, graph, node);
      if (++this.#remembered > POLICY_INDEX_MAX) {
        this.#found.clear();
        this.#remembered = 0;
      } else byNode.set(node, found);
    }
    return found;
  }

  /** With another version of one, or without it. */
  with(name: string, rule: Rule | undefined): PolicySet {
    const rules = new Map([...this.rules].filter(([other]) => other !== name));
    if (rule) rules.set(name, rule);
    return new PolicySet(this.version + 1, new Map([...rules].sort(([a], [b]) => (a < b ? -1 : 1))));
  }

  #select(on: PolicyEvent, graph: string, node: string): readonly Rule[] {
    const found = [...this.rules.values()].filter(
      ({ policy: { on: events, scope } }) =>
        events.includes(on) &&
        (scope.graph === undefined || scope.graph === graph) &&
        (scope.node === undefined || scope.node === node),
    );
    return found.length > 0 ? found : NONE;
  }
}

/** By the words alone, which is never too little: what is not named is not read. */
const needsOf = (rules: readonly Rule[]): Needs | undefined => {
  const names = (word: string) => rules.some(({ policy }) => policy.when.includes(word));
  const needs = {
    spent: names("lifetime.spent"),
    open: names("lifetime.open"),
    repeats: names("cycle"),
    tenant: names("tenant."),
  };
  return Object.values(needs).includes(true) ? needs : undefined;
};

export const NO_POLICIES = new PolicySet(0, new Map());
