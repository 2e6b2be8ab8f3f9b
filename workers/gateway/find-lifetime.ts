/** Where a lifetime is found: in its object, and in D1 once the object has forgotten it. */
import type { Answer } from "../../src/control-plane/tenant.ts";
import type { Rejection } from "../../src/rejection.ts";
import { err, ok } from "../../src/result.ts";
import { Queries } from "../data-plane/queries.ts";
import { objectOfLifetime } from "./address.ts";
import { type LifetimeJson, lifetimeJson, storedLifetimeJson } from "./lifetime-json.ts";

export const findLifetime = async (
  env: Env,
  tenant: string,
  lifetime: string,
  waitMs: number,
): Promise<Answer<LifetimeJson>> => {
  const found = await objectOfLifetime(env, tenant, lifetime).getLifetime(lifetime, waitMs);
  if (found.ok) return ok(lifetimeJson(found.value));
  if (found.error.code !== "lifetime_not_found") return found;
  const stored = await storedLifetime(env, tenant, lifetime);
  return stored ? ok(stored) : found;
};

/** What an earlier request with the same key was about; the rejection where it was deleted, or is any other. */
export const findEarlier = async (
  env: Env,
  tenant: string,
  rejection: Rejection,
): Promise<Answer<LifetimeJson>> => {
  const { lifetime } = rejection;
  const stored = lifetime === undefined ? undefined : await storedLifetime(env, tenant, lifetime);
  return stored ? ok(stored) : err(rejection);
};

const storedLifetime = async (
  env: Env,
  tenant: string,
  lifetime: string,
): Promise<LifetimeJson | undefined> => {
  const stored = await new Queries(env.DB).getLifetime(tenant, lifetime);
  return stored && storedLifetimeJson(stored);
};
