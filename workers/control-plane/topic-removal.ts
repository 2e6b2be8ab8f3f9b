/**
 * Topics in Kafka that go with their tenant, where that was asked: once its data is gone one bridge at a time may
 * delete them, and until one has said that they are gone no tenant of this name can be made, whose topics they would be.
 */
import type { Answer } from "../../src/control-plane/tenant.ts";
import { RETRY_AFTER_MS, TOPIC_REMOVAL_MS } from "../../src/limits.ts";
import type { TopicClaim, TopicsChoice } from "../../src/mirror/state.ts";
import { reject } from "../../src/rejection.ts";
import { ok } from "../../src/result.ts";
import type { Identity } from "./identity.ts";
import { deleting, noTenant } from "./refusals.ts";

export interface TopicRemoval {
  /** The tenant's data is gone, and that of its object too. */
  readonly ready?: true;
  readonly claim?: { readonly bridge: string; readonly until: number };
}

type Going = Identity & { readonly status: "DELETING" };

/** The tenant as it is to go; what is not said stays as it was said before. */
export const going = (identity: Identity, choice: TopicsChoice | undefined, now: number): Answer<Going> => {
  const { topics, ...rest } = identity;
  const asked = choice === "delete";
  if (identity.status === "ACTIVE") return ok({ ...rest, status: "DELETING", ...(asked && { topics: {} }) });
  if (asked && topics === undefined)
    return reject(
      "illegal_transition",
      "this tenant is being deleted without its topics; delete them in Kafka",
    );
  if (choice !== "keep") return ok({ ...identity, status: "DELETING" });
  if (isClaimed(topics, now)) return busy(identity, topics);
  return ok({ ...rest, status: "DELETING" });
};

const isClaimed = (topics: TopicRemoval | undefined, now: number): boolean =>
  (topics?.claim?.until ?? 0) > now;

const busy = ({ tenant }: Identity, topics: TopicRemoval | undefined) =>
  reject("tenant_deleting", `bridge ${topics?.claim?.bridge} is deleting the topics of ${tenant}`, {
    retryAfterMs: RETRY_AFTER_MS,
  });

const asked = (identity: Identity | undefined): Answer<Identity & { readonly topics: TopicRemoval }> => {
  if (identity === undefined || identity.status === "DELETED") return noTenant();
  const { topics } = identity;
  if (topics === undefined)
    return reject("illegal_transition", `nobody asked for the topics of ${identity.tenant} to be deleted`);
  return topics.ready ? ok({ ...identity, topics }) : deleting(identity.tenant);
};

/** Again by the same bridge, it lasts anew. */
export const claimTopics = (
  identity: Identity | undefined,
  bridge: string,
  now: number,
): Answer<{ readonly claimed: Identity; readonly claim: TopicClaim }> => {
  const found = asked(identity);
  if (!found.ok) return found;
  const { topics, tenant, generation } = found.value;
  if (isClaimed(topics, now) && topics.claim?.bridge !== bridge) return busy(found.value, topics);
  const claim = { bridge, until: now + TOPIC_REMOVAL_MS };
  return ok({
    claimed: { ...found.value, topics: { ...topics, claim } },
    claim: { tenant, generation, lasts_ms: TOPIC_REMOVAL_MS },
  });
};

/** The tenant without them, said by the bridge that deleted them. */
export const withoutTopics = (identity: Identity | undefined, bridge: string): Answer<Identity> => {
  const found = asked(identity);
  if (!found.ok) return found;
  const { topics, ...rest } = found.value;
  if (topics.claim?.bridge !== bridge)
    return reject("illegal_transition", `claim the topics of ${rest.tenant} before they are deleted`);
  return ok(rest);
};
