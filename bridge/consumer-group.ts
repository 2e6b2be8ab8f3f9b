/**
 * The group that all bridges of one deployment share. Its members have to want the same topics, so bridges for some
 * tenants have a group of their own; what was read is known by the marks of the objects, whatever the group is.
 */
import { createHash } from "node:crypto";
import type { Settings } from "./settings.ts";

export const consumerGroup = ({ deployment, tenants }: Settings): string => {
  const group = `escapement-bridge.${deployment}`;
  if (tenants === undefined) return group;
  const hash = createHash("sha256")
    .update([...tenants].sort().join())
    .digest("hex");
  return `${group}.${hash.slice(0, 12)}`;
};
