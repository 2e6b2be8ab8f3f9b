/** What of a commit people want to read in a log, beside counting it: failures, as plain lines. Nothing is said here. */
import { parseInputId } from "../control-plane/ids.ts";
import type { Lifetime } from "../control-plane/lifetime.ts";
import type { Writes } from "../control-plane/store.ts";
import type { BudgetThresholdRecord, ExecutionRecord } from "../topics/record.ts";
import { ExecutionStatus } from "../wire/gen/escapement/v1/execution_pb.ts";

export interface Remark {
  readonly level: "error" | "warn" | "info";
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export const remarksOn = ({ records, lifetimes, deadLetters }: Writes): Remark[] => {
  const remarks: Remark[] = [];
  for (const record of records) {
    if (record.type === "execution") remarks.push(...onExecution(record, lifetimes));
    if (record.type === "budget_threshold") remarks.push(onThreshold(record));
    if (record.type !== "lifetime_ended" || record.status !== "FAILED") continue;
    const { lifetime, steps, reason } = record;
    remarks.push({ level: "warn", event: "lifetime_failed", fields: { lifetime, steps, ...reason } });
  }
  for (const { reason, topic, detail } of deadLetters)
    remarks.push({
      level: reason === "internal" ? "error" : "warn",
      event: "dead_letter",
      fields: { reason, topic, detail },
    });
  return remarks;
};

const onThreshold = ({ type, offset: _, at: __, ...fields }: BudgetThresholdRecord): Remark => ({
  level: "warn",
  event: type,
  fields,
});

const onExecution = ({ execution, kind }: ExecutionRecord, lifetimes: readonly Lifetime[]): Remark[] => {
  const header = execution?.header;
  const timedOut = header?.status === ExecutionStatus.TIMED_OUT;
  if (!header || !(timedOut || header.status === ExecutionStatus.FAILED)) return [];
  const { lifetimeId: lifetime, name: node, inputId: input_id, execId: exec_id, attempt } = header;
  const detail = execution?.result?.errorMessage;
  const fields = { lifetime, kind, node, input_id, exec_id, attempt, detail };
  const remarks: Remark[] = [];
  if (timedOut) remarks.push({ level: "warn", event: "attempt_timed_out", fields });
  if (attempt > 1 && isLast(input_id, attempt, lifetimes))
    remarks.push({ level: "warn", event: "retries_ended", fields });
  return remarks;
};

/** Whether no attempt follows this one. */
const isLast = (inputId: string, attempt: number, lifetimes: readonly Lifetime[]): boolean => {
  const input = parseInputId(inputId);
  const member = lifetimes.find(({ head }) => head.id === input?.lifetime)?.members.get(input?.n ?? 0);
  return member === undefined || (member.attempt === attempt && member.phase !== "backoff");
};
