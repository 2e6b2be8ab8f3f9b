/** The record of a verdict → its row. */
import type { VerdictRecord } from "../topics/record.ts";
import type { verdicts } from "./schema.ts";

export type VerdictRow = Omit<typeof verdicts.$inferSelect, "tenant" | "partition">;

export const verdictRow = (record: VerdictRecord): VerdictRow => ({
  offset: record.offset,
  judgedAt: record.at,
  lifetime: record.lifetime,
  graph: record.graph,
  node: record.node ?? null,
  policy: record.policy,
  version: record.version,
  policies: record.policies,
  event: record.on,
  action: record.action,
  mode: record.mode,
  message: record.message.toWellFormed(),
  error: record.error?.toWellFormed() ?? null,
  onError: record.on_error ?? null,
  read: record.read,
  inputId: record.input ?? null,
  attempt: record.attempt ?? null,
  execId: record.execution ?? null,
});
