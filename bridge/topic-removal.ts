/**
 * Deletes what a tenant has in Kafka, where that was asked when the tenant was deleted: the progress of its streams and
 * its topics, as one bridge at a time may. Whatever it was killed at, it or another begins again, until all is gone.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { progressGroups, topicsOf } from "../src/mirror/names.ts";
import { crashPoint } from "./crash-points.ts";
import { type Gateway, GatewayRefused } from "./gateway.ts";
import type { Topics } from "./kafka/topics.ts";
import type { Log } from "./log.ts";

/** A topic that was deleted is listed for a moment more. */
const GONE_MS_MAX = 10_000;
const LOOK_MS = 100;
/** Nobody asked for its topics; it is gone; its data is not yet; another bridge is at it. */
const NOT_NOW = [404, 409];

const claimSchema = z.object({ generation: z.int(), lasts_ms: z.int() });

export interface TopicRemovalPorts {
  readonly gateway: Gateway;
  readonly topics: Topics;
  readonly log: Log;
  readonly deployment: string;
  readonly bridgeId: string;
}

/** Of a tenant that is being deleted; does nothing where it is not its turn. Throws what Kafka refused. */
export const removeTopics = async (ports: TopicRemovalPorts, tenant: string): Promise<void> => {
  const { gateway, topics, log, deployment, bridgeId } = ports;
  const path = `/v1/tenants/${tenant}/topic-removal`;
  const claimed = await gateway.send("POST", path, { bridge_id: bridgeId }).catch((error) => {
    if (error instanceof GatewayRefused && NOT_NOW.includes(error.status)) return undefined;
    throw error;
  });
  if (claimed === undefined) return;
  const claim = claimSchema.parse(await claimed.json());
  const until = Date.now() + claim.lasts_ms / 2;
  // Before the topics: with them their offsets go, and with those the groups, in Kafka's own time.
  const groups = await topics.deleteGroups(progressGroups(deployment, tenant));
  crashPoint("groups-deleted");
  // A tenant of the same name, once the claim has run out, would lose what it has.
  if (Date.now() > until) throw new Error("Kafka took too long; begun again with another claim");
  await topics.delete(topicsOf(tenant));
  crashPoint("topics-deleted");
  await untilGone(topics, tenant);
  await gateway.send("DELETE", `${path}?bridge_id=${encodeURIComponent(bridgeId)}`);
  log("info", "topics_deleted", { tenant, generation: claim.generation, groups });
};

const untilGone = async (topics: Topics, tenant: string): Promise<void> => {
  for (const until = Date.now() + GONE_MS_MAX; ; await sleep(LOOK_MS)) {
    const there = new Set(await topics.list());
    const left = topicsOf(tenant).filter((topic) => there.has(topic));
    if (left.length === 0) return;
    if (Date.now() > until) throw new Error(`Kafka still has ${left.join(", ")}`);
  }
};
