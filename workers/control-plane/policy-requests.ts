/** What is asked of the policies of a tenant; each change makes another version of all of them. */
import type { PolicyDetail, PolicyView } from "../../src/control-plane/policy-rpc.ts";
import type { Answer } from "../../src/control-plane/tenant.ts";
import type { Turn } from "../../src/control-plane/turn.ts";
import { canonicalJson } from "../../src/graph/canonical.ts";
import { type PolicyDocument, policyOf } from "../../src/guardrails/document.ts";
import { type PolicySet, Rule } from "../../src/guardrails/policy-set.ts";
import { POLICIES_MAX } from "../../src/limits.ts";
import { reject } from "../../src/rejection.ts";
import { ok } from "../../src/result.ts";
import { isoOf } from "../../src/wire/timestamp.ts";
import type { Engine } from "./engine.ts";
import type { Entrance } from "./entrance.ts";
import type { StoredPolicy } from "./policy-table.ts";

const noPolicy = (name: string) => reject("policy_not_found", `no policy ${name}; PUT it first`);

const viewOf = ({ name, version, createdAt, document }: StoredPolicy): PolicyView => {
  const { scope, on, action, mode, labels } = policyOf(document as unknown as PolicyDocument);
  return {
    policy: name,
    version,
    created_at: isoOf(createdAt),
    scope,
    on,
    action,
    mode,
    labels: { ...labels },
  };
};

export class PolicyRequests {
  readonly #engine: Engine;
  readonly #entrance: Entrance;

  constructor(engine: Engine, entrance: Entrance) {
    this.#engine = engine;
    this.#entrance = entrance;
  }

  /** The same document again changes nothing. */
  async put(document: PolicyDocument): Promise<Answer<PolicyView & { created: boolean }>> {
    const { policies } = this.#engine.parts;
    const { name } = document;
    const stored = await this.#entrance.ask((turn) => {
      const may = this.#engine.room.mayArrive();
      if (!may.ok) return may;
      const known = policies.find(name);
      const now = turn.policies ?? policies.set;
      if (known?.version === now.rules.get(name)?.version && isSame(known?.document, document))
        return ok({ created: false });
      if (!now.rules.has(name) && now.rules.size >= POLICIES_MAX)
        return reject("too_many_policies", `a tenant has ${POLICIES_MAX} policies at the most; delete some`);
      const version = now.version + 1;
      this.#change(turn, now.with(name, new Rule(policyOf(document), version)), name, document);
      return ok({ created: known === undefined });
    });
    if (!stored.ok) return stored;
    const view = policies.find(name);
    return view ? ok({ ...viewOf(view), ...stored.value }) : noPolicy(name);
  }

  async remove(name: string): Promise<Answer<void>> {
    const { policies } = this.#engine.parts;
    return this.#entrance.ask((turn) => {
      const now = turn.policies ?? policies.set;
      if (!now.rules.has(name)) return noPolicy(name);
      this.#change(turn, now.with(name, undefined), name);
      return ok(undefined);
    });
  }

  get(name: string): Answer<PolicyDetail> {
    const entered = this.#entrance.enter();
    if (!entered.ok) return entered;
    const found = this.#engine.parts.policies.find(name);
    return found ? ok({ ...viewOf(found), document: found.document }) : noPolicy(name);
  }

  list(after: string, limit: number): Answer<readonly PolicyView[]> {
    const entered = this.#entrance.enter();
    return entered.ok ? ok(this.#engine.parts.policies.list(after, limit).map(viewOf)) : entered;
  }

  #change(turn: Turn, next: PolicySet, policy: string, document?: PolicyDocument): void {
    const tally = this.#engine.parts.policies.tallyFor(next, turn.guard?.tally);
    const { version } = next;
    turn.setPolicies(
      {
        policy,
        version,
        ...(document && { document: JSON.parse(JSON.stringify(document)) }),
      },
      next,
      tally,
    );
  }
}

const isSame = (known: StoredPolicy["document"] | undefined, document: PolicyDocument): boolean =>
  known !== undefined && canonicalJson(known) === canonicalJson(JSON.parse(JSON.stringify(document)));
