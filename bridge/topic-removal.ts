/**
 * Deletes what a tenant has in Kafka, where that was asked when the tenant was deleted: the progress of its streams and
 * its topics, as one bridge at a time may. Whatever it was killed at, it or another begins again, until all is gone. However
 * late it is, it deletes nothing of a tenant of the same name that was made since: what it found while nobody could make one
 * it knows by ids, and by the names of groups, which have the generation in them.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { progressGroups, topicsOf } from "../src/mirror/names.ts";
import { crashPoint } from "./crash-points.ts";
import { type Gateway, GatewayRefused } from "./gateway.ts";
import type { Kafka } from "./kafka/client.ts";
import { deleteTopics, type TopicIds, topicIds } from "./kafka/topic-ids.ts";
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
  readonly kafka: Kafka;
  readonly topics: Topics;
  readonly log: Log;
  readonly deployment: string;
  readonly bridgeId: string;
}

/** Of a tenant that is being deleted; does nothing where it is not its turn. Throws what Kafka refused. */
export const removeTopics = async (ports: TopicRemovalPorts, tenant: string): Promise<void> => {
  const { gateway, kafka, topics, log, deployment, bridgeId } = ports;
  const began = Date.now();
  const path = `/v1/tenants/${tenant}/topic-removal`;
  const claimed = await gateway.send("POST", path, { bridge_id: bridgeId }).catch((error) => {
    if (error instanceof GatewayRefused && NOT_NOW.includes(error.status)) return undefined;
    throw error;
  });
  if (claimed === undefined) return;
  const claim = claimSchema.parse(await claimed.json());
  const ids = await topicIds(kafka, topicsOf(tenant));
  const groups = await topics.groups(progressGroups(deployment, tenant));
  // Once the claim has run out they may be another's.
  if (Date.now() > began + claim.lasts_ms)
    throw new Error("Kafka took too long; begun again with another claim");
  // Before the topics: with them their offsets go, and with those the groups, in Kafka's own time.
  await topics.deleteGroups(groups);
  crashPoint("groups-deleted");
  await deleteTopics(kafka, ids);
  crashPoint("topics-deleted");
  await untilGone(kafka, ids);
  await gateway.send("DELETE", `${path}?bridge_id=${encodeURIComponent(bridgeId)}`);
  log("info", "topics_deleted", { tenant, generation: claim.generation, groups: groups.length });
};

const untilGone = async (kafka: Kafka, ids: TopicIds): Promise<void> => {
  for (const until = Date.now() + GONE_MS_MAX; ; await sleep(LOOK_MS)) {
    const there = await topicIds(kafka, [...ids.keys()]);
    const left = [...ids].filter(([name, id]) => there.get(name)?.equals(id)).map(([name]) => name);
    if (left.length === 0) return;
    if (Date.now() > until) throw new Error(`Kafka still has ${left.join(", ")}`);
  }
};
