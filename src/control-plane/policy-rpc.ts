/** What the tenant object answers of its policies. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { PolicyDocument } from "../guardrails/document.ts";
import type { Policy, PolicyAction, PolicyEvent, PolicyMode } from "../guardrails/policy.ts";
import type { Answer } from "./tenant.ts";

export interface PolicyView {
  readonly policy: string;
  /** That of all policies, when this one was stored. */
  readonly version: number;
  readonly created_at: string;
  readonly scope: Policy["scope"];
  readonly on: readonly PolicyEvent[];
  readonly action: PolicyAction;
  readonly mode: PolicyMode;
  readonly labels: Record<string, string>;
}

export interface PolicyDetail extends PolicyView {
  readonly document: JsonObject;
}

export interface PolicyRpc {
  /** The same document again changes nothing. */
  putPolicy(document: PolicyDocument): Promise<Answer<PolicyView & { created: boolean }>>;
  getPolicy(name: string): Promise<Answer<PolicyDetail>>;
  /** By name, after the given one. */
  listPolicies(request: { after: string; limit: number }): Promise<Answer<readonly PolicyView[]>>;
  removePolicy(name: string): Promise<Answer<void>>;
}
